/**
 * What strangers can do to the gRPC port: nothing that they send is inflated or read beyond what one call needs, and
 * what they keep open is ended.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import zlib, { gzipSync } from 'node:zlib';
import { Client, credentials, Server, ServerCredentials, type ServerInterceptingCall } from '@grpc/grpc-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { serviceDefinition } from '../../src/rpc/grpc-codec.ts';
import { type GuardOptions, guardStreams } from '../../src/rpc/grpc-guard.ts';
import { callHeaders, dataFrame, headersFrame, rawConnection, resetFrame } from '../support/http2-frames.ts';
import { eventually } from '../support/wait.ts';
import { type Edges, frame, onlyRpc, rawGrpc, SERVICE, startEdges } from './edges.ts';

const TOKEN_HASH = createHash('sha256').update('token').digest('hex');
const HEALTH = '/grpc.health.v1.Health/Check';
const CHECK = `${SERVICE}/CheckCode`;
const PATHS = [
  HEALTH,
  '/grpc.health.v1.Health/Watch',
  CHECK,
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
];
/** What a frame of HTTP/2 holds of them. */
const GZIPPED = Buffer.concat(Array.from({ length: 287 }, () => frame(gzipSync(Buffer.alloc(16_000)), true)));
const EMPTY = Buffer.concat(Array.from({ length: 3_276 }, () => frame(Buffer.of())));

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: Parameters<typeof startEdges>[0] = {}): Promise<Edges & { readonly port: number }> {
  const edges = await startEdges(options);
  closers.push(() => edges.stop());
  return { ...edges, port: Number(edges.grpc.split(':')[1]) };
}

function client(port: number) {
  const connection = rawConnection(port);
  closers.push(() => connection.socket.destroy());
  return connection;
}

const cuts = ({ events }: Edges) => events.flatMap((event) => (event.type === 'cut' ? [event.why] : []));
const times = (count: number, why: string) => Array.from({ length: count }, () => why);

/** grpc-js by itself, or behind the guard; counts the messages that it takes out of frames. */
async function plain(guarded: boolean): Promise<{ target: string; taken: () => number }> {
  let taken = 0;
  const server = new Server({
    interceptors: [
      (_, call) => {
        if (guarded) guard?.adopt((status) => call.sendStatus(status));
        return call as ServerInterceptingCall;
      },
    ],
  });
  const nothing = () => undefined;
  const options: GuardOptions = {
    gate: (_stream, _headers, begin) => begin(nothing),
    isCaller: () => true,
    onServer: nothing,
    onTrusted: nothing,
    onUnknown: nothing,
    onCut: nothing,
  };
  const guard = guarded ? guardStreams(server, options) : null;
  const counting = (bytes: Buffer) => {
    taken += 1;
    return bytes;
  };
  const methods = Object.entries(serviceDefinition(VerificationService));
  const counted = methods.map(([name, method]) => [name, { ...method, requestDeserialize: counting }]);
  server.addService(Object.fromEntries(counted), {});
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  closers.push(() => server.forceShutdown());
  return { target: `127.0.0.1:${port}`, taken: () => taken };
}

describe('a compressed call is refused before anything is inflated', () => {
  test.each(PATHS)('%s', async (path) => {
    const inflated = vi.spyOn(zlib, 'createGunzip');
    const edges = await start();
    const answer = await rawGrpc(edges.grpc, { ':path': path, 'grpc-encoding': 'gzip' }, GZIPPED);
    expect(answer.headers['grpc-status']).toBe('12');
    expect(inflated).toHaveBeenCalledTimes(0);
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'UNIMPLEMENTED' });
  });

  test.each([
    ['negative control: grpc-js by itself inflates all of a frame', false, 287],
    ['behind the guard it inflates nothing', true, 0],
  ])('%s', async (_, guarded, inflations) => {
    const inflated = vi.spyOn(zlib, 'createGunzip');
    const { target } = await plain(guarded);
    await rawGrpc(target, { ':path': CHECK, 'grpc-encoding': 'gzip' }, GZIPPED);
    expect(inflated).toHaveBeenCalledTimes(inflations);
  });
});

