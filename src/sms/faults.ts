/**
 * What a request to a vendor can end with when no code of the vendor says why: one word for each cause, the same for
 * all vendors, and a sentence on it for the operator. Whether the message was sent is another question, which the
 * vendor's client answers.
 */

const SENTENCES = {
  refused: 'Nothing takes connections there: is the address right, and may this machine go there?',
  dns: 'The name of its host leads nowhere: is the address right, and does DNS work on this machine?',
  tls: 'No secure connection to it: this machine does not trust its certificate, or it does not speak TLS.',
  unreachable: 'There is no way to it from this machine.',
  timeout: 'It did not answer in time.',
  reset: 'It broke the connection before it answered.',
  network: 'The connection failed before it answered.',
  redirected: 'It answers with a redirect, which is not followed: is the address right?',
  malformed: 'Its answer is not one that the provider documents: does something else answer there, such as a proxy?',
  no_message_id: 'It took the message without saying under which id.',
} as const satisfies Readonly<Record<string, string>>;

/** Goes into `vendorCode`, and so into metrics and the log. */
export type FaultWord = keyof typeof SENTENCES;

/**
 * By the error code of the system, of Node or of a library. Codes of DNS and TLS, which are many, have patterns below.
 */
const WORDS: Readonly<Record<string, FaultWord>> = {
  ECONNREFUSED: 'refused',
  ENOTFOUND: 'dns',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  ETIMEDOUT: 'timeout',
  // Of axios, when its signal fires.
  ERR_CANCELED: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ERR_STREAM_PREMATURE_CLOSE: 'reset',
  EPROTO: 'tls',
};

const DNS = /^EAI_/;
/** Of Node, and the names that OpenSSL has for a certificate that it refuses (`x509_verify_cert_error_string`). */
const TLS =
  /^(?:ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|ERROR_IN_C|HOSTNAME_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|SELF_SIGNED_|UNABLE_TO_)/;
/** Of Node's HTTP parser, and of its decompression. */
const UNREADABLE = /^(?:HPE_|Z_)/;

/** The word for the code of an error; `network` for a code that is not known, or no code. */
export function faultWord(code: unknown): FaultWord {
  if (typeof code !== 'string') return 'network';
  if (Object.hasOwn(WORDS, code)) return WORDS[code] ?? 'network';
  if (DNS.test(code)) return 'dns';
  if (TLS.test(code)) return 'tls';
  return UNREADABLE.test(code) ? 'malformed' : 'network';
}

/** The sentence for a `vendorCode` that is a word of this table or `http_<status>`; empty for any other. */
export function explainFault(vendorCode: string): string {
  if (Object.hasOwn(SENTENCES, vendorCode)) return SENTENCES[vendorCode as FaultWord];
  const [, status] = /^http_(\d{3})$/.exec(vendorCode) ?? [];
  return status === undefined ? '' : `It answered with HTTP status ${status} and no code that is known.`;
}
