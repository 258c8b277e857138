/** What the operator decides about codes and limits, after configuration has been read. Pure data. */

/** One sliding window over the sends to a phone. */
export interface Limit {
  /** As RateStatus and QuotaFailure name it, `phone_hour`. */
  readonly name: string;
  readonly limit: number;
  readonly windowMs: number;
}

/** What a second SendCode does while a code is live: repeat the code (a late SMS stays valid) or replace it. */
export type ResendPolicy = 'same' | 'new';

export interface PurposePolicy {
  readonly name: string;
  /** 4 to 8. */
  readonly digits: number;
  /** At most 10 minutes (NIST SP 800-63B-4 §3.1.3.2). */
  readonly lifeMs: number;
  /** Guesses that one code allows. */
  readonly guesses: number;
  /** How many of these may come by bare phone number instead of by verification id. */
  readonly guessesByPhone: number;
  readonly resend: ResendPolicy;
}

export interface LimitPolicy {
  /** Base of the growing pause between two SMS to one phone. */
  readonly cooldownMs: number;
  /** Windows over the sends to one phone, of all callers and purposes together. */
  readonly windows: readonly Limit[];
}

/** Multiples of the cooldown after the first, second, … SMS of the last hour since the last approval. */
export const COOLDOWN_STEPS = [1, 1, 2, 5, 10] as const;
/** How far back the cooldown counts sends. */
export const COOLDOWN_MEMORY_MS = 3_600_000;

/** Wrong guesses for one phone, caller and purpose; survives resends, cleared only by success (NIST: at most 100). */
export const GUESS_BUDGETS: readonly Limit[] = [
  { name: 'guesses_day', limit: 20, windowMs: 24 * 3_600_000 },
  { name: 'guesses_month', limit: 100, windowMs: 30 * 24 * 3_600_000 },
];

/** How long a stored answer or verdict can be asked for again under its `request_id`. */
export const REPLAY_MS = 600_000;
/** How long a record can be read after its code's life. */
export const RETENTION_MS = 24 * 3_600_000;
/** How long an approval can be read. */
export const APPROVAL_RETENTION_MS = 30 * 24 * 3_600_000;
