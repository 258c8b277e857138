/** What an error or an answer of Verify proves, by Verify's own table of codes. */
import type { Failure } from '../provider.ts';
import type { Exchange } from '../twilio/client.ts';
import { failureOf, fieldOf, type TwilioFailure } from '../twilio/failures.ts';
import { INVALID_TO, TWILIO_VERIFY_CODES } from './codes.ts';

/** 60200 is about any parameter; only its text says which one. The text may contain the number: it is not kept. */
const NAMES_TO = /\bparameter:?\s+[`'"]?To\b/i;

/** The failure of a request that starts a verification. */
export function verifyFailure(error: unknown, exchange: Exchange): TwilioFailure {
  const failure = failureOf(error, exchange, TWILIO_VERIFY_CODES);
  if (failure.vendorCode !== '60200' || !NAMES_TO.test(String(fieldOf(error, 'message')))) return failure;
  const { scope: _, ...rest } = failure;
  return { ...rest, ...INVALID_TO };
}

/** The failure of the request before it, which never sends anything. */
export function unsentFailure(error: unknown, exchange: Exchange): TwilioFailure {
  const failure = verifyFailure(error, exchange);
  return failure.kind === 'unknown' ? { ...failure, kind: 'unavailable' } : failure;
}

/** Verify deletes a verification that ended: for it, and for a number with nothing pending, it answers this code. */
export const GONE = '20404';

export const TOO_LATE: Failure = { kind: 'unavailable', category: 'timeout', vendorCode: 'timeout' };