describe('stock clients', () => {
  const call = (target: string, options: object) => {
    const stub = new Client(target, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1, ...options });
    closers.push(() => stub.close());
    const asIs = (bytes: Buffer) => bytes;
    return new Promise<{ code: number; details: string }>((resolve) => {
      stub.makeUnaryRequest(CHECK, asIs, asIs, Buffer.of(), (error) => {
        resolve({ code: error?.code ?? 0, details: error?.details ?? '' });
      });
    });
  };

  test.each([
    ['gzip', 2],
    ['deflate', 1],
  ])('with a compressor (%s) hear what to do', async (_, algorithm) => {
    const edges = await start();
    const answer = await call(edges.grpc, { 'grpc.default_compression_algorithm': algorithm });
    expect(answer).toMatchObject({ code: 12, details: expect.stringContaining('send them without compression') });
  });

  test('as they are delivered do not compress', async () => {
    const edges = await start();
    edges.begin({ checkCode: async () => ({ result: 'not_found' }) });
    expect(await call(edges.grpc, {})).toMatchObject({ code: 0 });
  });
});

describe('a second message ends the call before grpc-js sees it', () => {
  test.each(PATHS.slice(0, 3))('%s', async (path) => {
    const edges = await start();
    const answer = await rawGrpc(edges.grpc, { ':path': path }, EMPTY);
    expect(answer.headers).toMatchObject({ 'grpc-status': '12' });
    expect(edges.reached).toEqual([]);
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'UNIMPLEMENTED' });
  });

  test.each([
    ['negative control: grpc-js by itself takes all of a frame', false, 3_276],
    ['behind the guard it takes nothing', true, 0],
  ])('%s', async (_, guarded, messages) => {
    const { target, taken } = await plain(guarded);
    await rawGrpc(target, { ':path': CHECK }, EMPTY);
    expect(taken()).toBe(messages);
  });

  test('also when the messages come byte by byte', async () => {
    const edges = await start();
    const { socket, received } = client(edges.port);
    socket.write(headersFrame(1, callHeaders(HEALTH)));
    for (const byte of Buffer.concat([frame(Buffer.of(10, 0)), Buffer.of(0)])) {
      socket.write(dataFrame(1, Buffer.of(byte)));
    }
    await eventually('the stream is ended', () => received.reset === 1);
    expect(onlyRpc(edges.events)).toMatchObject({ method: 'Health/Check', status: 'UNIMPLEMENTED' });
  });
});

test('the guard stands where grpc-js takes streams; where an update has moved that, nothing starts', () => {
  const options = {} as GuardOptions;
  expect(() => guardStreams({} as Server, options)).toThrow('would be unguarded');
  const other = { _setupHandlers: () => undefined };
  guardStreams(other as unknown as Server, options);
  const bind = other._setupHandlers as unknown as (server: unknown) => void;
  expect(() => bind({ listeners: () => [] })).toThrow('would be unguarded');
});

test('health and unknown methods are counted as calls of nobody', async () => {
  const edges = await start({ callers: [{ name: 'auth', tokenHashes: [TOKEN_HASH], purposes: 'all' }] });
  const call = (path: string, body: Buffer) => rawGrpc(edges.grpc, { ':path': path }, frame(body));
  const name = (text: string) => Buffer.concat([Buffer.of(10, text.length), Buffer.from(text)]);
  expect((await call(HEALTH, Buffer.of())).headers['grpc-status']).toBe('0');
  expect((await call(HEALTH, name('+14155550123'))).headers).toMatchObject({ 'grpc-status': '5' });
  expect((await call(HEALTH, Buffer.of(255))).headers['grpc-status']).toBe('3');
  expect((await call('/grpc.health.v1.Health/List', Buffer.of())).headers['grpc-status']).toBe('0');
  expect((await call('/no.such/Method', Buffer.of())).headers['grpc-status']).toBe('12');
  expect(edges.events).toMatchObject([
    { method: 'Health/Check', status: 'OK', facts: {} },
    { method: 'Health/Check', status: 'NOT_FOUND' },
    { method: 'Health/Check', status: 'INVALID_ARGUMENT' },
    { method: 'Health/List', status: 'OK' },
    { method: 'unknown', status: 'UNIMPLEMENTED' },
  ]);
});

