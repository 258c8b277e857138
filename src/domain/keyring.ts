import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { uniformDigits } from './code.ts';

/**
 * Every keyed value of the service, derived from one root secret by HKDF (RFC 5869): storage keys of phones,
 * verification ids, codes and fingerprints. Inputs of each HMAC are labelled and length-prefixed, so that different
 * inputs are never the same bytes. Neither the store alone nor the secret alone yields a phone or a code.
 */
export interface Keyring {
  /** The phone's name in the store: `<key id>.<128 bits of HMAC>`. Changes with the root secret. */
  phoneKey(identity: string): string;
  /** Opaque id of a verification. Routes to its phone's slot, yet shows neither the phone nor a stable pseudonym. */
  verificationId(phoneKey: string, nonce: string): string;
  /**
   * The inverse; a forged id, or one of another service, leads to an empty slot. Null when it has not the form of an
   * id.
   */
  parseVerificationId(id: string): { readonly phoneKey: string; readonly nonce: string } | null;
  code(input: { phoneKey: string; purpose: string; seed: string; digits: number }): string;
  codeMac(input: { phoneKey: string; caller: string; purpose: string; code: string }): string;
  /** Keyed fingerprint of a session, a request id or a request's content. */
  fingerprint(label: string, phoneKey: string, parts: readonly string[]): string;
  /**
   * What a vendor echoes in its delivery reports: names the send, is opaque to the vendor and cannot be forged
   * (AES-256-GCM; the send id is the nonce, and one send id is only ever used for one send).
   */
  reportToken(send: ReportedSend): string;
  /** The inverse; null when the token is not ours. */
  parseReportToken(token: string): ReportedSend | null;
  /** A vendor's message id as the store knows it: under the current root secret, then under the previous one. */
  messageKeys(provider: string, messageId: string): readonly [current: string, ...previous: string[]];
}

/** One SMS of one verification. */
export interface ReportedSend {
  readonly phoneKey: string;
  readonly caller: string;
  readonly purpose: string;
  /** SEND_ID_BYTES in base64url. */
  readonly sendId: string;
  /** Of the phone: ISO 3166-1 alpha-2, or `001`. For the log, like the nonce of the verification id. */
  readonly country: string;
  readonly nonce: string;
}

export const NONCE_BYTES = 16;
export const SEED_BYTES = 16;
/** What AES-GCM takes as its nonce. */
export const SEND_ID_BYTES = 12;
const MAC_BYTES = 16;
const ID_BYTES = 1 + NONCE_BYTES + MAC_BYTES;

interface Keys {
  readonly id: number;
  readonly phone: KeyObject;
  readonly verificationId: KeyObject;
  readonly code: KeyObject;
  readonly report: KeyObject;
}

/** `previous` still reads the ids and codes that were issued under it. Both are at least 32 bytes. */
export function createKeyring(secrets: { current: Buffer; previous: Buffer | null }): Keyring {
  const current = derive(secrets.current);
  const previous = secrets.previous === null ? null : derive(secrets.previous);
  if (previous?.id === current.id) {
    throw new Error('the two root secrets share a key id (1 chance in 256): choose another new one');
  }
  const byId = (id: number): Keys => (id === previous?.id ? previous : current);
  const keysOf = (phoneKey: string): Keys => byId(Number.parseInt(phoneKey.slice(0, 2), 16));

  return {
    phoneKey: (identity) => name(current.id, mac(current.phone, 'phone', [identity])),

    verificationId(phoneKey, nonce) {
      const keys = keysOf(phoneKey);
      const random = Buffer.from(nonce, 'base64url');
      const hidden = xor(Buffer.from(phoneKey.slice(3), 'base64url'), idMask(keys, keys.id, nonce));
      return Buffer.concat([Buffer.of(keys.id), random, hidden]).toString('base64url');
    },

    parseVerificationId(id) {
      const bytes = Buffer.from(id, 'base64url');
      // Canonical spelling only: base64url decoding skips what it does not know.
      if (bytes.length !== ID_BYTES || bytes.toString('base64url') !== id) return null;
      const keyId = bytes[0] as number;
      const keys = byId(keyId);
      const nonce = bytes.subarray(1, 1 + NONCE_BYTES).toString('base64url');
      const phone = xor(bytes.subarray(1 + NONCE_BYTES), idMask(keys, keyId, nonce));
      return { phoneKey: name(keys.id, phone), nonce };
    },

    code({ phoneKey, purpose, seed, digits }) {
      const key = keysOf(phoneKey).code;
      return uniformDigits(digits, (block) => hmac(key, 'code', [seed, phoneKey, purpose, String(block)]));
    },

    codeMac({ phoneKey, caller, purpose, code }) {
      return mac(keysOf(phoneKey).code, 'mac', [phoneKey, caller, purpose, code]).toString('base64url');
    },

    fingerprint(label, phoneKey, parts) {
      return mac(keysOf(phoneKey).code, label, [phoneKey, ...parts]).toString('base64url');
    },

    reportToken: (send) => sealReport(keysOf(send.phoneKey), send),

    parseReportToken(token) {
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length < REPORT_BYTES || bytes.toString('base64url') !== token) return null;
      return openReport(byId(bytes[0] as number), bytes);
    },

    messageKeys(provider, messageId) {
      const keyOf = ({ id, report }: Keys) => name(id, mac(report, 'message', [provider, messageId])).replace('.', '-');
      return previous === null ? [keyOf(current)] : [keyOf(current), keyOf(previous)];
    },
  };
}

