import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createApp } from '../src/app.ts';
import { ConfigError, loadConfig } from '../src/config/load.ts';
import { CheckResult, VerificationService } from '../src/gen/countersign/v1/verification_pb.ts';
import {
  Health,
  type HealthCheckRequest,
  type HealthCheckResponse,
  HealthCheckResponse_ServingStatus,
} from '../src/gen/grpc/health/v1/health_pb.ts';
import { createMemoryStore } from '../src/store/memory.ts';
import type { Store } from '../src/store/store.ts';
import { type AppOptions, type RunningApp, startApp } from './support/app.ts';
import { ok } from './support/clients.ts';
import { freePort } from './support/port.ts';
import { eventually } from './support/wait.ts';

const { sendCode, checkCode } = VerificationService.method;
const REQUEST = { phone: '+14155550123', purpose: 'login' };
const LOOPBACK = { GRPC_LISTEN: '127.0.0.1:0', HTTP_LISTEN: '127.0.0.1:0', OPS_LISTEN: '127.0.0.1:0' };
const PRODUCTION = {
  NODE_ENV: 'production',
  SMS_BRAND: 'Acme',
  REDIS_URL: 'redis://127.0.0.1:1',
  COUNTERSIGN_SECRET: 'a root secret that only tests use',
  COUNTERSIGN_CALLERS: `{auth: {tokens: [${createHash('sha256').update('token').digest('hex')}]}}`,
};

const running: RunningApp[] = [];
async function start(options?: AppOptions): Promise<RunningApp> {
  const app = await startApp(options);
  running.push(app);
  return app;
}
afterEach(async () => {
  await Promise.all(running.splice(0).map((app) => app.stop()));
});

const records = (app: RunningApp): Record<string, unknown>[] =>
  app
    .log()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** `grpc.health.v1.Health/Watch` of the whole server. */
function watchHealth(target: string, seen: (status: HealthCheckResponse_ServingStatus) => void): { cancel(): void } {
  const client = new Client(target, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const { watch } = Health.method;
  const stream = client.makeServerStreamRequest(
    `/${Health.typeName}/${watch.name}`,
    (request: HealthCheckRequest) => Buffer.from(toBinary(watch.input, request)),
    (bytes: Buffer) => fromBinary(watch.output, bytes),
    create(watch.input),
  );
  stream.on('data', ({ status }: HealthCheckResponse) => seen(status));
  // The end of the stream by `cancel` is an error for grpc-js.
  stream.on('error', () => client.close());
  return { cancel: () => stream.cancel() };
}

async function ready(app: RunningApp): Promise<{ status: number; components: unknown }> {
  const response = await fetch(`${app.ops}/readyz`);
  const { components } = (await response.json()) as { components: unknown };
  return { status: response.status, components };
}

function accepts(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url.includes('://') ? url : `http://${url}`);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    socket.unref();
  });
}

/** Everything that is due now has run, timers excepted. */
async function turnOfTheLoop(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function post(app: RunningApp, rpc: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${app.http}/${VerificationService.typeName}/${rpc}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(REQUEST),
  });
}

