/**
 * What a gateway's answer to a message means (docs/webhook.md): its status says which of the four results it is, its
 * body why.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { FailureCategory } from '../../domain/delivery.ts';
import { faultFailure } from '../faults.ts';
import { isMaybeSent } from '../http-status.ts';
import type { Actor, Failure, FailureStatus, Message, SendResult } from '../provider.ts';
import type { PostResult } from './client.ts';

interface Meaning {
  readonly status: FailureStatus;
  readonly actor: Actor;
}

const OPERATOR: Meaning = { status: 'INTERNAL', actor: 'operator' };

/** All categories that a gateway may name; any other is `unknown`. */
const CATEGORIES: Readonly<Record<FailureCategory, Meaning>> = {
  invalid_number: { status: 'INVALID_ARGUMENT', actor: 'user' },
  unreachable: { status: 'FAILED_PRECONDITION', actor: 'user' },
  blocked: { status: 'FAILED_PRECONDITION', actor: 'user' },
  rate_limited: { status: 'UNAVAILABLE', actor: 'operator' },
  content: OPERATOR,
  template: OPERATOR,
  signature: OPERATOR,
  sender: OPERATOR,
  permission: { status: 'FAILED_PRECONDITION', actor: 'operator' },
  credentials: OPERATOR,
  balance: { status: 'UNAVAILABLE', actor: 'operator' },
  configuration: OPERATOR,
  transient: { status: 'UNAVAILABLE', actor: 'nobody' },
  timeout: { status: 'UNAVAILABLE', actor: 'nobody' },
  unknown: { status: 'UNAVAILABLE', actor: 'operator' },
};
/** A limit of this number, not of the account: the person with the phone has to wait. */
const NUMBER_LIMIT: Meaning = { status: 'RESOURCE_EXHAUSTED', actor: 'user' };
/** A number or content that is refused without a reason. */
const REFUSED: Meaning = { status: 'FAILED_PRECONDITION', actor: 'operator' };

/**
 * The category of a status of 3xx and 4xx, except 422 and those that prove nothing; `configuration` for one that is not
 * listed.
 */
const NOT_SENT: Readonly<Record<number, FailureCategory>> = {
  401: 'credentials',
  402: 'balance',
  403: 'credentials',
  425: 'transient',
  429: 'rate_limited',
};

/** The gateway knows this message already, and may be sending it. */
const KNOWN_ALREADY = 409;
/**
 * Categories about the number: no other provider is tried, even if the status is not 422, which is the right one for
 * them.
 */
const OF_THE_NUMBER: ReadonlySet<FailureCategory | null> = new Set(['invalid_number', 'blocked']);

/** Statuses that mean "accepted" even without a body; the message then has our id. */
const ACCEPTED = new Set([202, 204]);
const MIN_WAIT_MS = 1_000;
const MAX_WAIT_MS = 24 * 3_600_000;

/** `now` is milliseconds since the epoch, for a `Retry-After` that is a date. */
export function resultOf(posted: PostResult, message: Message, now: number): SendResult {
  if (posted.kind === 'failed') return faultFailure(posted.fault, posted.written);
  const { status, headers, body, fault } = posted;
  const answer = objectIn(body);
  if (status >= 200 && status < 300) {
    if (fault !== null) return faultFailure(fault, true);
    return acceptedResult(status, body === '' ? null : (answer ?? {}), message);
  }

  const category = categoryIn(answer);
  const retryAfterMs = waitOf(answer, headers, now);
  const details = {
    vendorCode: `http_${status}`,
    ...(retryAfterMs !== null && { retryAfterMs }),
    ...scopeIn(answer),
    ...idsIn(answer, headers, message),
  };
  if (status === 422 || (status >= 400 && status < 500 && OF_THE_NUMBER.has(category))) {
    const rejected = category ?? 'unknown';
    return { kind: 'rejected', category: rejected, ...meaningOfRejected(rejected), ...details };
  }
  if (!isMaybeSent(status) && status !== KNOWN_ALREADY) {
    const why = category ?? NOT_SENT[status] ?? 'configuration';
    return { kind: 'unavailable', category: why, ...CATEGORIES[why], ...details, retrySame: status === 429 };
  }
  // `sent: false` proves that the gateway itself answers: a proxy before it may say 503 as well.
  if (status === 503 && answer?.sent === false) {
    const why = category ?? 'transient';
    return { kind: 'unavailable', category: why, ...CATEGORIES[why], ...details, retrySame: retryAfterMs !== null };
  }
  return { kind: 'unknown', category: category ?? 'transient', ...CATEGORIES.transient, ...details };
}

