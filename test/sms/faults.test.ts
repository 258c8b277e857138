import { describe, expect, it } from 'vitest';
import { explainFault, type FaultWord, faultWord } from '../../src/sms/faults.ts';

/** By what errors of the system, of Node, of OpenSSL (`openssl verify`) and of the libraries in use are called. */
const CODES: Readonly<Record<FaultWord, readonly string[]>> = {
  refused: ['ECONNREFUSED'],
  dns: ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_NONAME'],
  unreachable: ['EHOSTUNREACH', 'ENETUNREACH', 'EADDRNOTAVAIL'],
  timeout: ['ETIMEDOUT', 'ERR_CANCELED'],
  reset: ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'],
  tls: [
    ...['EPROTO', 'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_TLS_CERT_ALTNAME_INVALID', 'ERR_TLS_HANDSHAKE_TIMEOUT'],
    ...['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_REVOKED', 'CERT_SIGNATURE_FAILURE', 'CERT_UNTRUSTED'],
    ...['DEPTH_ZERO_SELF_SIGNED_CERT', 'SELF_SIGNED_CERT_IN_CHAIN', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ...['UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CRL_HAS_EXPIRED', 'HOSTNAME_MISMATCH'],
    ...['INVALID_CA', 'INVALID_PURPOSE', 'PATH_LENGTH_EXCEEDED', 'ERROR_IN_CERT_NOT_AFTER_FIELD'],
  ],
  malformed: ['HPE_INVALID_CONSTANT', 'HPE_HEADER_OVERFLOW', 'Z_DATA_ERROR'],
  network: ['EMFILE', 'EXYZ', 'constructor', '__proto__', ''],
  no_message_id: [],
};

describe('an error has one word, whichever vendor’s client met it', () => {
  it.each(Object.entries(CODES).flatMap(([word, codes]) => codes.map((code) => [code, word])))(
    '%s: %s',
    (code, word) => {
      expect(faultWord(code)).toBe(word);
    },
  );

  it.each([undefined, null, 111, {}])('%s is no code: network', (code) => {
    expect(faultWord(code)).toBe('network');
  });
});

it('each word, and each HTTP status, is a sentence of its own for the operator', () => {
  const sentences = [...Object.keys(CODES), 'http_307', 'http_404', 'http_502'].map(explainFault);
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*[.?]$/);
  expect(new Set(sentences).size).toBe(sentences.length);
});

it.each(['', '30007', 'http_', 'http_5020', 'unlisted', 'constructor'])('%j is a word of somebody else', (code) => {
  expect(explainFault(code)).toBe('');
});
