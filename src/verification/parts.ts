/** What the verifier is made of. */
import type { Delivery } from '../domain/delivery.ts';
import type { Keyring } from '../domain/keyring.ts';
import type { PhonePolicy } from '../domain/phone.ts';
import type { LimitPolicy, PurposePolicy } from '../domain/policy.ts';
import type { Emit } from '../event.ts';
import type { Dispatch } from '../sms/dispatch.ts';
import type { Store } from '../store/store.ts';

export interface VerifierParts {
  readonly store: Store;
  readonly dispatch: Dispatch;
  readonly keyring: Keyring;
  readonly purposes: ReadonlyMap<string, PurposePolicy>;
  readonly limits: LimitPolicy;
  readonly phones: PhonePolicy;
  /** Names the sender in the text. */
  readonly brand: string;
  /** Cryptographically strong random bytes. */
  readonly random: (bytes: number) => Buffer;
  readonly emit: Emit;
  /** Runs a task later, in the background. */
  readonly schedule: (task: () => Promise<void>, ms: number) => void;
  /** The fixed code of a test number (E.164), at least as long as any purpose's; null for all others. */
  readonly testCode: (e164: string) => string | null;
  /** Makes a vendor's message id lead to its send, where reports come by it. Never rejects. */
  readonly link: (delivery: Delivery, reportToken: string) => Promise<void>;
  /** Tells the vendor in the background that a message's code was entered. */
  readonly feedback: (delivery: Delivery, at: number) => void;
  /** Show the console provider's codes to the caller: development only. */
  readonly discloseCodes: boolean;
}
