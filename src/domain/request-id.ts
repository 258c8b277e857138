/**
 * How a `request_id` shows in the log. It is the caller's own text and may hold what must not be there, so only what was
 * made at random is shown as it is: a UUID, or 26 characters of base32 (a ULID, Go's `rand.Text`). Of the rest there is a
 * hash, which whoever has the id can make as well. What has the digits of a code or a phone is left out: a hash of these
 * is found by trying all of them.
 */
import { createHash } from 'node:crypto';
import { MAX_REQUEST_ID_CHARACTERS } from './field.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
const BASE32 = /^(?=.*[A-Z].*[A-Z].*[A-Z])(?!.*\d{7})[0-9A-Z]{26}$/;
/** However they are grouped. */
const DIGITS = /\d(?:[ ()+./_-]*\d){3}/;
/** In hexadecimal digits. */
const HASH_LENGTH = 16;

/** Undefined when nothing may be shown. */
export function loggedRequestId(requestId: string): string | undefined {
  if (UUID.test(requestId) || BASE32.test(requestId)) return requestId;
  if (requestId === '' || requestId.length > MAX_REQUEST_ID_CHARACTERS || DIGITS.test(requestId)) return undefined;
  return `sha256:${createHash('sha256').update(requestId).digest('hex').slice(0, HASH_LENGTH)}`;
}