function derive(secret: Buffer): Keys {
  const bytes = (info: string, length: number) =>
    Buffer.from(hkdfSync('sha256', secret, '', `countersign/${info}`, length));
  // An HMAC with a key object costs a fifth of one with a Buffer, which Node wraps anew each time.
  const key = (info: string) => createSecretKey(bytes(info, 32));
  return {
    id: bytes('key-id', 1)[0] as number,
    phone: key('phone'),
    verificationId: key('verification-id'),
    code: key('code'),
    report: key('report'),
  };
}

const CIPHER = 'aes-256-gcm';
const TAG_BYTES = 16;
/** Key id, nonce, phone, the shortest names and their separator, tag. */
const REPORT_BYTES = 1 + SEND_ID_BYTES + MAC_BYTES + 3 + TAG_BYTES;

function sealReport({ id, report }: Keys, send: ReportedSend): string {
  const { phoneKey, caller, purpose, country, nonce } = send;
  const sendId = Buffer.from(send.sendId, 'base64url');
  const cipher = createCipheriv(CIPHER, report, sendId).setAAD(Buffer.of(id));
  const words = [caller, purpose, country, nonce].join(':');
  const sealed = [cipher.update(Buffer.from(phoneKey.slice(3), 'base64url')), cipher.update(words)];
  return Buffer.concat([Buffer.of(id), sendId, ...sealed, cipher.final(), cipher.getAuthTag()]).toString('base64url');
}

function openReport({ id, report }: Keys, bytes: Buffer): ReportedSend | null {
  const sendId = bytes.subarray(1, 1 + SEND_ID_BYTES);
  const decipher = createDecipheriv(CIPHER, report, sendId, { authTagLength: TAG_BYTES });
  decipher.setAAD(bytes.subarray(0, 1)).setAuthTag(bytes.subarray(-TAG_BYTES));
  const opened = decipher.update(bytes.subarray(1 + SEND_ID_BYTES, -TAG_BYTES));
  try {
    decipher.final();
  } catch {
    // Not sealed by us, or changed on its way.
    return null;
  }
  // Tokens of an earlier version end with the purpose.
  const [caller = '', purpose = '', country = '', nonce = ''] = opened.subarray(MAC_BYTES).toString().split(':');
  const phoneKey = name(id, opened.subarray(0, MAC_BYTES));
  return { phoneKey, caller, purpose, sendId: sendId.toString('base64url'), country, nonce };
}

function name(keyId: number, phone: Buffer): string {
  return `${keyId.toString(16).padStart(2, '0')}.${phone.toString('base64url')}`;
}

/** Bound to the key id as well, so that an id has one spelling. */
function idMask(keys: Keys, keyId: number, nonce: string): Buffer {
  return mac(keys.verificationId, 'id', [String(keyId), nonce]);
}

function mac(key: KeyObject, label: string, parts: readonly string[]): Buffer {
  return hmac(key, label, parts).subarray(0, MAC_BYTES);
}

function hmac(key: KeyObject, label: string, parts: readonly string[]): Buffer {
  let input = `${label}:${parts.length}`;
  for (const part of parts) input += `,${Buffer.byteLength(part)}:${part}`;
  return createHmac('sha256', key).update(input).digest();
}

function xor(a: Buffer, b: Buffer): Buffer {
  const out = Buffer.alloc(MAC_BYTES);
  for (let i = 0; i < MAC_BYTES; i++) out[i] = (a[i] as number) ^ (b[i] as number);
  return out;
}
