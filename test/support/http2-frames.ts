/** HTTP/2 frame by frame (RFC 9113), for what no client library sends. */
import { connect, type Socket } from 'node:net';

const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1;
const ACK = 1;
const END_HEADERS = 4;
export const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HPACK without tables and Huffman codes; names and values are shorter than 127 bytes. RFC 7541 §6.2.2. */
function hpack(headers: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.of(value.length), Buffer.from(value, 'latin1')]);
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]));
}

/** A call of gRPC up to its message. */
export function callHeaders(path: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  return hpack({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'localhost',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...headers,
  });
}

export const headersFrame = (stream: number, block: Buffer, { end = false } = {}) =>
  frame(FRAME.headers, END_HEADERS | (end ? END_STREAM : 0), stream, block);
export const dataFrame = (stream: number, data: Buffer, { end = false } = {}) =>
  frame(FRAME.data, end ? END_STREAM : 0, stream, data);
export function resetFrame(stream: number): Buffer {
  const CANCEL = 8;
  return frame(FRAME.reset, 0, stream, Buffer.of(0, 0, 0, CANCEL));
}

export function windowUpdateFrame(stream: number, bytes: number): Buffer {
  const increment = Buffer.alloc(4);
  increment.writeUInt32BE(bytes);
  return frame(FRAME.windowUpdate, 0, stream, increment);
}

export interface RawConnection {
  readonly socket: Socket;
  /** Frames that came, by their type. */
  readonly received: Record<keyof typeof FRAME, number>;
  /** The error codes of RST_STREAM, as they came. */
  readonly resets: number[];
}

/** A connection that has sent its preface, and acknowledges what a client must. */
export function rawConnection(port: number, host = '127.0.0.1'): RawConnection {
  const socket = connect(port, host);
  const received = { data: 0, headers: 0, reset: 0, settings: 0, ping: 0, goaway: 0, windowUpdate: 0 };
  const names = Object.keys(FRAME) as (keyof typeof FRAME)[];
  const resets: number[] = [];
  let rest = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const length = rest.readUIntBE(0, 3);
      const [type, flags] = [rest.readUInt8(3), rest.readUInt8(4)];
      const payload = rest.subarray(9, 9 + length);
      rest = rest.subarray(9 + length);
      for (const name of names) if (FRAME[name] === type) received[name] += 1;
      if (type === FRAME.reset) resets.push(payload.readUInt32BE(0));
      if ((type === FRAME.settings || type === FRAME.ping) && (flags & ACK) === 0) {
        socket.write(frame(type, ACK, 0, type === FRAME.ping ? payload : Buffer.of()));
      }
    }
  });
  socket.write(Buffer.concat([Buffer.from(PREFACE), frame(FRAME.settings, 0, 0, Buffer.of())]));
  return { socket, received, resets };
}
