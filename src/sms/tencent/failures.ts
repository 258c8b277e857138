/** What became of a message, by Tencent's code or by how the call failed. */
import type { FailureCategory } from '../../domain/delivery.ts';
import type { Actor, Failure } from '../provider.ts';
import { type CodeRow, MAYBE_SENT, TENCENT_CODES, UNAVAILABLE } from './codes.ts';

export interface RefusalPolicy {
  /** Whether another provider may try a number that is blocked here. */
  readonly failOverBlocked: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** As Tencent writes codes; `FetchError` of the SDK has system codes such as ECONNRESET in the same place. */
const CODE = /^[A-Z][A-Za-z]+(\.[A-Za-z]*)?$/;
const MAX_CODE = 100;

export function isTencentCode(code: unknown): code is string {
  return typeof code === 'string' && code.length <= MAX_CODE && CODE.test(code) && !/^[A-Z]+$/.test(code);
}

/** `code` came for the call or for the number: it means the same. */
export function refusal(code: string, requestId: string, { failOverBlocked, now }: RefusalPolicy): Failure {
  const listed = TENCENT_CODES.get(code);
  const { kind, category, status, actor, wait, retrySame, local } = listed ?? unlistedRow(code);
  return {
    kind: kind === 'blocked' ? (failOverBlocked ? 'unavailable' : 'rejected') : kind,
    category,
    vendorCode: listed === undefined ? 'unlisted' : code,
    status,
    actor,
    ...(wait !== undefined && { retryAfterMs: wait === 'next_day' ? untilNextDay(now()) : wait }),
    ...(retrySame && { retrySame }),
    ...(local && { local }),
    ...(requestId !== '' && { requestId }),
    ...(listed === undefined && { unlistedCode: code }),
  };
}

const DAY_MS = 86_400_000;
const CHINA_MS = 8 * 3_600_000;

/** Tencent counts by calendar day, of China as far as is known. At least a second, as nobody should come back at once. */
function untilNextDay(now: number): number {
  return Math.max(DAY_MS - ((now + CHINA_MS) % DAY_MS), 1_000);
}

/** It may concern one number only: an outsider's odd numbers must not take Tencent from everybody. */
const UNLISTED = { ...UNAVAILABLE, actor: 'operator', local: true } as const;

const PREFIXES: readonly (readonly [RegExp, CodeRow])[] = [
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
const OTHER: CodeRow = { ...UNLISTED, category: 'unknown', meaning: 'Tencent refused' };

/** What a code that no row lists is taken for: surely not sent, unless it is an internal error. */
function unlistedRow(code: string): CodeRow {
  return PREFIXES.find(([prefix]) => prefix.test(code))?.[1] ?? OTHER;
}

interface Fault {
  readonly category: FailureCategory;
  readonly actor: Actor;
  readonly meaning: string;
}

/** Words of ours, where there is no code of Tencent's. */
const FAULTS = {
  refused: { category: 'transient', actor: 'operator', meaning: 'the connection was refused' },
  dns: { category: 'transient', actor: 'operator', meaning: 'the name of the endpoint could not be resolved' },
  tls: { category: 'configuration', actor: 'operator', meaning: 'the endpoint’s certificate is not trusted' },
  no_connection: { category: 'transient', actor: 'operator', meaning: 'no connection to the endpoint came about' },
  timeout: { category: 'timeout', actor: 'nobody', meaning: 'no answer in time' },
  connection_lost: { category: 'transient', actor: 'nobody', meaning: 'the connection broke before the answer' },
  malformed: { category: 'unknown', actor: 'operator', meaning: 'the answer is not one that Tencent documents' },
  no_serial: { category: 'unknown', actor: 'operator', meaning: 'accepted, but without an id of the message' },
  other_number: { category: 'unknown', actor: 'operator', meaning: 'the answer is about another number' },
  redirected: {
    category: 'configuration',
    actor: 'operator',
    meaning: 'the endpoint redirects, which is not followed',
  },
  http_429: { category: 'rate_limited', actor: 'operator', meaning: 'HTTP status 429 instead of an answer' },
  http_4xx: { category: 'configuration', actor: 'operator', meaning: 'an HTTP status instead of an answer' },
  http_5xx: { category: 'transient', actor: 'nobody', meaning: 'an HTTP status instead of an answer' },
  no_template: { category: 'configuration', actor: 'operator', meaning: 'no template is set for this destination' },
  no_signature: { category: 'configuration', actor: 'operator', meaning: 'mainland China needs a signature' },
  not_digits: { category: 'template', actor: 'operator', meaning: 'templates take codes and minutes of 1 to 6 digits' },
  no_variable: { category: 'template', actor: 'caller', meaning: 'the request lacks a variable of the template' },
} as const satisfies Readonly<Record<string, Fault>>;

export type FaultWord = Exclude<keyof typeof FAULTS, 'http_429' | 'http_4xx' | 'http_5xx'> | `http_${number}`;

/** `maybeSent` unless it is known that nothing of the request left this machine. */
export function faulty(word: FaultWord, maybeSent: boolean, requestId = ''): Failure {
  const { category, actor } = faultOf(word) ?? FAULTS.malformed;
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

function faultOf(word: string): Fault | undefined {
  if (Object.hasOwn(FAULTS, word)) return FAULTS[word as keyof typeof FAULTS];
  if (!/^http_\d{3}$/.test(word)) return undefined;
  return word >= 'http_500' ? FAULTS.http_5xx : FAULTS.http_4xx;
}

const ACTORS: Readonly<Record<Actor, string>> = {
  user: 'The person with the phone has to act.',
  caller: 'The calling application has to act.',
  operator: 'The operator has to act.',
  nobody: 'Nobody has to act.',
};

/** A sentence for the operator on a `vendorCode`, or a code as it came, and who has to act. */
export function explainTencent(code: string): string {
  const { meaning, actor } = TENCENT_CODES.get(code) ?? faultOf(code) ?? unlistedRow(code);
  return `${meaning.charAt(0).toUpperCase()}${meaning.slice(1)}. ${ACTORS[actor]}`;
}
