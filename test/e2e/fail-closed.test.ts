/**
 * Redis away, stalled, read-only, loading, full, locked or cut off: nothing is sent, nothing is approved, the answer is
 * quick, and everything works again when Redis does.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
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

const { sendCode, checkCode, rateStatus } = VerificationService.method;

const PURPOSE = 'login';
const KNOWN = '+14155550101';
const REFUSED = '+14155550102';
/** From the call to its answer. */
const PROMPT_MS = 600;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
  const redis = await startRedis(options);
  closers.push(() => redis.stop());
  return redis;
}

async function serve(
  url: string,
  env: Readonly<Record<string, string>> = {},
  change?: (store: Store) => Store,
): Promise<RunningApp> {
  const app = await startApp({
    env: { REDIS_URL: url, ...env },
    ...(change && { store: change(await openStore({ url })) }),
  });
  closers.push(() => app.stop());
  return app;
}

const send = (client: ServiceClient, phone: string) => client.call(sendCode, { phone, purpose: PURPOSE });
const status = (client: ServiceClient, phone: string) => client.call(rateStatus, { phone, purpose: PURPOSE });

/** Whatever the protocol, and promptly. */
async function expectUnavailable(call: () => ReturnType<ServiceClient['call']>): Promise<void> {
  const start = performance.now();
  expect(await call()).toMatchObject({
    status: 'UNAVAILABLE',
    details: { ErrorInfo: { reason: 'STORE_UNAVAILABLE' }, RetryInfo: { retryDelay: '1s' } },
  });
  expect(performance.now() - start).toBeLessThan(PROMPT_MS);
}

/** Resolves once the phone could be sent to, and nothing was ever charged to it. */
async function uncharged(client: ServiceClient, phone: string): Promise<void> {
  await eventually('the store is back and nothing is charged', async () => {
    const { canSend, limits, cooldown } = ok(await status(client, phone));
    return canSend && cooldown?.active === false && limits.every(({ used }) => used === 0);
  });
}

interface Outage {
  readonly what: string;
  readonly options?: RedisServerOptions;
  /** Resolves, once it is there, with what ends it. */
  begin(redis: RedisServer): Promise<() => Promise<unknown>>;
  /** Redis still runs scripts that write nothing: RateStatus goes on explaining. */
  readonly reads?: true;
  /** Codes are still good afterwards. */
  readonly keeps?: true;
}

const OUTAGES: readonly Outage[] = [
  {
    what: 'was killed',
    begin: async (redis) => {
      await redis.kill('SIGKILL');
      return () => redis.restart();
    },
  },
  {
    what: 'stalls',
    begin: async (redis) => {
      await redis.kill('SIGSTOP');
      return () => redis.kill('SIGCONT');
    },
  },
  {
    what: 'holds writes back, as in a coordinated failover',
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.client('PAUSE', 60_000, 'WRITE');
      return () => admin.client('UNPAUSE');
    },
  },
  {
    what: 'loads its data',
    options: { args: ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'] },
    begin: async (redis) => {
      const admin = redis.connect({ enableReadyCheck: false });
      await admin.mset(
        Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`ballast-${index}`, '0'.repeat(100)])),
      );
      await admin.save();
      await redis.kill('SIGKILL');
      const loaded = redis.restart();
      const loads = (error: Error) => error.message.startsWith('LOADING');
      await eventually('it loads', () => admin.get('ballast-0').then(() => false, loads));
      return () => loaded;
    },
  },
  {
    what: 'has become a replica',
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.replicaof('127.0.0.1', 1);
      return () => admin.replicaof('NO', 'ONE');
    },
    reads: true,
  },
  {
    what: 'is full',
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.config('SET', 'maxmemory', '1');
      return () => admin.config('SET', 'maxmemory', '0');
    },
    reads: true,
    keeps: true,
  },
  {
    what: 'cannot write to its disk',
    begin: async (redis) => {
      const admin = redis.connect();
      const [, dir = ''] = (await admin.config('GET', 'dir')) as string[];
      // A snapshot cannot replace a directory.
      await mkdir(join(dir, 'dump.rdb'));
      await writeFile(join(dir, 'dump.rdb', 'in-the-way'), '');
      await admin.config('SET', 'save', '3600 1');
      await admin.bgsave();
      await eventually('the save failed', async () => /bgsave_status:err/.test(await admin.info('persistence')));
      return () => admin.config('SET', 'save', '');
    },
    reads: true,
    keeps: true,
  },
  {
    what: 'wants another password',
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.config('SET', 'requirepass', 'another');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      return () => admin.config('SET', 'requirepass', '');
    },
    keeps: true,
  },
  {
    what: 'takes no more connections',
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.config('SET', 'maxclients', '1');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      return () => admin.config('SET', 'maxclients', '100');
    },
    keeps: true,
  },
];

