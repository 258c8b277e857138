/** What became of a message, by Tencent's code, or by what was found wrong before or after the call. */
import type { FailureCategory } from '../../domain/delivery.ts';
import { kindOf } from '../code-table.ts';
import type { Actor, Failure } from '../provider.ts';
import { MAYBE_SENT, TENCENT_CODES, type TencentRow, UNAVAILABLE } from './codes.ts';

export interface RefusalPolicy {
  /** Whether another provider may try a number that is blocked here. */
  readonly failOverBlocked: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** How Tencent writes codes. The SDK's `FetchError` has codes of the system, such as ECONNRESET, in the same place. */
const CODE = /^[A-Z][A-Za-z]+(\.[A-Za-z]*)?$/;
const MAX_CODE = 100;

export function isTencentCode(code: unknown): code is string {
  return typeof code === 'string' && code.length <= MAX_CODE && CODE.test(code) && !/^[A-Z]+$/.test(code);
}

/** `code` may have come for the call or for the number: it means the same. */
export function refusal(code: string, requestId: string, { failOverBlocked, now }: RefusalPolicy): Failure {
  const listed = TENCENT_CODES.get(code);
  const row = listed ?? unlistedRow(code);
  const { category, status, actor, retryAfterMs, retrySame, scope } = row;
  return {
    kind: kindOf(row, failOverBlocked),
    category,
    vendorCode: listed === undefined ? 'unlisted' : code,
    status,
    actor,
    ...(retryAfterMs !== undefined && {
      retryAfterMs: retryAfterMs === 'next_day' ? untilNextDay(now()) : retryAfterMs,
    }),
    ...(retrySame && { retrySame }),
    ...(scope && { scope }),
    ...(requestId !== '' && { requestId }),
    ...(listed === undefined && { unlistedCode: code }),
  };
}

const DAY_MS = 86_400_000;
const CHINA_MS = 8 * 3_600_000;

/** Tencent counts by calendar day; of China, it seems. At least a second, so that callers do not repeat at once. */
function untilNextDay(now: number): number {
  return Math.max(DAY_MS - ((now + CHINA_MS) % DAY_MS), 1_000);
}

/** It may concern one number only: an outsider's odd numbers must not close Tencent for everybody. */
const UNLISTED = { ...UNAVAILABLE, actor: 'operator', scope: 'message' } as const;

const PREFIXES: readonly (readonly [RegExp, TencentRow])[] = [
  [
    /^(AuthFailure|UnauthorizedOperation)\./,
    { ...UNLISTED, category: 'credentials', meaning: 'this key or account may not send' },
  ],
  [/^(RequestLimitExceeded|LimitExceeded)\./, { ...UNLISTED, category: 'rate_limited', meaning: 'some limit was hit' }],
  [
    /^InternalError\./,
    { ...MAYBE_SENT, category: 'transient', actor: 'operator', meaning: 'Tencent failed inside; maybe sent' },
  ],
];
const OTHER: TencentRow = { ...UNLISTED, category: 'unknown', meaning: 'Tencent refused' };

/** How a code is treated that no row lists: as surely not sent, unless it is an internal error. */
function unlistedRow(code: string): TencentRow {
  return PREFIXES.find(([prefix]) => prefix.test(code))?.[1] ?? OTHER;
}

const UNFIT = { maybeSent: false, actor: 'operator' } as const;
const UNFIT_FATE = { kind: 'unavailable', status: 'INTERNAL' } as const;

interface OwnFault {
  readonly maybeSent: boolean;
  readonly category: FailureCategory;
  readonly actor: Actor;
  readonly meaning: string;
}

/** What this provider alone finds wrong: before a request is made, or in the answer to it. */
const OWN_FAULTS = {
  other_number: {
    maybeSent: true,
    category: 'unknown',
    actor: 'operator',
    meaning: 'the answer is about another number',
  },
  no_template: { ...UNFIT, category: 'configuration', meaning: 'no template is set for this destination' },
  no_signature: { ...UNFIT, category: 'configuration', meaning: 'mainland China needs a signature' },
  not_digits: { ...UNFIT, category: 'template', meaning: 'templates take codes and minutes of 1 to 6 digits' },
  no_variable: {
    ...UNFIT,
    category: 'template',
    actor: 'caller',
    meaning: 'the request lacks a variable of the template',
  },
} as const satisfies Readonly<Record<string, OwnFault>>;

export function ownFailure(word: keyof typeof OWN_FAULTS): Failure {
  const { maybeSent, category, actor } = OWN_FAULTS[word];
  const fate = maybeSent ? MAYBE_SENT : UNFIT_FATE;
  return { ...fate, category, vendorCode: word, actor };
}

/**
 * The meaning of a code of Tencent's, listed or not, or of a word of this provider alone: a sentence for the operator.
 */
export function explainTencent(code: string): string {
  const own = Object.hasOwn(OWN_FAULTS, code) ? OWN_FAULTS[code as keyof typeof OWN_FAULTS] : undefined;
  const { meaning } = own ?? TENCENT_CODES.get(code) ?? unlistedRow(code);
  return `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
}