describe('a request that does not arrive', () => {
  test.each([
    ['without a message', CHECK, Buffer.of()],
    ['with half of one', CHECK, frame(Buffer.alloc(20)).subarray(0, 10)],
    ['without an end', CHECK, frame(Buffer.alloc(20))],
    ['without a token', HEALTH, Buffer.of()],
  ])('is ended in time: %s', async (_, path, body) => {
    const edges = await start({ bounds: { requestMs: 50 } });
    const { socket, received } = client(edges.port);
    socket.write(Buffer.concat([headersFrame(1, callHeaders(path)), dataFrame(1, body)]));
    await eventually('the stream is ended', () => received.reset === 1);
    expect(received.headers).toBe(1);
    expect(cuts(edges)).toEqual(['late']);
    expect(edges.events.find(({ type }) => type === 'rpc')).toMatchObject({ status: 'DEADLINE_EXCEEDED' });
    expect(edges.reached).toEqual([]);
  });

  test('makes room for a newer one, and its client may try again', async () => {
    const edges = await start({ bounds: { requestMs: 3_600_000, maxHalfOpen: 3 } });
    const { socket, resets } = client(edges.port);
    for (let id = 1; id <= 9; id += 2) socket.write(headersFrame(id, callHeaders(CHECK)));
    const REFUSED_STREAM = 7;
    await eventually('two are ended', () => resets.length === 2);
    expect(resets).toEqual([REFUSED_STREAM, REFUSED_STREAM]);
    expect(cuts(edges)).toEqual(times(2, 'half_open'));
  });

  test('is not waited for when its caller is unknown', async () => {
    const edges = await start({ callers: [{ name: 'auth', tokenHashes: [TOKEN_HASH], purposes: 'all' }] });
    const { socket, received, resets } = client(edges.port);
    socket.write(headersFrame(1, callHeaders(CHECK)));
    await eventually('the stream is ended', () => received.reset === 1);
    expect(resets).toEqual([0]);
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'UNAUTHENTICATED' });
  });
});

describe('the pace of streams', () => {
  /** Opens and resets streams in one write, which is read at once. */
  const flood = (socket: Socket, path: string, headers: Record<string, string> = {}) => {
    const block = callHeaders(path, headers);
    const pairs = Array.from({ length: 200 }, (_, n) => [headersFrame(2 * n + 1, block), resetFrame(2 * n + 1)]);
    socket.write(Buffer.concat(pairs.flat()));
  };
  const AUTH = { name: 'auth', tokenHashes: [TOKEN_HASH], purposes: 'all' } as const;

  test('of a stranger: 10 in a tenth of a second are looked at, what follows is refused and then waits', async () => {
    const edges = await start({ callers: [AUTH] });
    flood(client(edges.port).socket, CHECK);
    await eventually('it was refused', () => cuts(edges).length > 0);
    expect(edges.events.filter(({ type }) => type === 'rpc')).toHaveLength(10);
    expect(new Set(cuts(edges))).toEqual(new Set(['pace']));
    // Others are served meanwhile, strangers too.
    expect((await rawGrpc(edges.grpc, { ':path': HEALTH }, frame(Buffer.of()))).headers['grpc-status']).toBe('0');
  });

  test('a stranger who waits is heard again', async () => {
    const edges = await start({ callers: [AUTH] });
    const { socket, received } = client(edges.port);
    flood(socket, CHECK);
    await eventually('it was refused', () => cuts(edges).length > 0);
    let stream = 2_001;
    // What comes with the rest of the flood is refused like that, and repeated, as clients do.
    await eventually('it is answered', () => {
      socket.write(headersFrame(stream, callHeaders(HEALTH)));
      socket.write(dataFrame(stream, frame(Buffer.of()), { end: true }));
      stream += 2;
      return received.data > 0;
    });
  });

  test('32 calls at once before a token was shown, 256 after', async () => {
    const edges = await start({ callers: [AUTH] });
    edges.begin({ checkCode: async () => ({ result: 'not_found' }) });
    const session = connect(`http://${edges.grpc}`);
    closers.push(() => session.destroy());
    const most = () => session.remoteSettings.maxConcurrentStreams;
    const call = async (path: string) => {
      const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
      const stream = session.request({ ...headers, authorization: 'Bearer token' });
      stream.resume().end(frame(Buffer.of()));
      await once(stream, 'close');
    };
    await call(HEALTH);
    expect(most()).toBe(16);
    await call(CHECK);
    await eventually('more are allowed', () => most() === 256);
  });

  test('negative control: who has shown a token may hurry', async () => {
    const edges = await start({ callers: [AUTH] });
    flood(client(edges.port).socket, CHECK, { authorization: 'Bearer token' });
    await eventually('all are looked at', () => edges.events.filter(({ type }) => type === 'rpc').length === 200);
    expect(cuts(edges)).toEqual([]);
  });
});

