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
import { isOpen } from './edge.ts';
import type { Gate } from './grpc-admission.ts';
import { type Arrival, type ArrivalBounds, createArrivals, type EndCall, refuseCompression } from './grpc-arrivals.ts';
import { createPace } from './grpc-pace.ts';

export interface GuardOptions extends ArrivalBounds {
  readonly gate: Gate;
  /** Whether these headers show who calls. */
  readonly isCaller: (headers: IncomingHttpHeaders) => boolean;
  /** Gets Node's server before it listens. */
  readonly onServer: (server: Http2Server) => void;
  /** A caller has shown who it is on this connection, for the first time. */
  readonly onTrusted: (socket: Socket) => void;
  /** A stream that names no method of this port. */
  readonly onUnknown: () => void;
}

export interface Guard {
  /**
   * To be called while grpc-js takes a stream, by an interceptor: the guard ends calls by it, so that they are counted as
   * any other. What it returns is to be called when the call is answered, and may be called again.
   */
  adopt(end: EndCall): () => void;
  /** Ends the streams that clients keep open for questions to come. */
  close(): void;
}

type StreamListener = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, flags: number) => void;

interface Begun {
  readonly release: () => void;
  readonly headers: IncomingHttpHeaders;
  readonly flags: number;
  readonly next: StreamListener;
}

/** At once on a connection: before somebody has shown a token there, and after. Further calls wait in the client. */
export const STRANGER_STREAMS = 16;
const MAX_STREAMS = 256;
/** They ask several questions on one stream; not even that is open to strangers where callers are configured. */
const SEVERAL_MESSAGES = /^\/grpc\.reflection\./;

const { NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

export function guardStreams(server: Server, options: GuardOptions): Guard {
  const { gate, isCaller, onTrusted, onUnknown, onCut } = options;
  const arrivals = createArrivals(options);
  const sockets = new WeakMap<Http2Session, Socket>();
  const trusted = new WeakSet<Socket>();
  const pace = createPace();
  let arriving: { readonly arrival: Arrival; readonly release: () => void } | null = null;

  function takeStream(next: StreamListener, ...[stream, headers, flags]: Parameters<StreamListener>): void {
    const socket = stream.session && sockets.get(stream.session);
    if (socket === undefined) throw moved('hides its connections');
    const arrival: Arrival = { stream, startedAt: performance.now(), end: null };
    const begin = (release: () => void) => beginCall(arrival, { release, headers, flags, next });
    const known = trusted.has(socket);
    if (!known && !pace.allows(socket)) {
      onCut('pace');
      stream.on('error', () => undefined);
      stream.close(NGHTTP2_REFUSED_STREAM);
      return;
    }
    if (known || isCaller(headers)) {
      if (!known) trust(socket, stream);
      gate(stream, headers, begin);
    } else if (isOpen(headers[':path'] ?? '')) gate(stream, headers, begin);
    // Strangers take no place from callers. This answers that they are strangers.
    else begin(() => undefined);
  }

  function trust(socket: Socket, { session }: ServerHttp2Stream): void {
    trusted.add(socket);
    session?.settings({ maxConcurrentStreams: MAX_STREAMS });
    onTrusted(socket);
  }

  function beginCall(arrival: Arrival, call: Begun): void {
    const { stream } = arrival;
    const { release, headers, flags, next } = call;
    arriving = { arrival, release };
    try {
      next(stream, headers, flags);
    } finally {
      arriving = null;
    }
    if (arrival.end === null) {
      release();
      onUnknown();
    } else if ((headers['grpc-encoding'] ?? 'identity') !== 'identity') refuseCompression(arrival);
    // It has its answer, so the rest of its request is not waited for.
    if (stream.writableEnded) {
      stream.close(NGHTTP2_NO_ERROR);
      return;
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
    adopt(endCall) {
      if (arriving === null) throw moved('runs its interceptors later');
      arriving.arrival.end = endCall;
      return arriving.release;
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
