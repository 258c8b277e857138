/**
 * The rules of single request fields. Each function adds what is wrong to `found`; those that read return the value, or
 * null. Lengths are in characters (code points). Every function is linear in its input and never throws.
 */
import { isIP } from 'node:net';
import { isRegion, type Phone, type PhonePolicy, parsePhone } from './phone.ts';
import type { PurposePolicy } from './policy.ts';
import type { FieldViolation } from './refusal.ts';

export type Violations = FieldViolation[];

export interface PhoneFields {
  readonly phone: string;
  /** Where a national spelling belongs; the policy's default when empty. */
  readonly region: string;
}

export interface ClientFields {
  readonly ip: string;
  readonly deviceId: string;
  readonly userAgent: string;
  readonly sessionId: string;
}

/** 33 bytes in base64url, without padding: every such string decodes, and each to other bytes. */
const VERIFICATION_ID = /^[A-Za-z0-9_-]{44}$/;

export function readPhone(fields: PhoneFields, policy: PhonePolicy, found: Violations): Phone | null {
  const phone = parsePhone(fields.phone, fields.region, policy);
  if (typeof phone !== 'string') return phone;
  if (phone !== 'unknown_region') found.push({ field: 'phone', rule: phone });
  validateRegion(fields.region, found);
  return null;
}

export function readVerificationId(verificationId: string, found: Violations): string | null {
  if (VERIFICATION_ID.test(verificationId)) return verificationId;
  found.push({ field: 'verification_id', rule: verificationId === '' ? 'required' : 'malformed_id' });
  return null;
}

export function readPurpose(
  purpose: string,
  purposes: ReadonlyMap<string, PurposePolicy>,
  found: Violations,
): PurposePolicy | null {
  const policy = purposes.get(purpose);
  if (policy !== undefined) return policy;
  if (purpose === '') found.push({ field: 'purpose', rule: 'required' });
  else found.push({ field: 'purpose', rule: 'unknown_purpose', expected: [...purposes.keys()].join(', ') });
  return null;
}

/** If the purpose is unknown, every length that a purpose could have is accepted. */
export function validateCode(code: string, purpose: PurposePolicy | null, found: Violations): void {
  const [least, most] = purpose ? [purpose.digits, purpose.digits] : [4, 8];
  if (code === '') found.push({ field: 'code', rule: 'required' });
  else if (code.length < least || code.length > most || !/^[0-9]+$/.test(code)) {
    found.push({ field: 'code', rule: 'not_n_digits', expected: purpose ? `${least}` : `${least}-${most}` });
  }
}

export const MAX_REQUEST_ID_CHARACTERS = 64;

export function validateRequestId(requestId: string, found: Violations): void {
  validateLength('request_id', requestId, { most: MAX_REQUEST_ID_CHARACTERS, found });
  if (!/^[\x20-\x7e]*$/.test(requestId)) found.push({ field: 'request_id', rule: 'not_printable' });
}

export function validateClient(client: ClientFields | undefined, found: Violations): void {
  if (client === undefined) return;
  if (client.ip !== '' && !isIpAddress(client.ip)) found.push({ field: 'client.ip', rule: 'malformed_ip' });
  validateLength('client.device_id', client.deviceId, { most: 128, found });
  validateLength('client.user_agent', client.userAgent, { most: 512, found });
  validateLength('client.session_id', client.sessionId, { most: 128, found });
}

/** Without a zone, which says nothing outside of the machine that it came from; node:net takes addresses with one. */
function isIpAddress(text: string): boolean {
  return isIP(text) !== 0 && !text.includes('%');
}

export function validateLength(field: string, text: string, bound: { most: number; found: Violations }): void {
  const { most, found } = bound;
  // A code point is one or two UTF-16 units: only a text between these bounds must be counted.
  const long = text.length > most && (text.length > 2 * most || [...text].length > most);
  if (long) found.push({ field, rule: 'too_long', expected: `${most}` });
}

export function validateRegion(region: string, found: Violations): void {
  if (region !== '' && !isRegion(region.toUpperCase())) found.push({ field: 'region', rule: 'unknown_region' });
}