describe('a running service', () => {
  test('approves over one listener what it sent over the other', async () => {
    const app = await start();
    ok(await app.client('grpc').call(sendCode, REQUEST));
    const guess = { ...REQUEST, code: app.inbox.codeTo(REQUEST.phone) };
    expect(ok(await app.client('json').call(checkCode, guess)).result).toBe(CheckResult.APPROVED);
  });

  test('logs and counts each call', async () => {
    const app = await start();
    ok(await app.client('grpc').call(sendCode, REQUEST));
    expect((await app.client('json').call(sendCode, REQUEST)).status).toBe('RESOURCE_EXHAUSTED');
    expect(records(app).filter(({ msg }) => msg === 'rpc')).toMatchObject([
      { edge: 'grpc', method: 'SendCode', status: 'OK', outcome: 'sent', phone: '****0123', provider: 'inbox' },
      { edge: 'connect', method: 'SendCode', status: 'RESOURCE_EXHAUSTED', reason: 'COOLDOWN' },
    ]);
    const metrics = await (await fetch(`${app.ops}/metrics`)).text();
    expect(metrics).toContain('countersign_sends_total{outcome="sent",provider="inbox"} 1');
    expect(metrics).toContain('countersign_refusals_total{reason="COOLDOWN"} 1');
    expect(metrics).toContain(
      'countersign_provider_attempts_total{provider="inbox",result="accepted",category="",code=""} 1',
    );
  });

  test('has a failed call in its log under the ids that its caller has', async () => {
    const app = await start();
    app.inbox.answer(async () => ({ kind: 'unavailable', category: 'balance', vendorCode: '30001' }));
    const requestId = randomUUID();
    const trace = randomBytes(16).toString('hex');
    const response = await fetch(`${app.http}/${VerificationService.typeName}/SendCode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', traceparent: `00-${trace}-00f067aa0ba902b7-01` },
      body: JSON.stringify({ ...REQUEST, requestId }),
    });
    expect([response.status, Number(response.headers.get('retry-after'))]).toEqual([503, expect.any(Number)]);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(records(app).filter(({ request_id }) => request_id === requestId)).toMatchObject([
      { msg: 'rpc', reason: 'DELIVERY_UNAVAILABLE', trace_id: trace, phone: '****0123' },
    ]);
  });

  test('writes neither a code nor a whole phone into its log, at any level', async () => {
    const app = await start({ env: { LOG_LEVEL: 'trace' } });
    ok(await app.client('json').call(sendCode, REQUEST));
    const code = app.inbox.codeTo(REQUEST.phone);
    ok(await app.client('grpc').call(checkCode, { ...REQUEST, code }));
    expect(app.log()).not.toContain(REQUEST.phone.slice(1));
    expect(app.log()).not.toContain(code);
  });

  test('warns that it keeps its state in memory', async () => {
    const warnings = records(await start()).filter(({ level }) => level === 'warn');
    expect(warnings).toMatchObject([{ msg: expect.stringContaining('STATE IS KEPT IN MEMORY') }]);
  });

  test('logs the warnings of its configuration', async () => {
    const app = await start({ env: { REDIS_URL: 'redis://127.0.0.1:1' } });
    expect(app.log()).toContain('COUNTERSIGN_SECRET is not set');
  });

  test('asks its callers who they are, before it asks the store anything', async () => {
    const app = await start({ env: { COUNTERSIGN_CALLERS: PRODUCTION.COUNTERSIGN_CALLERS } });
    for (const protocol of ['grpc', 'json'] as const) {
      const client = app.client(protocol);
      expect((await client.call(sendCode, REQUEST)).status).toBe('UNAUTHENTICATED');
      expect((await client.call(sendCode, REQUEST, { token: 'other' })).status).toBe('UNAUTHENTICATED');
    }
    expect(app.events.filter(({ type }) => type === 'store')).toEqual([]);
    expect((await app.client('grpc').call(sendCode, REQUEST, { token: 'token' })).status).toBe('OK');
  });

  test('understands what another instance with its store and secret sent', async () => {
    const store = createMemoryStore({ now: Date.now });
    const env = { COUNTERSIGN_SECRET: PRODUCTION.COUNTERSIGN_SECRET };
    const [one, two] = [await start({ store, env }), await start({ store, env })];
    const { verificationId } = ok(await one.client('grpc').call(sendCode, REQUEST));
    const guess = { verificationId, purpose: REQUEST.purpose, code: one.inbox.codeTo(REQUEST.phone) };
    expect(ok(await two.client('grpc').call(checkCode, guess)).result).toBe(CheckResult.APPROVED);
  });
});

describe('the most that a call may take', () => {
  let held: PromiseWithResolvers<never>;
  beforeEach(() => {
    held = Promise.withResolvers();
  });
  afterEach(() => {
    vi.useRealTimers();
    // So that the stop of the service has nothing to wait for.
    held.reject(new Error('the test is over'));
  });

  /** Only timers are virtual: what the sockets carry arrives in real time, and no time has to pass. */
  test.each([
    ['SendCode', 10_000, 'send'],
    ['RateStatus', 2_000, 'status'],
  ] as const)('%s: %d ms, even if its caller allows an hour', async (rpc, ms, operation) => {
    const called = Promise.withResolvers<void>();
    const hangs = () => {
      called.resolve();
      return held.promise;
    };
    const store = { ...createMemoryStore({ now: Date.now }), [operation]: hangs };
    const app = await start({ store, hurried: true });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const answer = post(app, rpc, { 'connect-timeout-ms': '3600000' });
    await called.promise;
    const ended = () => app.events.filter(({ type }) => type === 'rpc').length;

    vi.advanceTimersByTime(ms - 1);
    await turnOfTheLoop();
    expect(ended()).toBe(0);
    vi.advanceTimersByTime(1);
    await turnOfTheLoop();
    expect(ended()).toBe(1);
    expect(await (await answer).json()).toMatchObject({ code: 'deadline_exceeded' });
  });
});

describe('the code in the answer', () => {
  const printed: string[] = [];
  const console = {
    name: 'console',
    send: async () => ({ kind: 'accepted', messageId: 'm', segments: 1 }) as const,
  };

  test('is there in development, where the console provider prints the message', async () => {
    const app = createApp(
      loadConfig(LOOPBACK, () => ''),
      {
        print: (line) => void printed.push(line),
        logDestination: { write: () => undefined },
      },
    );
    const { http } = await app.start();
    const response = await fetch(`http://127.0.0.1:${http}/countersign.v1.VerificationService/SendCode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(REQUEST),
    });
    const { code } = (await response.json()) as { code: string };
    await app.stop();
    expect(code).toMatch(/^\d{6}$/);
    expect(printed).toEqual([expect.stringContaining(code)]);
  });

  test('is never there in production, whatever a provider calls itself', async () => {
    const store = createMemoryStore({ now: Date.now });
    const app = await start({ env: { ...PRODUCTION, ...LOOPBACK }, store, providers: [console] });
    expect(ok(await app.client('grpc').call(sendCode, REQUEST, { token: 'token' })).code).toBe('');
  });
});

