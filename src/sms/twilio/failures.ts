/**
 * What an error of Twilio's SDK, or an answer that is no success, proves about a message. Nothing of the error itself
 * leaves this file: it may hold credentials, the number and the code. Each product of Twilio's has a table of codes of
 * its own.
 */
import type { DeliveryReport, ReportedStatus } from '../../domain/delivery.ts';
import type { CodeRow, Verdict } from '../code-table.ts';
import { type FaultWord, faultFailure, faultWord } from '../faults.ts';
import { httpFailure } from '../http-status.ts';
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
  return faultFailure(wordOf(error), exchange.unsent !== true);
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
  return withFacts(faultFailure(word, true), exchange);
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
  if (status < 300) return faultFailure('malformed', true);
  return ofCode(code, codes) ?? uncoded(httpFailure(status), code, `http_${status}`);
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

/** Why no answer came. */
function wordOf(error: unknown): FaultWord {
  return faultWord(fieldOf(error, 'code') ?? fieldOf(fieldOf(error, 'cause'), 'code'));
}