/** The category in a gateway's answer; null when there is none. */
export function categoryIn(answer: Readonly<Record<string, unknown>> | null): FailureCategory | null {
  const category = answer?.category;
  if (category === undefined || category === null) return null;
  const known = typeof category === 'string' && Object.hasOwn(CATEGORIES, category);
  return known ? (category as FailureCategory) : 'unknown';
}

/** Null unless the text is a JSON object. */
export function objectIn(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    // For example the page of a proxy.
    return null;
  }
}

/** The id of a message, as a gateway may choose it; null when the value is not one. */
export function messageIdIn(value: unknown): string | null {
  return typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value) ? value : null;
}

function acceptedResult(
  status: number,
  answer: Readonly<Record<string, unknown>> | null,
  message: Message,
): SendResult {
  if (answer === null && ACCEPTED.has(status)) return { kind: 'accepted', messageId: message.sendId, segments: null };
  const given = messageIdIn(answer?.message_id);
  if (given === null) return faultFailure('malformed', true);
  const segments = answer?.segments;
  return {
    kind: 'accepted',
    messageId: reveals(given, message) ? message.sendId : given,
    segments: Number.isInteger(segments) && Number(segments) > 0 && Number(segments) < 100 ? Number(segments) : null,
  };
}

/** A gateway may have several vendors behind it: what fails for one country must not shut the others out. */
function scopeIn(answer: Readonly<Record<string, unknown>> | null): Pick<Failure, 'scope'> {
  const { scope } = answer ?? {};
  return scope === 'country' || scope === 'message' ? { scope } : {};
}

function meaningOfRejected(category: FailureCategory): Meaning {
  if (category === 'rate_limited') return NUMBER_LIMIT;
  return category === 'unknown' ? REFUSED : CATEGORIES[category];
}

const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;

/** The body's milliseconds, else `Retry-After` in seconds or as a date (RFC 9110 §10.2.3); null without both. */
function waitOf(
  answer: Readonly<Record<string, unknown>> | null,
  headers: IncomingHttpHeaders,
  now: number,
): number | null {
  const given = answer?.retry_after_ms;
  const header = headers['retry-after'] ?? '';
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Number.NaN;
  const wait =
    typeof given === 'number' && given >= 0 ? given : HTTP_DATE.test(header) ? Date.parse(header) - now : seconds;
  return Number.isNaN(wait) ? null : Math.round(Math.min(Math.max(wait, MIN_WAIT_MS), MAX_WAIT_MS));
}

const WORD = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$/;

/** For the log: words without spaces that reveal nothing of the message. */
function idsIn(
  answer: Readonly<Record<string, unknown>> | null,
  headers: IncomingHttpHeaders,
  message: Message,
): Pick<Failure, 'unlistedCode' | 'requestId'> {
  const loggable = (value: unknown): value is string =>
    typeof value === 'string' && WORD.test(value) && !reveals(value, message);
  const { error_code: code } = answer ?? {};
  const { 'x-request-id': id } = headers;
  return { ...(loggable(code) && { unlistedCode: code }), ...(loggable(id) && { requestId: id }) };
}

/**
 * Whether it holds the code or the number, with or without its country code: a gateway may repeat what it was given.
 */
function reveals(value: string, { to, code }: Message): boolean {
  return value.includes(code) || value.replace(/[^0-9]/g, '').includes(to.slice(-7));
}
