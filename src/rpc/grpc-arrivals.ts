/** A gRPC call whose request is on its way: one message, not compressed, complete in time. */
import { constants, type ServerHttp2Stream } from 'node:http2';
import { Metadata } from '@grpc/grpc-js';
import { GRPC_REQUEST_MS, REFLECTION_MS } from '../domain/deadlines.ts';
import type { Cut } from '../event.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';

export interface Arrival {
  readonly stream: ServerHttp2Stream;
  /** By the clock of `performance`. */
  readonly startedAt: number;
  /** By grpc-js, so that the call is counted as any other; null when grpc-js ended it already. */
  end: EndCall | null;
}

/** Ends a call with this status. */
export type EndCall = (status: { code: number; details: string; metadata: Metadata }) => void;

export interface ArrivalBounds {
  /** Of all connections together. About 26 KB each. */
  readonly maxHalfOpen?: number | undefined;
  readonly requestMs?: number | undefined;
  readonly onCut: (why: Cut) => void;
}

export interface Arrivals {
  /** Waits for the one message of this call. */
  receive(arrival: Arrival): void;
  /** Lets the client send as many messages as it likes, for a minute. */
  converse(arrival: Arrival): void;
  /** Ends the conversations. */
  close(): void;
}

/** Callers send their request at once, so that few of theirs are half-open at any moment. */
const MAX_HALF_OPEN = 1_024;

const { NGHTTP2_NO_ERROR, NGHTTP2_REFUSED_STREAM } = constants;

export function createArrivals(bounds: ArrivalBounds): Arrivals {
  const { maxHalfOpen = MAX_HALF_OPEN, requestMs = GRPC_REQUEST_MS, onCut } = bounds;
  const conversations = new Set<Arrival>();
  // Oldest first.
  const halfOpen = new Set<Arrival>();
  let scheduled = false;

  // Bytes that came while the process was busy are read between a timer and an immediate.
  function schedule(ms: number): void {
    scheduled = true;
    setTimeout(() => setImmediate(sweep), ms).unref();
  }

  function sweep(): void {
    scheduled = false;
    for (const arrival of halfOpen) {
      const leftMs = arrival.startedAt + requestMs - performance.now();
      if (leftMs > 0) {
        schedule(Math.ceil(leftMs));
        return;
      }
      halfOpen.delete(arrival);
      onCut('late');
      end(arrival, Code.DEADLINE_EXCEEDED, TOO_LATE);
    }
  }

  return {
    receive(arrival) {
      const { stream } = arrival;
      // Before the listener of grpc-js, which finds a closed stream when this one ends it.
      stream.prependListener('data', createMessageCheck(arrival));
      halfOpen.add(arrival);
      const complete = () => void halfOpen.delete(arrival);
      stream.once('end', complete);
      stream.once('close', complete);
      if (!scheduled) schedule(requestMs);
      const [oldest] = halfOpen;
      if (halfOpen.size <= maxHalfOpen || oldest === undefined) return;
      halfOpen.delete(oldest);
      onCut('half_open');
      // Its client may try again: nothing was done yet.
      close(oldest, NGHTTP2_REFUSED_STREAM);
    },

    converse(arrival) {
      const limit = setTimeout(() => end(arrival, Code.DEADLINE_EXCEEDED, TOO_LATE), REFLECTION_MS);
      conversations.add(arrival);
      arrival.stream.once('close', () => {
        clearTimeout(limit);
        conversations.delete(arrival);
      });
    },

    close() {
      for (const arrival of conversations) end(arrival, Code.UNAVAILABLE, 'The server is stopping.');
    },
  };
}

const TOO_LATE = 'The request did not arrive in time.';

function end(arrival: Arrival, code: Code, details: string, metadata = new Metadata()): void {
  arrival.end?.({ code, details, metadata });
  close(arrival, NGHTTP2_NO_ERROR);
}

/** grpc-js would take the end of the stream for the end of the request, and handle a message that had come. */
function close({ stream }: Arrival, code: number): void {
  stream.removeAllListeners('end');
  stream.close(code);
}

export function refuseCompression(arrival: Arrival): void {
  const metadata = new Metadata();
  metadata.set('grpc-accept-encoding', 'identity');
  end(arrival, Code.UNIMPLEMENTED, 'Compressed requests are not accepted: send them without compression.', metadata);
}

/** A message is a byte that says whether it is compressed, four of its length, and itself. */
function createMessageCheck(arrival: Arrival): (chunk: Buffer) => void {
  let seen = 0;
  let length = 0;
  let compressed = false;
  return (chunk) => {
    const header = Math.min(chunk.length, Math.max(0, 5 - seen));
    for (let i = 0; i < header; i++) {
      const byte = chunk[i] as number;
      if (seen + i === 0) compressed = byte === 1;
      else length = length * 256 + byte;
    }
    seen += chunk.length;
    if (compressed) refuseCompression(arrival);
    else if (seen > 5 + length) end(arrival, Code.UNIMPLEMENTED, 'This method takes one message.');
  };
}
