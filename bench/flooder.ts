/** One flood, as a process of its own: `node bench/flooder.ts <kind> <grpc port> <callback port>`, until it is ended. */
import { once } from 'node:events';
import { type ClientHttp2Session, connect } from 'node:http2';
import { connect as connectTcp } from 'node:net';
import { setInterval, setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import {
  callHeaders,
  headersFrame,
  type RawConnection,
  rawConnection,
  resetFrame,
} from '../test/support/http2-frames.ts';

const HEALTH = '/grpc.health.v1.Health/Check';
const CHECK = '/countersign.v1.VerificationService/CheckCode';
const FRAME_BYTES = 16_384;
const CALL = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers', ':path': HEALTH };

/** As many messages of this content as a frame of HTTP/2 holds. */
function messages(content: Buffer, compressed: boolean): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0);
  head.writeUInt32BE(content.length, 1);
  const message = Buffer.concat([head, content]);
  return Buffer.concat(Array.from({ length: Math.floor(FRAME_BYTES / message.length) }, () => message));
}

/** 287 messages that each become 16 KB. */
const COMPRESSED = messages(gzipSync(Buffer.alloc(16_000)), true);
const REPEATED = messages(Buffer.of(), false);

const [kind = '', grpcPort = '', callbackPort = ''] = process.argv.slice(2);
const target = `http://127.0.0.1:${grpcPort}`;

/** A session that is opened anew when the server ended it. */
function reopened(): () => ClientHttp2Session {
  let session: ClientHttp2Session | null = null;
  return () => {
    if (session !== null && !session.closed && !session.destroyed) return session;
    session = connect(target);
    session.on('error', () => undefined);
    return session;
  };
}

function stream(session: ClientHttp2Session, headers: Record<string, string>, body: Buffer | null): void {
  const request = session.request({ ...CALL, ...headers });
  request.on('error', () => undefined);
  request.resume();
  if (body !== null) request.end(body);
}

/** Calls `act` so many times a second. */
async function atRate(perSecond: number, act: () => void): Promise<void> {
  const startedAt = performance.now();
  let done = 0;
  for await (const _ of setInterval(5)) {
    const due = Math.floor(((performance.now() - startedAt) * perSecond) / 1_000);
    // What it could not do in time is not made up for.
    for (done = Math.max(done, due - perSecond); done < due; done++) act();
  }
}

async function rapidReset(): Promise<void> {
  const block = callHeaders(CHECK);
  let connection: RawConnection | null = null;
  let id = 1;
  let batch: Buffer[] = [];
  await atRate(10_000, () => {
    if (connection === null || connection.socket.destroyed || connection.received.goaway > 0) {
      connection?.socket.destroy();
      connection = rawConnection(Number(grpcPort));
      id = 1;
      batch = [];
    }
    batch.push(headersFrame(id, block), resetFrame(id));
    id += 2;
    if (batch.length < 100) return;
    connection.socket.write(Buffer.concat(batch));
    batch = [];
  });
}

/** 5,120 streams at once; whatever the server ended is opened anew, at most a thousand a second. */
async function halfOpen(): Promise<void> {
  const sessions = Array.from({ length: 20 }, () => reopened());
  let open = 0;
  let turn = 0;
  const openOne = () => {
    const session = sessions[turn++ % sessions.length]?.();
    if (session === undefined || open >= 5_120) return;
    const request = session.request(CALL, { endStream: false });
    open += 1;
    request.on('error', () => undefined);
    request.on('close', () => {
      open -= 1;
    });
    request.resume();
  };
  for (let n = 0; n < 5_120; n++) openOne();
  await atRate(1_000, openOne);
}

async function silent(): Promise<void> {
  const hold = async (): Promise<never> => {
    for (;;) {
      const socket = connectTcp(Number(callbackPort), '127.0.0.1');
      socket.on('error', () => undefined);
      await once(socket, 'close').catch(() => undefined);
    }
  };
  await Promise.all(Array.from({ length: 500 }, hold));
}

async function burst(): Promise<void> {
  const sessions = Array.from({ length: 8 }, () => reopened());
  const frames = (32 * 1_024 * 1_024) / FRAME_BYTES;
  for (let n = 0; n < frames; n++) {
    const session = sessions[n % sessions.length];
    if (session !== undefined) stream(session(), { 'grpc-encoding': 'gzip' }, COMPRESSED);
  }
  await setTimeout(3_600_000);
}

const one = reopened();
const FLOODS: Readonly<Record<string, () => Promise<void>>> = {
  nothing: () => setTimeout(3_600_000),
  compressed: () => atRate(20, () => stream(one(), { 'grpc-encoding': 'gzip' }, COMPRESSED)),
  burst,
  repeated: () => atRate(100, () => stream(one(), {}, REPEATED)),
  'half-open': halfOpen,
  silent,
  'rapid-reset': rapidReset,
};
await FLOODS[kind]?.();
