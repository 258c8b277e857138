/** Admission of HTTP requests by their headers, before their body is read. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { codeToHttpStatus, errorToJson } from '@connectrpc/connect/protocol-connect';
import type { Shed } from '../event.ts';
import { classOf, type EdgeOptions, SHED } from './edge.ts';
import { connectError, retryAfterSeconds } from './errors.ts';
import { trailersOf } from './grpc-admission.ts';
import { firstLanguage, textsFor } from './texts.ts';

/** `begin` runs now, soon or never; what it gets is to be called when the request is answered. */
export type Gate = (
  method: string,
  exchange: { readonly req: IncomingMessage; readonly res: ServerResponse; readonly startedAt: number },
  begin: (release: () => void) => void,
) => void;

export function createGate(options: Pick<EdgeOptions, 'admission' | 'authenticate' | 'emit'>): Gate {
  const { admission, authenticate, emit } = options;
  return (method, { req, res, startedAt }, begin) => {
    const { authorization, 'connect-timeout-ms': timeout } = req.headers;
    // Strangers take no place from callers.
    if (admission === undefined || authenticate(authorization) === null) return begin(() => undefined);
    const callClass = classOf(method);
    admission.enter(callClass, {
      expiresAt: startedAt + (timeout === undefined ? Number.POSITIVE_INFINITY : Number(timeout)),
      gone: () => res.destroyed,
      run: begin,
      refuse(why) {
        emit({ type: 'shed', class: callClass, why });
        if (res.destroyed) return;
        const { status, headers, body } = answerOf(why, req);
        // Node reads and drops the body that is on its way.
        res.writeHead(status, headers).end(body);
      },
    });
  };
}

interface Answer {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: string;
}

const GRPC_WEB = 'application/grpc-web';

/** By protocol and language; there are as many as we have texts for. */
const ANSWERS = new Map<string, Answer>();

/** Made once: a refusal must cost as little as it can. */
function answerOf(why: Shed, { headers }: IncomingMessage): Answer {
  const { locale } = textsFor(firstLanguage(headers['accept-language']));
  const web = headers['content-type']?.startsWith(GRPC_WEB) === true;
  const key = `${why} ${locale} ${web}`;
  let answer = ANSWERS.get(key);
  if (answer === undefined) {
    answer = web ? grpcWebAnswer(why, locale) : connectAnswer(why, locale);
    ANSWERS.set(key, answer);
  }
  return answer;
}

function grpcWebAnswer(why: Shed, locale: string): Answer {
  const headers = { 'content-type': `${GRPC_WEB}+proto`, 'content-length': 0, ...trailersOf(SHED[why], locale) };
  return { status: 200, headers, body: '' };
}

function connectAnswer(why: Shed, locale: string): Answer {
  const error = connectError(SHED[why], locale);
  const body = JSON.stringify(errorToJson(error, undefined));
  const seconds = retryAfterSeconds(SHED[why]);
  return {
    status: codeToHttpStatus(error.code),
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(seconds !== null && { 'retry-after': String(seconds) }),
    },
    body,
  };
}
