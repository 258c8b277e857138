/**
 * What an error of Twilio's SDK, or an answer that is no success, proves about a message. Nothing of the error itself
 * leaves this file: it may hold credentials, the number and the code. Each product of Twilio's has a table of codes of
 * its own.
 */
import type { DeliveryReport, ReportedStatus } from '../../domain/delivery.ts';
import type { CodeRow, Verdict } from '../code-table.ts';
import { type FaultWord, faultWord } from '../faults.ts';
import type { Failure } from '../provider.ts';
import type { Exchange } from './client.ts';

export type TwilioCodes = ReadonlyMap<string, CodeRow>;

/** A failure for which it is not decided yet whether another provider may try a blocked number. */
export interface TwilioFailure extends Verdict, Pick<Failure, 'vendorCode' | 'requestId' | 'unlistedCode'> {}

/**
 * What the SDK threw. An answer that came whole decides; without one, whether any part of the request may have been
 * sent.
 */
export function failureOf(error: unknown, exchange: Exchange, codes: TwilioCodes): TwilioFailure {
  if (exchange.status !== undefined) {
    return withFacts(answered(exchange.status, fieldOf(error, 'code'), codes), exchange);
  }
  const word = wordOf(error);
  return exchange.unsent ? unsent(word) : doubt(word);
}

/** A message that Twilio took and says has failed: it will not be delivered. `status` is one of Twilio's words. */
export function failureAtOnce(
  message: { status: string; errorCode: unknown },
  exchange: Exchange,
  codes: TwilioCodes,
): TwilioFailure {
  const failure = ofCode(message.errorCode, codes) ?? uncoded(AT_ONCE, message.errorCode, message.status);
  return withFacts(failure, exchange);
}

/** A success that lacks what every success has: `word` says what. Maybe sent. */
export function doubtful(word: FaultWord, exchange: Exchange): TwilioFailure {
  return withFacts(doubt(word), exchange);
}

/** Why a message that Twilio took did not arrive. `code` is empty when Twilio gives none. */
export function reasonOf(
  status: ReportedStatus,
  code: string,
  codes: TwilioCodes,
): Pick<DeliveryReport, 'category' | 'vendorCode'> {
  if (status !== 'failed') return { category: '', vendorCode: '' };
  const row = codes.get(code);
  if (row !== undefined) return { category: row.category, vendorCode: code };
  return { category: 'unknown', vendorCode: code === '' ? '' : 'other' };
}

/** The meaning of a code, in a sentence or three for the operator; empty for what is not a code. */
export function explainCode(code: string, codes: TwilioCodes): string {
  if (!/^[1-9]\d{4}$/.test(code)) return '';
  const page = `See https://www.twilio.com/docs/errors/${code} for more.`;
  const row = codes.get(code);
  return row === undefined ? page : `${row.meaning} ${page}`;
}

/** `name` of an object; undefined when `value` is something else. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

type Uncoded = Omit<Verdict, 'retryAfterMs'>;

const AT_ONCE: Uncoded = { kind: 'unavailable', category: 'unknown', status: 'UNAVAILABLE', actor: 'operator' };

function withFacts(failure: TwilioFailure, { retryAfterMs, requestId }: Exchange): TwilioFailure {
  return {
    ...failure,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(requestId !== undefined && { requestId }),
  };
}

function answered(status: number, code: unknown, codes: TwilioCodes): TwilioFailure {
  if (status < 300) return doubt('malformed');
  return ofCode(code, codes) ?? uncoded(byStatus(status), code, `http_${status}`);
}

function ofCode(code: unknown, codes: TwilioCodes): TwilioFailure | null {
  const row = codes.get(String(code));
  if (row === undefined) return null;
  const { meaning: _, ...verdict } = row;
  return { ...verdict, vendorCode: String(code) };
}

/** `word` goes for an answer without any code. */
function uncoded(verdict: Uncoded, code: unknown, word: string): TwilioFailure {
  const digits = String(code);
  if (!/^[1-9]\d{0,4}$/.test(digits)) return { ...verdict, vendorCode: word };
  // It may concern one number only: an outsider's odd numbers must not close Twilio for everybody.
  const odd = verdict.kind === 'unavailable';
  return { ...verdict, vendorCode: 'unlisted', unlistedCode: digits, ...(odd && { scope: 'message' }) };
}

/** RFC 9110 §15: what an answer without a known code proves. */
function byStatus(status: number): Uncoded {
  const operators = { kind: 'unavailable', status: 'INTERNAL', actor: 'operator' } as const;
  const temporary = { category: 'transient', status: 'UNAVAILABLE', actor: 'nobody' } as const;
  if (status === 401) return { ...operators, category: 'credentials' };
  if (status === 403) return { ...operators, category: 'permission' };
  if (status === 429) {
    return { kind: 'unavailable', category: 'rate_limited', status: 'UNAVAILABLE', actor: 'operator', retrySame: true };
  }
  // 303 says that the POST was carried out; 408 may come from a gateway that waited for Twilio in vain.
  if (status >= 500 || status === 303 || status === 408) return { ...temporary, kind: 'unknown' };
  if (status < 400 || status === 404 || status === 405) return { ...operators, category: 'configuration' };
  return { kind: 'unavailable', category: 'unknown', status: 'UNAVAILABLE', actor: 'operator' };
}

/** Why no answer came. */
function wordOf(error: unknown): FaultWord {
  return faultWord(fieldOf(error, 'code') ?? fieldOf(fieldOf(error, 'cause'), 'code'));
}

/** The connection was never established. */
function unsent(vendorCode: FaultWord): TwilioFailure {
  const actor = vendorCode === 'timeout' ? 'nobody' : 'operator';
  return { ...doubt(vendorCode), kind: 'unavailable', actor };
}

function doubt(vendorCode: FaultWord): TwilioFailure {
  const category = vendorCode === 'timeout' ? 'timeout' : 'transient';
  return { kind: 'unknown', category, vendorCode, status: 'UNAVAILABLE', actor: 'nobody' };
}
