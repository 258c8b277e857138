/** Redis is away: a caller hears so at once. What else must hold then: test/e2e/fail-closed.test.ts. */
import { afterEach, describe, expect, it } from 'vitest';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { OUTAGES } from '../e2e/outages.ts';
import { type RunningApp, startApp } from '../support/app.ts';
import { ok, type Protocol, type ServiceClient } from '../support/clients.ts';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from '../support/redis-server.ts';
import { eventually } from '../support/wait.ts';
import { elapsedMs, figure } from './figures.ts';

const { sendCode, checkCode, rateStatus } = VerificationService.method;

const KNOWN = { phone: '+14155550101', purpose: 'login' };
const OTHER = { phone: '+14155550102', purpose: 'login' };
/** 400 ms for a reply of Redis, and what a machine of half the speed adds. */
const PROMPT_MS = 1_000;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: RedisServerOptions = {}): Promise<RedisServer> {
  const redis = await startRedis(options);
  closers.push(() => redis.stop());
  return redis;
}

/** As in production. Resolves once a code has been sent. */
async function serve(url: string, env: Readonly<Record<string, string>> = {}): Promise<RunningApp> {
  const app = await startApp({ env: { REDIS_URL: url, ...env }, hurried: true });
  closers.push(() => app.stop());
  await eventually('a code is sent', async () => ok(await app.client('grpc').call(sendCode, KNOWN)));
  return app;
}

type Call = (client: ServiceClient, app: RunningApp) => ReturnType<ServiceClient['call']>;

const CALLS = {
  SendCode: (client) => client.call(sendCode, OTHER),
  CheckCode: (client, { inbox }) => client.call(checkCode, { ...KNOWN, code: inbox.codeTo(KNOWN.phone) }),
  RateStatus: (client) => client.call(rateStatus, OTHER),
} satisfies Record<string, Call>;
type Rpc = keyof typeof CALLS;
const RPCS = Object.keys(CALLS) as Rpc[];

/** How long the slowest of them took. */
async function refusedWithin(app: RunningApp, protocol: Protocol, rpcs: readonly Rpc[]): Promise<number> {
  const client = app.client(protocol);
  const times = await Promise.all(
    rpcs.map((rpc) =>
      elapsedMs(async () => {
        expect(await CALLS[rpc](client, app), rpc).toMatchObject({
          status: 'UNAVAILABLE',
          details: { ErrorInfo: { reason: 'STORE_UNAVAILABLE' } },
        });
      }),
    ),
  );
  return Math.max(...times);
}

describe.each(OUTAGES)('when Redis $what', ({ what, options, begin, reads }) => {
  it.each<Protocol>(['grpc', 'json'])('%s callers hear so at once', async (protocol) => {
    const redis = await start(options);
    const app = await serve(redis.url);
    const end = await begin(redis);
    const ms = await refusedWithin(
      app,
      protocol,
      RPCS.filter((rpc) => !(reads && rpc === 'RateStatus')),
    );
    figure(`Redis ${what}, ${protocol}: refused after ${ms.toFixed(0)} ms`);
    expect(ms).toBeLessThan(PROMPT_MS);
    await end();
  });
});

const CUTS: [how: string, cut: (proxy: TcpProxy) => void][] = [
  ['gone', (proxy) => [proxy.refuse(), proxy.cut()]],
  ['silent', (proxy) => proxy.stall('requests')],
  ['mute', (proxy) => proxy.stall('replies')],
];

async function serveProxied(env: Readonly<Record<string, string>> = {}) {
  const redis = await start();
  const proxy = await startProxy(redis);
  closers.push(() => proxy.close());
  const app = await serve(`redis://${proxy.host}:${proxy.port}`, env);
  return { proxy, app };
}

describe.each(CUTS)('when the network to Redis is %s', (how, cut) => {
  it.each<Protocol>(['grpc', 'json'])('%s callers hear so at once', async (protocol) => {
    const { proxy, app } = await serveProxied();
    cut(proxy);
    const ms = await refusedWithin(app, protocol, RPCS);
    figure(`the network to Redis is ${how}, ${protocol}: refused after ${ms.toFixed(0)} ms`);
    expect(ms).toBeLessThan(PROMPT_MS);
  });
});

it('20 callers at a time, all of whom wait for Redis, hear so at once', async () => {
  const { proxy, app } = await serveProxied();
  proxy.stall('replies');
  const ms = Math.max(...(await Promise.all(Array.from({ length: 20 }, () => refusedWithin(app, 'grpc', RPCS)))));
  figure(`20 callers at a time: refused after ${ms.toFixed(0)} ms`);
  expect(ms).toBeLessThan(PROMPT_MS);
});

it('negative control: a service that waits longer for Redis is too slow', async () => {
  const { proxy, app } = await serveProxied({ REDIS_COMMAND_TIMEOUT_MS: '1500' });
  proxy.stall('replies');
  expect(await refusedWithin(app, 'grpc', ['SendCode'])).toBeGreaterThan(PROMPT_MS);
});
