/** The sockets under ioredis: what is written together, and when a silent server is given up. */
import { once } from 'node:events';
import { type AddressInfo, createServer, Socket } from 'node:net';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { connectorWithin, type SocketBounds } from '../../src/store/connector.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { sharedRedisUrl } from '../support/shared-redis.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  for (const close of closers.splice(0).reverse()) await close();
});

const clock = () => performance.now();
const LONG = 60_000;
type Options = Pick<RedisOptions, 'Connector' | 'connectTimeout' | 'socketTimeout' | 'retryStrategy'>;
const within = (bounds: Partial<SocketBounds>) => ({
  connectTimeout: 0,
  Connector: connectorWithin({ connectMs: LONG, silentMs: LONG, clock, ...bounds }),
});

const ONCE = {
  retryStrategy: null,
  enableReadyCheck: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
} as const;

/** Never connects anew, so that what happens to its one connection can be seen. */
function open(options: Options, url = sharedRedisUrl()): Redis {
  const redis = new Redis(url, { ...ONCE, ...options });
  redis.on('error', () => undefined);
  closers.push(() => redis.disconnect());
  return redis;
}

/** Asleep rather than busy: the server can answer on a machine with one processor, too. */
function pause(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** How often something was written to a socket of this process meanwhile. */
async function writes(task: () => Promise<unknown>): Promise<number> {
  const one = vi.spyOn(Socket.prototype, '_write');
  const several = vi.spyOn(Socket.prototype, '_writev' as '_write');
  one.mockClear();
  several.mockClear();
  await task();
  return one.mock.calls.length + several.mock.calls.length;
}

const twentyOf =
  (client: Redis | Cluster, key = 'k') =>
  () =>
    Promise.all(Array.from({ length: 20 }, (_, index) => client.get(`${key}:${index}`)));

describe('commands of one turn of the event loop', () => {
  it('leave in one write', async () => {
    const redis = open(within({}));
    await redis.ping();
    expect(await writes(twentyOf(redis))).toBe(1);
    expect(await writes(twentyOf(redis))).toBe(1);
  });

  it('would leave in one write each without our connector', async () => {
    const redis = open({});
    await redis.ping();
    expect(await writes(twentyOf(redis))).toBe(20);
  });

  it('leave in one write to the node of a Cluster that they belong to', async () => {
    const cluster = await startCluster();
    closers.push(() => cluster.stop());
    const client = new Cluster([...cluster.urls], { redisOptions: within({}) });
    closers.push(() => client.disconnect());
    await client.get('{tag}');
    expect(await writes(twentyOf(client, '{tag}'))).toBe(1);
  });

  it('are answered each with its own reply, and in their order', async () => {
    const redis = open(within({}));
    const said = await Promise.all(Array.from({ length: 50 }, (_, index) => redis.echo(`${index}`)));
    expect(said).toEqual(Array.from({ length: 50 }, (_, index) => `${index}`));
  });

  it('that were never written are not sent by the next connection', async () => {
    const redis = open({ ...within({}), retryStrategy: () => 1 });
    await redis.set('connector-test', 0, 'PX', 60_000);
    const lost = redis.incr('connector-test').catch((error: Error) => error.message);
    redis.stream.destroy();
    expect(await lost).toMatch(/^Reached the max retries/);
    await once(redis, 'ready');
    expect(await redis.get('connector-test')).toBe('0');
  });
});

describe('a pause of this process', () => {
  const bounds = { connectMs: 40, silentMs: 40 };
  const ofIoredis: Options = { connectTimeout: 40, socketTimeout: 40 };

  /** Whether a command is answered on the connection that it was written to. */
  const PAUSES: Readonly<Record<string, (options: Options) => Promise<boolean>>> = {
    'in the turn that gives a command': async (options) => {
      const redis = open(options);
      await redis.ping();
      const reply = redis.echo('there');
      pause(150);
      return reply.then(
        (said) => said === 'there',
        () => false,
      );
    },
    'after the command was written': async (options) => {
      const redis = open(options);
      await redis.ping();
      const reply = redis.echo('there');
      setImmediate(() => pause(150));
      return reply.then(
        (said) => said === 'there',
        () => false,
      );
    },
    'while it connects': async (options) => {
      const redis = open(options);
      setImmediate(() => pause(150));
      return once(redis, 'ready').then(
        () => true,
        () => false,
      );
    },
  };

  it.each(Object.keys(PAUSES))('%s is no silence of the server', async (when) => {
    expect(await PAUSES[when]?.(within(bounds))).toBe(true);
  });

  it.each(Object.keys(PAUSES))('%s would be one by the timers of ioredis', async (when) => {
    expect(await PAUSES[when]?.(ofIoredis)).toBe(false);
  });
});

describe('a server that accepts connections and says nothing', () => {
  async function silence(): Promise<string> {
    const server = createServer((socket) => void closers.push(() => socket.destroy()));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closers.push(() => server.close());
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('is given up once something was written', async () => {
    const redis = open(within({ silentMs: 30 }), `redis://${await silence()}`);
    const [error] = await once(redis, 'error');
    expect(error.message).toBe('Socket timeout');
  });

  it('is given up when TLS does not come about', async () => {
    const redis = open(within({ connectMs: 30 }), `rediss://${await silence()}`);
    const [error] = await once(redis, 'error');
    expect(error.message).toBe('connect ETIMEDOUT');
  });
});

describe('a server that takes no connection', () => {
  it.each(['-ERR max number of clients reached', '-DENIED Redis is running in protected mode'])(
    'is quoted, although it ends it properly: %s',
    async (line) => {
      const server = createServer((socket) => void socket.end(`${line}\r\n`)).listen(0, '127.0.0.1');
      closers.push(() => server.close());
      await once(server, 'listening');
      const redis = new Redis({
        ...ONCE,
        ...within({}),
        lazyConnect: true,
        port: (server.address() as AddressInfo).port,
      });
      closers.push(() => redis.disconnect());
      const failed = once(redis, 'error');
      await redis.connect().catch(() => undefined);
      expect(await failed).toMatchObject([{ message: line.slice(1) }]);
    },
  );
});
