/**
 * Redis away, stalled, read-only, loading, full, locked or cut off: nothing is sent, nothing is approved, and everything works
 * again when Redis does. How quick the answer is then: test/deadlines/fail-closed.test.ts.
 */
import { describe, expect, it, type TestContext } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { Readiness } from '../../src/ops/readiness.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { type RunningApp, startApp } from '../support/app.ts';
import { ok, type Protocol, type ServiceClient } from '../support/clients.ts';
import { assertKeysClean } from '../support/keys.ts';
import { startProxy } from '../support/proxy.ts';
import { startRedisProxy } from '../support/redis-proxy.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from '../support/redis-server.ts';
import { openStore } from '../support/store.ts';
import { eventually } from '../support/wait.ts';
import { OUTAGES } from './outages.ts';

const { sendCode, checkCode, rateStatus } = VerificationService.method;

const PURPOSE = 'login';
const KNOWN = '+14155550101';
const REFUSED = '+14155550102';
/** As by default. On a busy machine it takes some replies for lost: what must succeed is asked for until it does. */
const env = { REDIS_COMMAND_TIMEOUT_MS: '400' };

type Finally = TestContext['onTestFinished'];

async function start(atEnd: Finally, options: RedisServerOptions = {}): Promise<RedisServer> {
  const redis = await startRedis(options);
  atEnd(() => redis.stop());
  return redis;
}

async function serve(atEnd: Finally, url: string, change?: (store: Store) => Store): Promise<RunningApp> {
  const app = await startApp({
    env: { REDIS_URL: url, ...env },
    ...(change && { store: change(await openStore({ url, commandTimeoutMs: 400 })) }),
  });
  atEnd(() => app.stop());
  return app;
}

const send = (client: ServiceClient, phone: string) => client.call(sendCode, { phone, purpose: PURPOSE });
const status = (client: ServiceClient, phone: string) => client.call(rateStatus, { phone, purpose: PURPOSE });

async function expectUnavailable(answer: ReturnType<ServiceClient['call']>): Promise<void> {
  expect(await answer).toMatchObject({
    status: 'UNAVAILABLE',
    details: { ErrorInfo: { reason: 'STORE_UNAVAILABLE' }, RetryInfo: { retryDelay: '1s' } },
  });
}

/** Resolves once the phone could be sent to, and nothing was ever charged to it. */
async function uncharged(client: ServiceClient, phone: string): Promise<void> {
  await eventually('the store is back and nothing is charged', async () => {
    const { canSend, limits, cooldown } = ok(await status(client, phone));
    return canSend && cooldown?.active === false && limits.every(({ used }) => used === 0);
  });
}

