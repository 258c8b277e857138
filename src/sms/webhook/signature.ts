/**
 * Signatures of the Standard Webhooks specification 1.0.0 (github.com/standard-webhooks/standard-webhooks): HMAC-SHA256
 * over `<id>.<timestamp>.<body>`, in the headers `webhook-id`, `webhook-timestamp` (seconds) and `webhook-signature`
 * (`v1,<base64>`; several with spaces between).
 */
import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const PREFIX = 'whsec_';
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=?)?$/;
/** Of the specification. */
const MIN_KEY_BYTES = 24;

/** How far the two clocks may be apart: the tolerance of the specification's own libraries. */
const TOLERANCE_SECONDS = 5 * 60;

export interface Signed {
  readonly id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
  readonly body: string | Buffer;
}

/**
 * After `whsec_` comes base64; of any other secret its bytes are the key. Throws when it is not base64, or below 24
 * bytes.
 */
export function webhookKey(secret: string): KeyObject {
  const encoded = secret.startsWith(PREFIX);
  const text = encoded ? secret.slice(PREFIX.length) : secret;
  const bytes = Buffer.from(text, encoded ? 'base64' : 'utf8');
  if (encoded && !BASE64.test(text)) throw new Error('what follows whsec_ in the webhook secret must be base64');
  if (bytes.length < MIN_KEY_BYTES) throw new Error(`the webhook secret must be at least ${MIN_KEY_BYTES} bytes`);
  return createSecretKey(bytes);
}

export function signatureHeaders(key: KeyObject, signed: Signed): Readonly<Record<string, string>> {
  return {
    'webhook-id': signed.id,
    'webhook-timestamp': String(signed.timestamp),
    'webhook-signature': `v1,${macOf(key, signed).toString('base64')}`,
  };
}

/**
 * One right signature is enough: a sender that changes its secret signs with both. `now`: milliseconds since the epoch.
 */
export function isSigned(
  key: KeyObject,
  { headers, body, now }: { headers: IncomingHttpHeaders; body: Buffer; now: number },
): boolean {
  const { 'webhook-id': id, 'webhook-timestamp': sentAt, 'webhook-signature': signatures } = headers;
  if (typeof id !== 'string' || typeof sentAt !== 'string' || typeof signatures !== 'string') return false;
  // No full stop in the id, or the border between id and timestamp would be open. Of a number only the spelling that
  // was signed.
  if (id === '' || id.includes('.') || !/^[1-9][0-9]{0,11}$/.test(sentAt)) return false;
  const timestamp = Number(sentAt);
  if (Math.abs(Math.floor(now / 1000) - timestamp) > TOLERANCE_SECONDS) return false;
  const expected = macOf(key, { id, timestamp, body });
  return signatures.split(' ').some((signature) => {
    if (!signature.startsWith('v1,')) return false;
    const given = Buffer.from(signature.slice(3), 'base64');
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

function macOf(key: KeyObject, { id, timestamp, body }: Signed): Buffer {
  return createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
}
