/** Calls over HTTP/2 as gRPC libraries make them, at a tenth of their cost: the load must not be what is measured. */
import { connect, type Socket } from 'node:net';
import { dataFrame, headersFrame, PREFACE, resetFrame, windowUpdateFrame } from '../test/support/http2-frames.ts';
import { type Ending, type Line, type OpenCall, SERVICE } from './open-loop-call.ts';

const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const MAX_CONCURRENT_STREAMS = 3;
/** Of a connection and of a stream, until the other side says otherwise. */
const WINDOW = 65_535;
/** The first index of HPACK's dynamic table. */
const DYNAMIC = 62;

export interface GrpcLineOptions {
  readonly port: number;
  readonly token: string;
  readonly onEnd: (call: OpenCall, ending: Ending) => void;
}

interface Stream {
  readonly call: OpenCall;
  answered: boolean;
}

export function grpcLine({ port, token, onEnd }: GrpcLineOptions): Line {
  const shared = {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': `127.0.0.1:${port}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    authorization: `Bearer ${token}`,
  };
  const open = new Map<number, Stream>();
  let waiting: OpenCall[] = [];
  let closed = false;
  // Of the connection.
  let head = headerBlocks(shared);
  let nextId = 1;
  let maxStreams = 100;
  let window = WINDOW;
  let received = 0;
  let batch: Buffer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  let socket = begin();

  function begin(): Socket {
    const begun = connect(port, '127.0.0.1');
    begun.setNoDelay(true);
    begun.on('error', () => undefined);
    begun.on('data', read);
    begun.once('close', reopen);
    const settings = Buffer.alloc(9);
    settings.writeUInt8(FRAME.settings, 3);
    begun.write(Buffer.concat([Buffer.from(PREFACE), settings]));
    return begun;
  }

  /** A server that is too busy may lose its connections. */
  function reopen(): void {
    for (const id of open.keys()) finish(id, 'expired');
    if (closed) return;
    head = headerBlocks(shared);
    nextId = 1;
    maxStreams = 100;
    window = WINDOW;
    received = 0;
    batch = [];
    rest = Buffer.alloc(0);
    socket = begin();
  }

  function write(...frames: Buffer[]): void {
    if (batch.length === 0) setImmediate(flush);
    batch.push(...frames);
  }

  function flush(): void {
    const frames = Buffer.concat(batch);
    batch = [];
    if (frames.length > 0 && socket.writable) socket.write(frames);
  }

  /** Calls wait here, as in every gRPC library, while as many are open as the server allows. */
  function pump(): void {
    let taken = 0;
    const now = performance.now();
    for (const call of waiting) {
      if (open.size >= maxStreams || window < call.body.length) break;
      taken += 1;
      if (now >= call.expiresAt) {
        onEnd(call, 'expired');
        continue;
      }
      const id = nextId;
      nextId += 2;
      open.set(id, { call, answered: false });
      window -= call.body.length;
      write(headersFrame(id, head(call, call.expiresAt - now)), dataFrame(id, call.body, { end: true }));
    }
    if (taken > 0) waiting = waiting.slice(taken);
  }

  function finish(id: number, ending: Ending | null): void {
    const stream = open.get(id);
    if (stream === undefined) return;
    open.delete(id);
    onEnd(stream.call, ending ?? (stream.answered ? 'ok' : 'refused'));
  }

  function read(chunk: Buffer): void {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= 9) {
      const length = rest.readUIntBE(at, 3);
      if (rest.length - at < 9 + length) break;
      take(
        { type: rest[at + 3] ?? 0, flags: rest[at + 4] ?? 0, id: rest.readUInt32BE(at + 5) & 0x7fffffff },
        at + 9,
        length,
      );
      at += 9 + length;
    }
    rest = rest.subarray(at);
    if (received > WINDOW / 2) {
      write(windowUpdateFrame(0, received));
      received = 0;
    }
    pump();
  }

  function take({ type, flags, id }: { type: number; flags: number; id: number }, at: number, length: number): void {
    if (type === FRAME.data) {
      received += length;
      const stream = open.get(id);
      if (stream !== undefined) stream.answered = true;
    }
    if ((type === FRAME.headers || type === FRAME.data) && (flags & END_STREAM) !== 0) finish(id, null);
    if (type === FRAME.reset) finish(id, 'refused');
    if (type === FRAME.windowUpdate && id === 0) window += rest.readUInt32BE(at);
    if ((type === FRAME.settings || type === FRAME.ping) && (flags & ACK) === 0) acknowledge(type, at, length);
  }

  function acknowledge(type: number, at: number, length: number): void {
    const payload = type === FRAME.ping ? rest.subarray(at, at + length) : Buffer.of();
    const ack = Buffer.alloc(9);
    ack.writeUIntBE(payload.length, 0, 3);
    ack.writeUInt8(type, 3);
    ack.writeUInt8(ACK, 4);
    write(ack, Buffer.from(payload));
    if (type === FRAME.ping) return;
    for (let entry = at; entry < at + length; entry += 6) {
      if (rest.readUInt16BE(entry) === MAX_CONCURRENT_STREAMS) maxStreams = rest.readUInt32BE(entry + 2);
    }
  }

  return {
    make(call) {
      waiting.push(call);
      if (waiting.length === 1) pump();
    },
    expire(now) {
      const late = waiting.filter(({ expiresAt }) => now >= expiresAt);
      if (late.length > 0) waiting = waiting.filter(({ expiresAt }) => now < expiresAt);
      for (const call of late) onEnd(call, 'expired');
      for (const [id, { call }] of open) {
        if (now < call.expiresAt) continue;
        write(resetFrame(id));
        finish(id, 'expired');
      }
    },
    close() {
      closed = true;
      socket.destroy();
    },
  };
}

/** The block of headers for a call with so many milliseconds left; only the first one spells out what they all share. */
function headerBlocks(headers: Readonly<Record<string, string>>): (call: OpenCall, leftMs: number) => Buffer {
  const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value, 'latin1')]);
  const entries = Object.entries(headers);
  const first = entries.flatMap(([name, value]) => [Buffer.of(0x40), text(name), text(value)]);
  const known = Buffer.from(entries.map((_, index) => 0x80 | (DYNAMIC + entries.length - 1 - index)));
  const literals = new Map<string, Buffer>();
  const literal = (name: string, value: string): Buffer => {
    let encoded = literals.get(value);
    if (encoded === undefined) {
      encoded = Buffer.concat([Buffer.of(0), text(name), text(value)]);
      literals.set(value, encoded);
    }
    return encoded;
  };
  let begun = false;
  return ({ method }, leftMs) => {
    const others = begun ? [known] : first;
    begun = true;
    const timeout = `${Math.max(1, Math.ceil(leftMs))}m`;
    return Buffer.concat([literal(':path', `${SERVICE}/${method}`), ...others, literal('grpc-timeout', timeout)]);
  };
}