describe.concurrent.each(OUTAGES)('when Redis $what', ({ options, begin, reads, keeps, why, full }) => {
  it('/readyz, the gauge and the log say so, and what happened', async ({ onTestFinished: atEnd }) => {
    const redis = await start(atEnd, options);
    const app = await serve(atEnd, redis.url);
    const readyz = async () => (await (await fetch(`${app.ops}/readyz`)).json()) as Readiness & { status: string };
    const lost = async () =>
      /^countersign_store_lost (\d)/m.exec(await (await fetch(`${app.ops}/metrics`)).text())?.[1];
    await eventually('ready', async () => (await readyz()).components.store === 'ready');
    const end = await begin(redis);
    const found = await eventually('it says why', async () => {
      const body = await readyz();
      return why.test(body.why ?? '') && body;
    });
    const server = 'serving';
    expect(found).toMatchObject(
      full
        ? { status: 'not ready', components: { server, store: 'full' } }
        : { status: 'ready', components: { server, store: 'unreachable' } },
    );
    expect(await lost()).toBe('1');
    await eventually('a line in the log', async () => {
      await send(app.client('grpc'), REFUSED);
      return app
        .log()
        .split('\n')
        .some((line) => /"store (call failed|lost)"/.test(line) && why.test(JSON.parse(line).why));
    });
    expect(app.log()).not.toMatch(/"why":"[^"]*(?:maxRetries|enableOfflineQueue|isn't writeable|Command timed out)/);
    await end();
    await eventually('ready again', async () => (await readyz()).components.store === 'ready');
    expect(await lost()).toBe('0');
  });

  it.for<Protocol>(['grpc', 'json'])(
    '%s callers are refused, and served again afterwards',
    async (protocol, { onTestFinished: atEnd }) => {
      const redis = await start(atEnd, options);
      const app = await serve(atEnd, redis.url);
      const client = app.client(protocol);
      const { verificationId } = await eventually('a code is sent', async () => ok(await send(client, KNOWN)));
      const right = (requestId: string) =>
        client.call(checkCode, { verificationId, purpose: PURPOSE, code: app.inbox.codeTo(KNOWN), requestId });

      const end = await begin(redis);
      if (reads) await eventually('RateStatus explains', async () => ok(await status(client, REFUSED)));
      await Promise.all([
        expectUnavailable(send(client, REFUSED)),
        expectUnavailable(right('in the outage')),
        reads ?? expectUnavailable(status(client, REFUSED)),
      ]);
      expect(app.inbox.messages).toHaveLength(1);

      await end();
      await uncharged(client, REFUSED);
      const { result } = await eventually('the check is answered', async () => ok(await right('after it')));
      // Where the check was in doubt it may have consumed the code; where the history ended the code ended with it.
      expect(keeps ? [CheckResult.APPROVED] : [CheckResult.APPROVED, CheckResult.NOT_FOUND]).toContain(result);
      await eventually('the phone gets its code', async () => ok(await send(client, REFUSED)));
      const codes = app.inbox.messages.map(({ code }) => code);
      expect(codes).toHaveLength(2);
      await assertKeysClean(redis.connect(), 'cs', { phones: [KNOWN, REFUSED], codes });
    },
  );
});

describe.concurrent('when Redis', () => {
  it('comes after the service, callers are refused, and served when Redis is there', async ({
    onTestFinished: atEnd,
  }) => {
    const redis = await start(atEnd);
    await redis.kill('SIGKILL');
    const app = await serve(atEnd, redis.url);
    const client = app.client('grpc');
    await Promise.all([
      expectUnavailable(send(client, KNOWN)),
      expectUnavailable(client.call(checkCode, { phone: KNOWN, purpose: PURPOSE, code: '123456' })),
      expectUnavailable(status(client, KNOWN)),
    ]);
    expect(app.inbox.messages).toHaveLength(0);
    await redis.restart();
    await uncharged(client, KNOWN);
    await eventually('a code is sent', async () => ok(await send(client, KNOWN)));
    expect(app.inbox.messages).toHaveLength(1);
  });

  it('has another password, callers are refused, and served when the password is set right', async ({
    onTestFinished: atEnd,
  }) => {
    const redis = await start(atEnd, { password: 'right' });
    const app = await serve(atEnd, redis.url.replace('right', 'wrong'));
    const client = app.client('grpc');
    await expectUnavailable(send(client, KNOWN));
    await redis.connect().config('SET', 'requirepass', 'wrong');
    await uncharged(client, KNOWN);
    await eventually('a code is sent', async () => ok(await send(client, KNOWN)));
  });

  it('loses its reply to a send, nothing is sent, and the charge is given back', async ({ onTestFinished: atEnd }) => {
    const redis = await start(atEnd);
    const proxy = await startRedisProxy(redis);
    atEnd(() => proxy.close());
    const app = await serve(atEnd, `redis://${proxy.host}:${proxy.port}`);
    const client = app.client('grpc');
    await uncharged(client, REFUSED);
    await eventually('a code is sent', async () => ok(await send(client, KNOWN)));

    proxy.loseReplies(({ name, args }) => name === 'EVALSHA' && args[1]?.toString() === '5');
    await expectUnavailable(send(client, REFUSED));
    expect(proxy.lost()).toBe(1);
    proxy.keepReplies();
    await uncharged(client, REFUSED);
    expect(app.inbox.messages).toHaveLength(1);
    await eventually('the phone gets its code', async () => ok(await send(client, REFUSED)));
    expect(app.inbox.messages).toHaveLength(2);
  });

  it('was demoted, it is left for the one that its address leads to by now', async ({ onTestFinished: atEnd }) => {
    const [young, old] = [await start(atEnd), await start(atEnd)];
    const upstream = { host: old.host, port: old.port };
    const address = await startProxy(upstream);
    atEnd(() => address.close());
    const app = await serve(atEnd, `redis://${address.host}:${address.port}`);
    const client = app.client('grpc');
    await uncharged(client, KNOWN);

    // Redis keeps the connections of clients that knew it as the primary.
    await old.connect().replicaof(young.host, young.port);
    upstream.port = young.port;
    await expectUnavailable(send(client, KNOWN));
    await eventually('the new primary is used', async () => (await send(client, KNOWN)).status === 'OK');
    expect(app.inbox.messages).toHaveLength(1);
  });
});

describe.concurrent('what these tests would say of a service that', () => {
  const sendInOutage = async (app: RunningApp, redis: RedisServer) => {
    const client = app.client('grpc');
    await uncharged(client, REFUSED);
    await redis.kill('SIGSTOP');
    return expectUnavailable(send(client, REFUSED));
  };

  it('falls back to its own memory: it sends', async ({ onTestFinished: atEnd }) => {
    const redis = await start(atEnd);
    const memory = createMemoryStore({ now: Date.now });
    const app = await serve(atEnd, redis.url, (store) => ({
      ...store,
      send: (command) => store.send(command).catch(() => memory.send(command)),
    }));
    await expect(sendInOutage(app, redis)).rejects.toThrow(/UNAVAILABLE/);
    expect(app.inbox.messages).toHaveLength(1);
  });

  it('gives nothing back: it stays charged', async ({ onTestFinished: atEnd }) => {
    const redis = await start(atEnd);
    const app = await serve(atEnd, redis.url, (store) => ({ ...store, settle: async () => undefined }));
    await sendInOutage(app, redis);
    await redis.kill('SIGCONT');
    const limits = async () => ok(await status(app.client('grpc'), REFUSED)).limits.map(({ used }) => used);
    expect(await eventually('the store is back', limits)).toEqual([1, 1]);
  });
});
