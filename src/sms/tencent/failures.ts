/** What became of a message, by Tencent's code or by how the call failed. */
import type { FailureCategory } from '../../domain/delivery.ts';
import { kindOf } from '../code-table.ts';
import type { FaultWord } from '../faults.ts';
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

interface Fault {
  readonly category: FailureCategory;
  readonly actor: Actor;
}

/** Category and actor for the words of faults.ts. */
const FAULTS = {
  refused: { category: 'transient', actor: 'operator' },
  dns: { category: 'transient', actor: 'operator' },
  tls: { category: 'configuration', actor: 'operator' },
  unreachable: { category: 'transient', actor: 'operator' },
  network: { category: 'transient', actor: 'operator' },
  timeout: { category: 'timeout', actor: 'nobody' },
  reset: { category: 'transient', actor: 'nobody' },
  malformed: { category: 'unknown', actor: 'operator' },
  no_message_id: { category: 'unknown', actor: 'operator' },
  redirected: { category: 'configuration', actor: 'operator' },
  http_429: { category: 'rate_limited', actor: 'operator' },
  http_4xx: { category: 'configuration', actor: 'operator' },
  http_5xx: { category: 'transient', actor: 'nobody' },
} as const satisfies Readonly<Record<FaultWord | 'http_429' | 'http_4xx' | 'http_5xx', Fault>>;

/** Words of this provider alone. */
const OWN_FAULTS = {
  other_number: { category: 'unknown', actor: 'operator', meaning: 'the answer is about another number' },
  no_template: { category: 'configuration', actor: 'operator', meaning: 'no template is set for this destination' },
  no_signature: { category: 'configuration', actor: 'operator', meaning: 'mainland China needs a signature' },
  not_digits: { category: 'template', actor: 'operator', meaning: 'templates take codes and minutes of 1 to 6 digits' },
  no_variable: { category: 'template', actor: 'caller', meaning: 'the request lacks a variable of the template' },
} as const satisfies Readonly<Record<string, Fault & { readonly meaning: string }>>;

const ALL_FAULTS: Readonly<Record<string, Fault>> = { ...FAULTS, ...OWN_FAULTS };

export type TencentWord = FaultWord | keyof typeof OWN_FAULTS | `http_${number}`;

/** `maybeSent` unless it is known that nothing of the request left this machine. */
export function faulty(word: TencentWord, maybeSent: boolean, requestId = ''): Failure {
  const { category, actor } = faultOf(word);
  const ours = category === 'configuration' || category === 'template';
  return {
    kind: maybeSent ? 'unknown' : 'unavailable',
    category,
    vendorCode: word,
    status: ours && !maybeSent ? 'INTERNAL' : 'UNAVAILABLE',
    actor,
    ...(requestId !== '' && { requestId }),
  };
}

function faultOf(word: TencentWord): Fault {
  return ALL_FAULTS[word] ?? (word >= 'http_500' ? FAULTS.http_5xx : FAULTS.http_4xx);
}

/**
 * The meaning of a code of Tencent's, listed or not, or of a word of this provider alone: a sentence for the operator.
 */
export function explainTencent(code: string): string {
  const own = Object.hasOwn(OWN_FAULTS, code) ? OWN_FAULTS[code as keyof typeof OWN_FAULTS] : undefined;
  const { meaning } = own ?? TENCENT_CODES.get(code) ?? unlistedRow(code);
  return `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}.`;
}
