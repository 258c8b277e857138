/**
 * Stands between Node's HTTP/2 server and grpc-js, which takes each frame apart and inflates each message in it before
 * it knows that its method takes only one. What goes too far is ended here, before grpc-js sees it.
 *
 * grpc-js 1.14.7 has no public means for this. What is taken of its inside is in `standBefore` alone, which throws at the
 * start of the process when an update has moved it.
 */
import {
  constants,
  type Http2Server,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { Server } from '@grpc/grpc-js';
import { type Arrival, type ArrivalBounds, createArrivals, type EndCall, refuseCompression } from './grpc-arrivals.ts';
import { createPace } from './grpc-pace.ts';

export interface GuardOptions extends ArrivalBounds {
  /** Gets Node's server before it listens. */
  readonly onServer: (server: Http2Server) => void;
  /** A call of this connection was authenticated for the first time. */
  readonly onTrusted: (socket: Socket) => void;
  /** A stream that names no method of this port. */
  readonly onUnknown: () => void;
}

export interface Guard {
  /**
   * To be called while grpc-js takes a stream, by an interceptor: the guard ends calls by it, so that they are counted as
   * any other. `trusted`: its caller is known.
   */
  adopt(end: EndCall, caller: { readonly trusted: boolean }): void;
  /** Ends the streams that clients keep open for questions to come. */
  close(): void;
}

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number) => void;

/** At once on a connection: before somebody has shown a token there, and after. Further calls wait in the client. */
export const STRANGER_STREAMS = 16;
const MAX_STREAMS = 256;
/** They ask several questions on one stream; not even that is open to strangers where callers are configured. */
const SEVERAL_MESSAGES = /^\/grpc\.reflection\./;

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

export function guardStreams(server: Server, options: GuardOptions): Guard {
  const { onTrusted, onUnknown, onCut } = options;
  const arrivals = createArrivals(options);
  const sockets = new WeakMap<Http2Session, Socket>();
  const trusted = new WeakSet<Socket>();
  const pace = createPace();
  let arriving: Arrival | null = null;

  function takeStream(next: StreamListener, ...[stream, headers, flags]: Parameters<StreamListener>): void {
    const socket = stream.session && sockets.get(stream.session);
    if (socket === undefined) throw moved('hides its connections');
    if (!trusted.has(socket) && !pace.allows(socket)) {
      onCut('pace');
      stream.on('error', () => undefined);
      stream.close(NGHTTP2_REFUSED_STREAM);
      return;
    }
    const arrival: Arrival = { stream, startedAt: performance.now(), end: null, trusted: false };
    arriving = arrival;
    try {
      next(stream, headers, flags);
    } finally {
      arriving = null;
    }
    if (arrival.end === null) onUnknown();
    else if ((headers['grpc-encoding'] ?? 'identity') !== 'identity') refuseCompression(arrival);
    // It has its answer, so the rest of its request is not waited for.
    if (stream.writableEnded) {
      stream.close(NGHTTP2_NO_ERROR);
      return;
    }
    if (arrival.trusted && !trusted.has(socket)) {
      trusted.add(socket);
      stream.session?.settings({ maxConcurrentStreams: MAX_STREAMS });
      onTrusted(socket);
    }
    if ((flags & NGHTTP2_FLAG_END_STREAM) !== 0) return;
    if (SEVERAL_MESSAGES.test(headers[':path'] ?? '')) arrivals.converse(arrival);
    else arrivals.receive(arrival);
  }

  standBefore(server, (http2Server, next) => {
    let newest: Socket | undefined;
    http2Server.prependListener('connection', (socket: Socket) => {
      newest = socket;
    });
    // Node makes the session while it takes the connection.
    http2Server.prependListener('session', (session: Http2Session) => {
      if (newest !== undefined) sockets.set(session, newest);
    });
    options.onServer(http2Server);
    return (...stream) => takeStream(next, ...stream);
  });

  return {
    adopt(endCall, { trusted }) {
      if (arriving === null) throw moved('runs its interceptors later');
      arriving.end = endCall;
      arriving.trusted = trusted;
    },
    close: () => arrivals.close(),
  };
}

/** `guard` gets Node's server and what grpc-js does with a stream, and returns what is done instead. */
function standBefore(server: Server, guard: (http2Server: Http2Server, next: StreamListener) => StreamListener): void {
  const inside = server as unknown as { _setupHandlers?: (http2Server: Http2Server, ...rest: unknown[]) => void };
  const setUp = inside._setupHandlers;
  if (typeof setUp !== 'function') throw moved('has no _setupHandlers');
  inside._setupHandlers = (http2Server, ...rest) => {
    setUp.call(server, http2Server, ...rest);
    const [next, ...others] = http2Server.listeners('stream') as StreamListener[];
    if (next === undefined || others.length > 0) throw moved('listens to streams in another way');
    http2Server.removeAllListeners('stream');
    http2Server.on('stream', guard(http2Server, next));
  };
}

function moved(how: string): Error {
  return new Error(`this version of grpc-js ${how}: its calls would be unguarded (see src/rpc/grpc-guard.ts)`);
}
