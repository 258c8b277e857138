/** Admission of gRPC calls by their headers, before anything reads their message. */
import type {
  IncomingHttpHeaders,
  OutgoingHttpHeaders,
  ServerHttp2Stream,
  ServerStreamResponseOptions,
} from 'node:http2';
import type { Refusal } from '../domain/refusal.ts';
import type { CallClass, Shed } from '../event.ts';
import { VerificationService } from '../gen/countersign/v1/verification_pb.ts';
import { Health } from '../gen/grpc/health/v1/health_pb.ts';
import { classOf, type EdgeOptions, SHED } from './edge.ts';
import { grpcError } from './errors.ts';
import { firstLanguage, textsFor } from './texts.ts';

/** `begin` runs now, soon or never; what it gets is to be called when the call is answered. */
export type Gate = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  begin: (release: () => void) => void,
) => void;

const CLASSES: ReadonlyMap<string, CallClass> = new Map([
  ...VerificationService.methods.map(
    ({ name }) => [`/${VerificationService.typeName}/${name}`, classOf(name)] as const,
  ),
  ...Health.methods.map(({ name }) => [`/${Health.typeName}/${name}`, 'health'] as const),
]);

/** `sendDate` is missing in the types of Node. */
const ONLY_HEADERS: ServerStreamResponseOptions & { sendDate: boolean } = { endStream: true, sendDate: false };

const nothing = () => undefined;

export function createGate({ admission, clock, emit }: Pick<EdgeOptions, 'admission' | 'clock' | 'emit'>): Gate {
  return (stream, headers, begin) => {
    const callClass = CLASSES.get(headers[':path'] ?? '');
    if (callClass === undefined || admission === undefined) return begin(nothing);
    const enteredAt = clock();
    const expiresAt = enteredAt + timeoutOf(headers['grpc-timeout']);
    let begun = false;
    admission.enter(callClass, {
      expiresAt,
      gone: () => stream.destroyed || stream.closed,
      run(release) {
        begun = true;
        shorten(headers, { enteredAt, expiresAt, now: clock() });
        begin(release);
      },
      refuse(why) {
        emit({ type: 'shed', class: callClass, why });
        if (stream.destroyed || stream.closed) return;
        // Node ends the rest of the request by itself.
        stream.respond(answerOf(why, headers['accept-language']), ONLY_HEADERS);
      },
    });
    // What grpc-js does for the streams that it gets: without a listener a reset would end the process.
    if (!begun) stream.on('error', nothing);
  };
}

/** grpc-js counts from now on, whatever the call has waited. */
function shorten(headers: IncomingHttpHeaders, times: { enteredAt: number; expiresAt: number; now: number }): void {
  const { enteredAt, expiresAt, now } = times;
  const leftMs = Math.ceil(expiresAt - now);
  if (now > enteredAt && leftMs <= LONGEST_MS) headers['grpc-timeout'] = `${Math.max(1, leftMs)}m`;
}

/** The unit of `grpc-timeout` in milliseconds. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md */
const UNITS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };
/** It has eight digits. */
const LONGEST_MS = 99_999_999;

/** Infinite when there is none; grpc-js refuses one that is malformed. */
function timeoutOf(header: string | readonly string[] | undefined): number {
  const [, value, unit] = /^(\d{1,8})([HMSmun])$/.exec(String(header ?? '')) ?? [];
  return value === undefined ? Number.POSITIVE_INFINITY : Number(value) * (UNITS[unit ?? ''] ?? 1);
}

/** By language; there are as many as we have texts for. */
const ANSWERS = new Map<string, readonly string[]>();

/** The whole answer, which is only a trailer. Made once: a refusal must cost as little as it can. */
function answerOf(why: Shed, acceptLanguage: string | undefined): readonly string[] {
  const { locale } = textsFor(firstLanguage(acceptLanguage));
  const key = `${why} ${locale}`;
  let answer = ANSWERS.get(key);
  if (answer === undefined) {
    const headers = { ':status': '200', 'content-type': 'application/grpc+proto', ...trailersOf(SHED[why], locale) };
    // Node takes pairs as they are, and objects apart.
    answer = Object.entries(headers).flat().map(String);
    ANSWERS.set(key, answer);
  }
  return answer;
}

/** A refusal as trailers, which may be all of an answer. */
export function trailersOf(refusal: Refusal, locale: string): OutgoingHttpHeaders {
  const { code, details, metadata } = grpcError(refusal, locale);
  return { 'grpc-status': String(code), 'grpc-message': encodeURI(details), ...metadata.toHttp2Headers() };
}
