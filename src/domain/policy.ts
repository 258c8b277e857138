/** What the operator decides about codes and limits, after configuration has been read. Pure data. */
import { MAX_CHARACTERS } from './variables.ts';

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
  /** Whether SendCode and CheckCode must name the variables, and a code confirms only those that it was sent with. */
  readonly variablesRequired: boolean;
  /** What the SMS ends with, and texts of the operator's own. */
  readonly message: MessagePolicy;
}

export interface MessagePolicy {
  /** Host that browsers bind the code to (WebOTP): the last line is `@host #code`. Empty without one. */
  readonly webOtpDomain: string;
  /** The 11 characters by which Android's SMS Retriever finds its app. Empty without one. */
  readonly androidAppHash: string;
  /**
   * Texts by BCP 47 tag in lower case, `*` for every other language, with `{code}`, `{minutes}`, `{brand}` and the
   * request's variables by name.
   */
  readonly texts: ReadonlyMap<string, string>;
  /** Names of the variables that a provider's approved templates ask for, whatever the text. */
  readonly requiredVariables: readonly string[];
  /** The most characters that those templates take in one variable; an empty one they never take. */
  readonly variableCharacters: number;
}

/** Bundled texts, with nothing after them. */
export const PLAIN_MESSAGE: MessagePolicy = {
  webOtpDomain: '',
  androidAppHash: '',
  texts: new Map(),
  requiredVariables: [],
  variableCharacters: MAX_CHARACTERS,
};

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

/**
 * A send counts for other callers as if made at the next multiple of this, so that no wait and no end of one tells
 * them when it was. Their waits are longer by up to as much, and sufficient. (Who asks all the time sees a count grow.)
 */
export const SHARED_GRID_MS = 10_000;

/** Wrong guesses for one phone, caller and purpose; survives resends, cleared only by success (NIST: at most 100). */
export const GUESS_BUDGETS: readonly Limit[] = [
  { name: 'guesses_day', limit: 20, windowMs: 24 * 3_600_000 },
  { name: 'guesses_month', limit: 100, windowMs: 30 * 24 * 3_600_000 },
];

/** How long a stored answer or verdict can be asked for again under its `request_id`. */
export const REPLAY_MS = 600_000;
/** How long a record can be read after its code's life, or after its approval. */
export const RETENTION_MS = 24 * 3_600_000;
/** How many sends in a row that all turn out not to have been sent are taken back one by one, to the code before them. */
export const UNDO_STEPS = 3;
/** How long after a send its vendor's reports are matched with it. Vendors report within 3 days. */
export const REPORT_MS = 3 * 24 * 3_600_000;
/** How long a report waits for its send to be known. */
export const EARLY_REPORT_MS = 3_600_000;
/** How long it is known that a phone was approved, for whom and when: the record of that is gone before. */
export const APPROVAL_RETENTION_MS = 30 * 24 * 3_600_000;