describe.each(OUTAGES)('when Redis $what', ({ options, begin, reads, keeps }) => {
  it.each<Protocol>(['grpc', 'json'])(
    '%s callers are refused at once, and served again afterwards',
    async (protocol) => {
      const redis = await start(options);
      const app = await serve(redis.url);
      const client = app.client(protocol);
      const { verificationId } = await eventually('a code is sent', async () => ok(await send(client, KNOWN)));
      const right = () => client.call(checkCode, { verificationId, purpose: PURPOSE, code: app.inbox.codeTo(KNOWN) });

      const end = await begin(redis);
      if (reads) ok(await status(client, REFUSED));
      await Promise.all([
        expectUnavailable(() => send(client, REFUSED)),
        expectUnavailable(right),
        reads ?? expectUnavailable(() => status(client, REFUSED)),
      ]);
      expect(app.inbox.messages).toHaveLength(1);

      await end();
      await uncharged(client, REFUSED);
      const { result } = ok(await right());
      // Where the check was in doubt it may have consumed the code; where the history ended the code ended with it.
      expect(keeps ? [CheckResult.APPROVED] : [CheckResult.APPROVED, CheckResult.NOT_FOUND]).toContain(result);
      ok(await send(client, REFUSED));
      const codes = app.inbox.messages.map(({ code }) => code);
      expect(codes).toHaveLength(2);
      await assertKeysClean(redis.connect(), 'cs', { phones: [KNOWN, REFUSED], codes });
    },
  );
});

it('a service that starts before Redis refuses at once, and serves when Redis is there', async () => {
  const redis = await start();
  await redis.kill('SIGKILL');
  const app = await serve(redis.url);
  const client = app.client('grpc');
  const check = { phone: KNOWN, purpose: PURPOSE, code: '123456' };
  await Promise.all([
    expectUnavailable(() => send(client, KNOWN)),
    expectUnavailable(() => client.call(checkCode, check)),
    expectUnavailable(() => status(client, KNOWN)),
  ]);
  expect(app.inbox.messages).toHaveLength(0);
  await redis.restart();
  await uncharged(client, KNOWN);
  ok(await send(client, KNOWN));
  expect(app.inbox.messages).toHaveLength(1);
});

it('a service with a wrong password refuses at once, and serves when the password is set right', async () => {
  const redis = await start({ password: 'right' });
  const app = await serve(redis.url.replace('right', 'wrong'));
  const client = app.client('grpc');
  await expectUnavailable(() => send(client, KNOWN));
  await redis.connect().config('SET', 'requirepass', 'wrong');
  await uncharged(client, KNOWN);
  ok(await send(client, KNOWN));
});

it('a send whose reply is lost sends nothing, and its charge is given back', async () => {
  const redis = await start();
  const proxy = await startRedisProxy(redis);
  closers.push(() => proxy.close());
  const app = await serve(`redis://${proxy.host}:${proxy.port}`);
  const client = app.client('grpc');
  await uncharged(client, REFUSED);
  ok(await send(client, KNOWN));

  proxy.loseReplies(({ name, args }) => name === 'EVALSHA' && args[1]?.toString() === '5');
  await expectUnavailable(() => send(client, REFUSED));
  expect(proxy.lost()).toBe(1);
  proxy.keepReplies();
  await uncharged(client, REFUSED);
  expect(app.inbox.messages).toHaveLength(1);
  ok(await send(client, REFUSED));
  expect(app.inbox.messages).toHaveLength(2);
});

it('a primary that was demoted is left for the one that its address leads to by now', async () => {
  const [young, old] = [await start(), await start()];
  const upstream = { host: old.host, port: old.port };
  const address = await startProxy(upstream);
  closers.push(() => address.close());
  const app = await serve(`redis://${address.host}:${address.port}`);
  const client = app.client('grpc');
  await uncharged(client, KNOWN);

  // Redis keeps the connections of clients that knew it as the primary.
  await old.connect().replicaof(young.host, young.port);
  upstream.port = young.port;
  await expectUnavailable(() => send(client, KNOWN));
  await eventually('the new primary is used', async () => (await send(client, KNOWN)).status === 'OK');
  expect(app.inbox.messages).toHaveLength(1);
});

describe('what these tests would say of a service that', () => {
  const sendInOutage = async (app: RunningApp, redis: RedisServer) => {
    const client = app.client('grpc');
    await uncharged(client, REFUSED);
    await redis.kill('SIGSTOP');
    return expectUnavailable(() => client.call(sendCode, { phone: REFUSED, purpose: PURPOSE }, { timeoutMs: 2_000 }));
  };

  it('waits for Redis: too slow', async () => {
    const redis = await start();
    const app = await serve(redis.url, { REDIS_COMMAND_TIMEOUT_MS: '1000' });
    await expect(sendInOutage(app, redis)).rejects.toThrow(/less than 600/);
  });

  it('falls back to its own memory: it sends', async () => {
    const redis = await start();
    const memory = createMemoryStore({ now: Date.now });
    const app = await serve(redis.url, {}, (store) => ({
      ...store,
      send: (command) => store.send(command).catch(() => memory.send(command)),
    }));
    await expect(sendInOutage(app, redis)).rejects.toThrow(/UNAVAILABLE/);
    expect(app.inbox.messages).toHaveLength(1);
  });

  it('gives nothing back: it stays charged', async () => {
    const redis = await start();
    const app = await serve(redis.url, {}, (store) => ({ ...store, settle: async () => undefined }));
    await sendInOutage(app, redis);
    await redis.kill('SIGCONT');
    const limits = async () => ok(await status(app.client('grpc'), REFUSED)).limits.map(({ used }) => used);
    expect(await eventually('the store is back', limits)).toEqual([1, 1]);
  });
});