describe('without Redis at its address', () => {
  const env = { REDIS_URL: 'redis://127.0.0.1:1', COUNTERSIGN_SECRET: PRODUCTION.COUNTERSIGN_SECRET };

  test('it starts, lives and is not ready', async () => {
    const app = await start({ env });
    expect(await ready(app)).toEqual({ status: 503, components: { server: 'serving', store: 'lost' } });
    expect((await fetch(`${app.ops}/livez`)).status).toBe(200);
  });

  test('it refuses and sends nothing', async () => {
    const app = await start({ env });
    const answer = await app.client('grpc').call(sendCode, REQUEST);
    expect(answer).toMatchObject({ status: 'UNAVAILABLE', details: { ErrorInfo: { reason: 'STORE_UNAVAILABLE' } } });
    expect(app.inbox.messages).toEqual([]);
  });
});

describe('a stop', () => {
  test('lets the calls under way finish, refuses new ones, and closes every listener', async () => {
    const app = await start();
    const client = app.client('grpc');
    const called = Promise.withResolvers<void>();
    const accept = Promise.withResolvers<void>();
    app.inbox.answer(async () => {
      called.resolve();
      await accept.promise;
      return { kind: 'accepted', messageId: 'm', segments: 1 };
    });
    const call = client.call(sendCode, REQUEST);
    await called.promise;

    const stopped = running.splice(0)[0]?.stop();
    expect(await ready(app)).toMatchObject({ status: 503, components: { server: 'draining' } });
    expect((await fetch(`${app.ops}/livez`)).status).toBe(200);
    expect(await accepts(app.http)).toBe(false);

    accept.resolve();
    expect((await call).status).toBe('OK');
    await stopped;
    expect(await Promise.all([app.grpc, app.http, app.ops].map(accepts))).toEqual([false, false, false]);
  });

  test('tells those who watch the health of the service before it closes anything', async () => {
    const app = await start();
    const statuses: HealthCheckResponse_ServingStatus[] = [];
    const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
    const watching = watchHealth(app.grpc, (status) => statuses.push(status));
    await eventually('the service is serving', () => statuses.at(-1) === SERVING);
    const stopped = running.splice(0)[0]?.stop();
    await eventually('the service is not serving', () => statuses.at(-1) === NOT_SERVING);
    watching.cancel();
    await stopped;
  });

  test('waits for a send whose caller has given up: what becomes of it is recorded before the store is closed', async () => {
    const memory = createMemoryStore({ now: Date.now });
    const done: string[] = [];
    const store: Store = {
      ...memory,
      settle: async (command) => {
        await memory.settle(command);
        done.push(command.delivery === null ? 'refunded' : 'recorded');
      },
      close: async () => {
        done.push('closed');
        await memory.close();
      },
    };
    const app = await startApp({ store });
    const called = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    app.inbox.answer(async () => {
      called.resolve();
      await answer.promise;
      return { kind: 'rejected', category: 'invalid_number', vendorCode: '' };
    });
    const givingUp = new AbortController();
    const call = fetch(`${app.http}/${VerificationService.typeName}/SendCode`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(REQUEST),
      signal: givingUp.signal,
    });
    await called.promise;
    givingUp.abort();
    await expect(call).rejects.toThrow();

    const stopped = app.stop();
    await eventually('the listeners are closed', async () => !(await accepts(app.http)) && !(await accepts(app.grpc)));
    answer.resolve();
    await stopped;
    expect(done).toEqual(['refunded', 'closed']);
  });

  test('gives back at the last moment what could not be given back before', async () => {
    const memory = createMemoryStore({ now: Date.now });
    let settles = 0;
    const store: Store = {
      ...memory,
      settle: async (command) => {
        settles++;
        if (settles === 1) throw new Error('away');
        await memory.settle(command);
      },
    };
    const app = await startApp({ store });
    app.inbox.answer(async () => ({ kind: 'unavailable', category: 'transient', vendorCode: '' }));
    expect((await app.client('grpc').call(sendCode, REQUEST)).status).toBe('UNAVAILABLE');
    expect(settles).toBe(1);
    await app.stop();
    expect(settles).toBe(2);
  });
});

