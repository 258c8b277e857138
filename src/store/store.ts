/**
 * The seam between the verifier and the state: one method per atomic transition, each one round trip. When the store is
 * down, stalled or late, nobody knows what it did: every method then throws Refused with STORE_UNAVAILABLE.
 * Implementations: redis.ts (the Lua scripts) and memory.ts; both pass test/store/contract.ts.
 * All times are milliseconds since the epoch on the store's own clock. No argument ever contains a phone or a code.
 */
import type { Delivery } from '../domain/delivery.ts';
import type { SendStatus } from '../domain/limits.ts';
import type { Limit, ResendPolicy } from '../domain/policy.ts';
import type { Slot } from '../domain/slot.ts';
import type {
  LinkCommand,
  LinkReply,
  LookupCommand,
  LookupReply,
  ReportCommand,
  ReportReply,
} from './report-commands.ts';
import type { GiveCommand, TakeCommand, TakeReply } from './takes.ts';

export type { ReportReply } from './report-commands.ts';

export interface Store {
  send(command: SendCommand): Promise<SendReply>;
  /** Records the outcome of a send. The first call decides; later calls for the same send change nothing. */
  settle(command: SettleCommand): Promise<void>;
  check(command: CheckCommand): Promise<CheckReply>;
  cancel(command: CancelCommand): Promise<RecordReply>;
  status(command: StatusCommand): Promise<StatusReply>;
  /**
   * Records what a vendor reports about a send, by the rules of domain/reports.ts. A delivered message stays delivered,
   * in whatever order reports and `settle` come.
   */
  report(command: ReportCommand): Promise<ReportReply>;
  /** Remembers for REPORT_MS to which send a vendor's message id belongs; the first link stays. */
  link(command: LinkCommand): Promise<LinkReply>;
  /**
   * Finds the send of a vendor's message id. When the id is not linked yet, the report is kept until `link`, for
   * EARLY_REPORT_MS, and in WAITING_REPORTS of its bucket. In whichever order the two calls come, no report is lost.
   */
  lookup(command: LookupCommand): Promise<LookupReply>;
  /** Takes from every row of a subject, or from none. What was taken is given back by `give`, or by itself after each row's window. */
  take(command: TakeCommand): Promise<TakeReply>;
  give(command: GiveCommand): Promise<void>;
  /** Throws unless the store answers and accepts writes. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export interface SendRules {
  readonly lifeMs: number;
  readonly digits: number;
  readonly guesses: number;
  readonly resend: ResendPolicy;
  readonly cooldownMs: number;
  /** At least one. */
  readonly windows: readonly Limit[];
  /**
   * A test number: no limit is checked or charged, wrong guesses count for the code only, and every send starts a new
   * verification. Its approval counts like any other.
   */
  readonly test: boolean;
}

export interface SendCommand {
  readonly slot: Slot;
  readonly rules: SendRules;
  /** Unique per send. */
  readonly sendId: string;
  /** For a new verification; ignored when the live code is sent again. */
  readonly candidate: { readonly nonce: string; readonly seed: string; readonly codeMac: string };
  /** Keyed hash of the session, empty when the request has no session. */
  readonly session: string;
  /** Keyed hash of the request's variables: the code that is live goes out again only with the same. */
  readonly content: string;
  readonly request: RequestKey | null;
}

/** An idempotency key and what it is bound to. */
export interface RequestKey {
  readonly hash: string;
  /** Fingerprint of the content: the same key with other content is refused. */
  readonly content: string;
}

/** What SendCode answers; stored, so that a repeated request id gets the same answer. */
export interface Reservation {
  readonly nonce: string;
  /** When this SMS was reserved. */
  readonly sentAt: number;
  readonly expiresAt: number;
  readonly resendAt: number;
  readonly sendsRemaining: number;
}

export type SendReply =
  /** Charged: the caller must send, then settle. The code derives from `seed`. */
  | { readonly kind: 'reserved'; readonly reservation: Reservation; readonly seed: string }
  /**
   * The stored answer. `delivery` is as recent as the record's, and null when its call was lost with its process
   * and the code cannot go out once more: maybe sent. `seed` is null when the code is no longer live; `expiresAt` is then not in the future.
   */
  | {
      readonly kind: 'replayed';
      readonly reservation: Reservation;
      readonly delivery: Delivery | null;
      readonly seed: string | null;
      readonly now: number;
    }
  | { readonly kind: 'request_id_reused' }
  /**
   * The first call with this request id is unsettled, and began less than SENDING_MS ago: whether there will be an SMS
   * is not known yet.
   */
  | { readonly kind: 'under_way'; readonly retryAfterMs: number }
  /** This request was answered, and its code died in a failover. */
  | { readonly kind: 'code_lost' }
  /** `by` is `cooldown`, or the name of a send window or guess budget: the limit that refuses for the longest time. */
  | { readonly kind: 'blocked'; readonly by: string; readonly retryAfterMs: number };

export interface SettleCommand {
  readonly slot: Slot;
  readonly sendId: string;
  readonly requestHash: string | null;
  /**
   * The providers' results; reports that came before are merged into it. Null when surely nothing was sent: the charge
   * is given back, unless a report says that the message was delivered.
   */
  readonly delivery: Delivery | null;
}

export interface CheckCommand {
  readonly slot: Slot;
  /** The nonce of the verification id; null when the guess comes by phone. */
  readonly nonce: string | null;
  readonly session: string;
  readonly codeMac: string;
  /** Keyed hash of the variables of the send that is meant; empty when the guess names none. */
  readonly content: string;
  /** Must depend on the whole guess: code, purpose, target, session and variables. */
  readonly request: RequestKey | null;
  /** What only the service can compute, for this request: stored with an approval, so that a replay believes no other. */
  readonly approvedTag: string;
  readonly guessesByPhone: number;
}

export type CheckReply =
  /** `delivery` of the message with the code; null in a replay and while unsettled. */
  | { readonly kind: 'approved'; readonly nonce: string; readonly at: number; readonly delivery: Delivery | null }
  | { readonly kind: 'wrong'; readonly nonce: string; readonly remaining: number }
  | { readonly kind: 'exhausted'; readonly nonce: string }
  | { readonly kind: 'not_found' }
  | { readonly kind: 'request_id_reused' };

export interface CancelCommand {
  readonly slot: Slot;
  readonly nonce: string;
}

export type VerificationState = 'pending' | 'approved' | 'expired' | 'exhausted' | 'canceled';

export interface VerificationRecord {
  readonly nonce: string;
  readonly state: VerificationState;
  readonly createdAt: number;
  /** Of the last SMS. */
  readonly sentAt: number;
  readonly expiresAt: number;
  readonly approvedAt: number | null;
  readonly sends: number;
  readonly attempts: number;
  readonly attemptsRemaining: number;
  /** Of the last SMS; null while unsettled. */
  readonly delivery: Delivery | null;
}

export interface RecordReply {
  readonly now: number;
  readonly record: VerificationRecord | null;
  /** When this phone was last approved for this caller and purpose. */
  readonly phoneVerifiedAt: number | null;
}

export interface StatusCommand {
  readonly slot: Slot;
  /** Only this verification's record; null for the current one. */
  readonly nonce: string | null;
  readonly cooldownMs: number;
  readonly windows: readonly Limit[];
}

/** Windows in the order asked for, budgets in the order of GUESS_BUDGETS. */
export type StatusReply = RecordReply & SendStatus;
