/** What the RPCs take and answer, in domain terms. The fields of requests have the names of the proto. */
import type { Caller } from '../domain/caller.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { CallFacts } from '../event.ts';
import type { VerificationState } from '../store/store.ts';

/** Who calls, and how long the call may take. */
export interface Call {
  readonly caller: Caller;
  /** Fires when the caller gives up, or at the deadline: the caller's or ours, whichever is first. */
  readonly signal: AbortSignal;
  /** Milliseconds until the deadline, never negative. */
  remainingMs(): number;
  /** For the one log line of the call; filled in as they become known. */
  readonly facts: CallFacts;
}

export interface ClientInput {
  readonly ip: string;
  readonly deviceId: string;
  readonly userAgent: string;
  readonly sessionId: string;
}

export interface SendCodeInput {
  readonly phone: string;
  readonly region: string;
  readonly purpose: string;
  readonly locale: string;
  readonly requestId: string;
  readonly client?: ClientInput | undefined;
  readonly captchaToken: string;
  readonly variables: Readonly<Record<string, string>>;
}

export interface SendCodeOutput {
  readonly verificationId: string;
  readonly expiresAt: number;
  readonly resendAt: number;
  readonly phoneMasked: string;
  readonly sendsRemaining: number;
  readonly delivery: Delivery;
  readonly test: boolean;
  /** Empty unless it was only printed, in development. */
  readonly code: string;
}

export interface CheckCodeInput {
  readonly verificationId: string;
  readonly phone: string;
  readonly region: string;
  readonly purpose: string;
  readonly code: string;
  readonly requestId: string;
  readonly client?: ClientInput | undefined;
  readonly variables: Readonly<Record<string, string>>;
}

export type CheckCodeOutput =
  | { readonly result: 'approved'; readonly verificationId: string; readonly verifiedAt: number }
  | { readonly result: 'wrong_code'; readonly verificationId: string; readonly attemptsRemaining: number }
  | { readonly result: 'exhausted'; readonly verificationId: string }
  | { readonly result: 'not_found' };

export interface RateStatusInput {
  readonly phone: string;
  readonly region: string;
  readonly purpose: string;
  readonly client?: ClientInput | undefined;
}

export interface RateStatusOutput {
  readonly canSend: boolean;
  readonly canCheck: boolean;
  readonly limits: readonly LimitOutput[];
  /** `endsAt` is null when no cooldown runs. */
  readonly cooldown: { readonly endsAt: number | null; readonly retryAfterMs: number; readonly level: number };
  readonly guessBudget: {
    readonly limit: number;
    readonly used: number;
    readonly remaining: number;
    readonly attemptsRemaining: number;
    readonly retryAfterMs: number;
  };
  /** Empty when `canSend`. */
  readonly blockedBy: string;
  /** 0 when `canSend`, and when no wait helps. */
  readonly retryAfterMs: number;
}

export interface LimitOutput {
  readonly name: string;
  readonly limit: number;
  readonly used: number;
  /** How many of `used` this caller made. */
  readonly usedByCaller: number;
  readonly remaining: number;
  readonly windowMs: number;
  /** Null when the window is empty. */
  readonly resetsAt: number | null;
  /** 0 when it allows one more now. */
  readonly retryAfterMs: number;
}

export interface GetVerificationInput {
  readonly verificationId: string;
  readonly phone: string;
  readonly region: string;
  readonly purpose: string;
}

export interface CancelVerificationInput {
  readonly verificationId: string;
  readonly purpose: string;
}

export interface VerificationOutput {
  /** Empty when only the approval of the phone is still known. */
  readonly verificationId: string;
  readonly purpose: string;
  readonly state: VerificationState;
  /** Times are null when they are not known any more. */
  readonly createdAt: number | null;
  readonly expiresAt: number | null;
  readonly approvedAt: number | null;
  readonly sends: number;
  readonly attempts: number;
  readonly attemptsRemaining: number;
  readonly delivery: Delivery | null;
  readonly phoneVerifiedAt: number | null;
}