describe('connections', () => {
  const tcp = (port: number) => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => undefined);
    // The end of a connection is seen by those who read.
    socket.resume();
    closers.push(() => socket.destroy());
    return socket;
  };
  const ports = ({ grpc, http }: Edges) => ({ grpc: Number(grpc.split(':')[1]), http: Number(new URL(http).port) });

  test.each(['grpc', 'http'] as const)('that say nothing are ended (%s)', async (which) => {
    const edges = await start({ bounds: { silentMs: 50 } });
    await once(tcp(ports(edges)[which]), 'close');
    expect(edges.events).toEqual([{ type: 'cut', listener: which, why: 'silent' }]);
  });

  test('that say too little to be HTTP/2 are ended', async () => {
    const edges = await start({ bounds: { silentMs: 50 } });
    const socket = tcp(ports(edges).grpc);
    socket.write('PRI * HTTP/2.0');
    await once(socket, 'close');
    expect(cuts(edges)).toEqual(['silent']);
  });

  test('negative control: one that has begun to speak stays', async () => {
    const edges = await start({ bounds: { silentMs: 50 } });
    const { socket } = client(edges.port);
    await once(tcp(edges.port), 'close');
    await once(tcp(edges.port), 'close');
    expect(socket.closed).toBe(false);
  });

  test.each(['grpc', 'http'] as const)(
    'beyond what there may be: the oldest stranger makes room, no caller does (%s)',
    async (which) => {
      const edges = await start({ bounds: { maxConnections: 3 } });
      edges.begin({ checkCode: async () => ({ result: 'not_found' }) });
      const caller = edges.client(which === 'grpc' ? 'grpc' : 'json');
      const call = () => caller.call(VerificationService.method.checkCode, {});
      expect((await call()).status).toBe('OK');
      const strangers: Socket[] = [];
      for (let n = 0; n < 5; n++) {
        const socket = tcp(ports(edges)[which]);
        await once(socket, 'connect');
        strangers.push(socket);
      }
      await eventually('three made room', () => strangers.slice(0, 3).every(({ closed }) => closed));
      expect((await call()).status).toBe('OK');
      expect(strangers.map(({ closed }) => closed)).toEqual([true, true, true, false, false]);
      expect(cuts(edges)).toEqual(times(3, 'full'));
    },
  );

  test('of one address beyond its share', async () => {
    const perPeer = { max: 2, exempt: new Set<string>() };
    const edges = await start({ bounds: { perPeer } });
    const sockets = [tcp(edges.port), tcp(edges.port)];
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    sockets.push(tcp(edges.port));
    await eventually('one made room', () => cuts(edges).length === 1);
    expect(cuts(edges)).toEqual(['peer']);
  });

  test('of a proxy have no such share', async () => {
    const perPeer = { max: 2, exempt: new Set(['127.0.0.1']) };
    const edges = await start({ bounds: { perPeer, silentMs: 50 } });
    await Promise.all(Array.from({ length: 5 }, () => once(tcp(edges.port), 'close')));
    expect(cuts(edges)).toEqual(times(5, 'silent'));
  });
});