describe('a start that cannot succeed', () => {
  test('leaves nothing open when a port is taken', async () => {
    const first = await start();
    const ops = await freePort();
    const env = { ...LOOPBACK, OPS_LISTEN: `127.0.0.1:${ops}`, HTTP_LISTEN: new URL(first.http).host };
    await expect(startApp({ env })).rejects.toMatchObject({ cause: { code: 'EADDRINUSE' } });
    expect(await accepts(`127.0.0.1:${ops}`)).toBe(false);
  });

  test('names the missing provider in production', async () => {
    const config = loadConfig({ ...PRODUCTION, ...LOOPBACK }, () => '', { ownProviders: true });
    const attempt = createApp(config, { logDestination: { write: () => undefined } }).start();
    await expect(attempt).rejects.toThrow(ConfigError);
    await expect(attempt).rejects.toThrow('no SMS provider configured');
  });

  test('closes the store that it opened for nothing', async () => {
    const config = loadConfig({ ...PRODUCTION, ...LOOPBACK }, () => '', { ownProviders: true });
    let closed = 0;
    const store = { ...createMemoryStore({ now: Date.now }), close: async () => void closed++ };
    const attempt = createApp(config, { store, logDestination: { write: () => undefined } }).start();
    await expect(attempt).rejects.toThrow('no SMS provider configured');
    expect(closed).toBe(1);
  });
});

test('a fault outside of any call is logged and counted', async () => {
  const lines: string[] = [];
  const app = createApp(
    loadConfig({ ...LOOPBACK, LOG_FORMAT: 'json' }, () => ''),
    {
      logDestination: { write: (line: string) => void lines.push(line) },
    },
  );
  const { ops } = await app.start();
  app.report('unhandledRejection', new Error('about +14155550123'));
  const metrics = await (await fetch(`http://127.0.0.1:${ops}/metrics`)).text();
  await app.stop();
  expect(metrics).toContain('countersign_faults_total 1');
  expect(lines.map((line) => JSON.parse(line))).toContainEqual(
    expect.objectContaining({ level: 'error', msg: 'fault', where: 'unhandledRejection' }),
  );
  expect(lines.join()).not.toContain('4155550123');
});
