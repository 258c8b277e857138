/**
 * What a request to a vendor can end with when no code of the vendor says why: one word for each cause, the same for
 * all vendors, who has to act, and a sentence on it for the operator. Whether the message was sent is another question,
 * which the vendor's client answers; for an HTTP status http-status.ts does.
 */
import type { FailureCategory } from '../domain/delivery.ts';
import type { Actor, Failure, FailureStatus } from './provider.ts';

interface Fault {
  readonly category: FailureCategory;
  readonly actor: Actor;
  readonly sentence: string;
}

function lasting(sentence: string): Fault {
  return { category: 'transient', actor: 'operator', sentence };
}

function senseless(sentence: string): Fault {
  return { category: 'unknown', actor: 'operator', sentence };
}

const FAULTS = {
  refused: lasting('Nothing takes connections there: is the address right, and may this machine go there?'),
  dns: lasting('The name of its host leads nowhere: is the address right, and does DNS work on this machine?'),
  tls: lasting('No secure connection to it: this machine does not trust its certificate, or it does not speak TLS.'),
  unreachable: lasting('There is no way to it from this machine.'),
  network: lasting('The connection failed before it answered.'),
  timeout: { category: 'timeout', actor: 'nobody', sentence: 'It did not answer in time.' },
  reset: { category: 'transient', actor: 'nobody', sentence: 'It broke the connection before it answered.' },
  malformed: senseless(
    'Its answer is not one that the provider documents: does something else answer there, such as a proxy?',
  ),
  no_message_id: senseless('It took the message without saying under which id.'),
} as const satisfies Readonly<Record<string, Fault>>;

/** Goes into `vendorCode`, and so into metrics and the log. */
export type FaultWord = keyof typeof FAULTS;

/** A failure of which everything is known that SendCode and the operator must hear. */
export interface KnownFailure extends Pick<Failure, 'kind' | 'category' | 'vendorCode'> {
  readonly status: FailureStatus;
  readonly actor: Actor;
  readonly retrySame?: true;
}

/** `maybeSent` unless it is known that nothing of the request was written. */
export function faultFailure(word: FaultWord, maybeSent: boolean): KnownFailure {
  const { category, actor } = FAULTS[word];
  return { kind: maybeSent ? 'unknown' : 'unavailable', category, vendorCode: word, status: 'UNAVAILABLE', actor };
}

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
  // Of undici.
  UND_ERR_CONNECT_TIMEOUT: 'timeout',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_HEADERS_OVERFLOW: 'malformed',
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: 'malformed',
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
  if (Object.hasOwn(FAULTS, vendorCode)) return FAULTS[vendorCode as FaultWord].sentence;
  const [, status] = /^http_(\d{3})$/.exec(vendorCode) ?? [];
  if (status === undefined) return '';
  if (status.startsWith('3')) {
    return `It answers with a redirect (HTTP status ${status}), which is not followed: is the address right?`;
  }
  return `It answered with HTTP status ${status} and no code that is known: does something else answer there, such as a proxy?`;
}
