/**
 * Where the end-to-end suites play: apps over a real Redis, in a corner of it that is the test file's own. After each
 * test every key in that corner must expire and must show none of the phones and codes that went over the stage.
 */
import { randomBytes } from 'node:crypto';
import type { Cluster, Redis } from 'ioredis';
import { afterAll, afterEach, expect } from 'vitest';
import { type AppOptions, type RunningApp, startApp } from '../support/app.ts';
import type { ServiceClient } from '../support/clients.ts';
import { assertKeysClean } from '../support/keys.ts';
import { type RedisProxy, startRedisProxy } from '../support/redis-proxy.ts';
import { startRedis } from '../support/redis-server.ts';
import { type SharedRedis, sharedRedis } from '../support/shared-redis.ts';
import { connected, type VirtualOptions, virtualRedisStore } from '../support/virtual-redis.ts';
import { eventually } from '../support/wait.ts';

export interface Stage {
  readonly redis: Place;
  /** The time of `startVirtual`'s apps, in milliseconds since the epoch. */
  readonly clock: { now(): number; pass(ms: number): void };
  /** A valid phone, E.164, that nothing was sent to before. */
  phone(): string;
  /** An app whose Redis takes the time from `clock`. */
  startVirtual(options?: VirtualStart): Promise<RunningApp>;
  /** An app as its environment configures it. Resolves when it has reached its Redis. */
  start(options?: AppOptions): Promise<RunningApp>;
  /** An app that reaches Redis through a proxy of its own. */
  startProxied(options?: AppOptions): Promise<RunningApp & { readonly proxy: RedisProxy }>;
  /** Remembers the phones and codes of this client's requests, as of those that the apps here hand out. */
  watch(client: ServiceClient): ServiceClient;
  /** What runs after each test: throws unless every key expires and none shows a secret. Returns how many there are. */
  checkKeys(): Promise<number>;
}

export interface VirtualStart extends Omit<AppOptions, 'store'>, Pick<VirtualOptions, 'plant' | 'urls' | 'cluster'> {}

export interface Place extends Omit<SharedRedis, 'client'> {
  readonly client: Redis | Cluster;
}

/** A server that nobody else uses, as a stage's place. Call it at the top of a file. */
export async function ownRedis(): Promise<Place & { readonly client: Redis }> {
  const server = await startRedis();
  const client = server.connect();
  return {
    url: server.url,
    prefix: 'cs',
    client,
    clear: async () => void (await client.flushall()),
    close: () => server.stop(),
  };
}

/** Registers hooks: call it at the top of a file. All apps of a stage share one secret and one key prefix. */
export function createStage(place: Place = sharedRedis()): Stage {
  const { client, prefix } = place;
  const secret = randomBytes(32).toString('base64');
  const environment = {
    COUNTERSIGN_SECRET: secret,
    REDIS_URL: place.url,
    REDIS_KEY_PREFIX: prefix,
  };
  const phones = new Set<string>();
  const codes = new Set<string>();
  const apps: { readonly app: RunningApp; told: number }[] = [];
  const proxies: RedisProxy[] = [];
  let now = 1_800_000_000_000;
  let drawn = 0;
  let keys = 0;

  function watch(service: ServiceClient): ServiceClient {
    return {
      ...service,
      call: (method, request, options) => {
        const { phone = '', code = '' } = request as { phone?: string; code?: string };
        if (/^\+\d{8,15}$/.test(phone)) phones.add(phone);
        if (/^\d{4,8}$/.test(code)) codes.add(code);
        return service.call(method, request, options);
      },
    };
  }

  async function watched(options: AppOptions): Promise<RunningApp> {
    const app = await startApp(options);
    apps.push({ app, told: 0 });
    return { ...app, client: (protocol) => watch(app.client(protocol)) };
  }

  async function start(options: AppOptions = {}): Promise<RunningApp> {
    const app = await watched({ ...options, env: { ...environment, ...options.env } });
    await eventually('the app has reached Redis', async () => (await fetch(`${app.ops}/readyz`)).ok, { everyMs: 5 });
    return app;
  }

  async function checkKeys(): Promise<number> {
    for (const entry of apps) {
      const { messages } = entry.app.inbox;
      for (const { to, code } of messages.slice(entry.told)) {
        phones.add(to);
        codes.add(code);
      }
      entry.told = messages.length;
    }
    return await assertKeysClean(client, prefix, { phones: [...phones], codes: [...codes] });
  }

  afterEach(async () => {
    try {
      keys += await checkKeys();
    } finally {
      phones.clear();
      codes.clear();
      await place.clear();
    }
  });

  afterAll(async () => {
    await Promise.all(apps.map(({ app }) => app.stop()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await place.close();
    // Had the apps written elsewhere, the check would have passed over nothing.
    expect(keys).toBeGreaterThan(0);
    figure(`${keys} keys searched, each expires, none shows a phone or a code`);
  });

  return {
    redis: place,
    clock: {
      now: () => now,
      pass: (ms) => {
        now += ms;
      },
    },
    phone: () => {
      drawn += 1;
      const phone = `+1415${2_000_000 + drawn}`;
      phones.add(phone);
      return phone;
    },
    startVirtual: async ({ plant, urls, cluster, ...options } = {}) => {
      const changes = { urls: urls ?? [place.url], ...(plant && { plant }), ...(cluster && { cluster }) };
      const store = await connected(virtualRedisStore({ keyPrefix: prefix, now: () => now, ...changes }));
      return await watched({ ...options, store, env: { COUNTERSIGN_SECRET: secret, ...options.env } });
    },
    start,
    startProxied: async (options = {}) => {
      const url = new URL(place.url);
      const proxy = await startRedisProxy({ host: url.hostname, port: Number(url.port || 6379) });
      proxies.push(proxy);
      url.host = `${proxy.host}:${proxy.port}`;
      return { ...(await start({ ...options, env: { REDIS_URL: url.href, ...options.env } })), proxy };
    },
    watch,
    checkKeys,
  };
}

/** Shows a figure in the run's output, under the name of its test file. */
export function figure(text: string): void {
  const file = /([^/]+)\.test\.ts$/.exec(expect.getState().testPath ?? '')?.[1] ?? 'e2e';
  process.stderr.write(`${file}: ${text}\n`);
}

/** Takes protections out of one script, a line for a line. Throws when there is nothing of the kind to take out. */
export function without(script: string, lines: Readonly<Record<string, string>>): NonNullable<VirtualOptions['plant']> {
  return (name, lua) => {
    if (name !== script) return lua;
    let planted = lua;
    for (const [line, instead] of Object.entries(lines)) {
      if (!planted.includes(line)) throw new Error(`${script}.lua does not say: ${line}`);
      planted = planted.replaceAll(line, () => instead);
    }
    return planted;
  };
}
