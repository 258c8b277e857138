/** What an error of Twilio's SDK, or a message that failed at once, proves: nothing of the error itself leaves this file. */
import { type FaultWord, faultWord } from '../faults.ts';
import type { Failure } from '../provider.ts';
import type { Exchange } from './client.ts';
import { TWILIO_CODES } from './codes.ts';

type Told = Omit<Failure, 'kind'> & { readonly kind: Failure['kind'] | 'blocked' };

/** What the SDK threw. An answer that came whole decides, else whether anything of the request may have left. */
export function failureOf(error: unknown, exchange: Exchange): Told {
  if (exchange.status !== undefined) return withFacts(answered(exchange.status, fieldOf(error, 'code')), exchange);
  const word = wordOf(error);
  return exchange.unsent ? unsent(word) : doubt(word);
}

/** A message that Twilio took and says has failed: it will not be delivered. `status` is one of Twilio's words. */
export function failureAtOnce(message: { status: string; errorCode: unknown }, exchange: Exchange): Told {
  const told = ofCode(message.errorCode) ?? uncoded(AT_ONCE, message.errorCode, message.status);
  return withFacts(told, exchange);
}

/** Twilio's answer is a success that names no message. */
export function unnamed(exchange: Exchange): Told {
  return withFacts(doubt('no_message_id'), exchange);
}

const AT_ONCE = { kind: 'unavailable', category: 'unknown', status: 'UNAVAILABLE', actor: 'operator' } as const;

function withFacts(told: Told, { retryAfterMs, requestId }: Exchange): Told {
  return {
    ...told,
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(requestId !== undefined && { requestId }),
  };
}

function answered(status: number, code: unknown): Told {
  if (status < 300) return doubt('malformed');
  return ofCode(code) ?? uncoded(byStatus(status), code, `http_${status}`);
}

function ofCode(code: unknown): Told | null {
  const row = TWILIO_CODES.get(String(code));
  if (row === undefined) return null;
  const { meaning: _, ...verdict } = row;
  return { ...verdict, vendorCode: String(code) };
}

/** `word` where there is no code at all. */
function uncoded(told: Omit<Told, 'vendorCode'>, code: unknown, word: string): Told {
  const digits = String(code);
  if (!/^[1-9]\d{0,4}$/.test(digits)) return { ...told, vendorCode: word };
  // It may concern one number only: an outsider's odd numbers must not take Twilio from everybody.
  const local = told.kind === 'unavailable';
  return { ...told, vendorCode: 'unlisted', unlistedCode: digits, ...(local && { local }) };
}

/** RFC 9110 §15: what an answer without a known code proves. */
function byStatus(status: number): Omit<Told, 'vendorCode'> {
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

/** No connection came about. */
function unsent(vendorCode: FaultWord): Told {
  const actor = vendorCode === 'timeout' ? 'nobody' : 'operator';
  return { ...doubt(vendorCode), kind: 'unavailable', actor };
}

function doubt(vendorCode: FaultWord): Told {
  const category = vendorCode === 'timeout' ? 'timeout' : 'transient';
  return { kind: 'unknown', category, vendorCode, status: 'UNAVAILABLE', actor: 'nobody' };
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}
