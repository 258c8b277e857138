import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type RedisProxy, startRedisProxy } from './redis-proxy.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { eventually } from './wait.ts';

let server: RedisServer;
let direct: Redis;
let proxy: RedisProxy;
const clients: Redis[] = [];

beforeAll(async () => {
  server = await startRedis();
  direct = server.connect();
});
afterAll(() => server?.stop());
afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await proxy.close();
  await direct.flushall();
});

/** A client through a fresh proxy that gives up at once, with its set-up commands already forgotten. */
async function connect(): Promise<Redis> {
  proxy = await startRedisProxy(server);
  const client = await another();
  proxy.forget();
  return client;
}
async function another(): Promise<Redis> {
  const { host, port } = proxy;
  const client = new Redis({ host, port, lazyConnect: true, retryStrategy: null, disableClientInfo: true });
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}

test('commands are counted by name, whatever their size and however they are cut into packets', async () => {
  const client = await connect();
  const large = 'x'.repeat(300_000);
  await Promise.all([client.set('a', large), client.get('a'), client.evalsha('0'.repeat(40), 0).catch(() => null)]);
  expect(await client.get('a')).toBe(large);
  expect(proxy.commands()).toEqual(['SET', 'GET', 'EVALSHA', 'GET']);
});

test('a lost reply: the server did it, the client cannot know, and earlier replies arrived', async () => {
  const client = await connect();
  proxy.loseReplies(({ name, args }) => name === 'INCR' && String(args[0]) === 'b');
  const replies = await Promise.allSettled([client.incr('a'), client.incr('b'), client.incr('c')]);
  expect(replies.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(proxy.lost()).toBe(1);
  expect(await direct.get('b')).toBe('1');
});

test('replies are kept again after keepReplies', async () => {
  const client = await connect();
  proxy.loseReplies(() => true);
  proxy.keepReplies();
  expect(await client.incr('a')).toBe(1);
  expect(proxy.lost()).toBe(0);
});

test('a delay is kept, and so is the order', async () => {
  const client = await connect();
  proxy.delay('replies', 50);
  const begin = performance.now();
  const order: number[] = [];
  await Promise.all([1, 2, 3].map((number) => client.incr('a').then((reply) => order.push(number * 10 + reply))));
  expect(performance.now() - begin).toBeGreaterThanOrEqual(49);
  expect(order).toEqual([11, 22, 33]);
});

test('a delay applies to one direction: the server has done what the client still waits for', async () => {
  const client = await connect();
  proxy.delay('replies', 60_000);
  let answered = false;
  const reply = client.incr('a').then(() => {
    answered = true;
  });
  await eventually('the server did it', async () => (await direct.get('a')) === '1');
  expect(answered).toBe(false);
  proxy.cut();
  await expect(reply).rejects.toThrow();
});

test('a stalled direction holds everything back until it is resumed', async () => {
  const client = await connect();
  proxy.stall('requests');
  const reply = client.incr('a');
  await direct.ping();
  expect(await direct.exists('a')).toBe(0);
  proxy.resume('requests');
  expect(await reply).toBe(1);
});

test('a cut resets connections, loses what was held back, and lets new ones in', async () => {
  const client = await connect();
  proxy.stall('requests');
  const reply = client.incr('a');
  proxy.cut();
  await expect(reply).rejects.toThrow();
  proxy.resume('requests');
  expect(await (await another()).get('a')).toBeNull();
});

test('a refusing proxy refuses new connections only, until it accepts again', async () => {
  const client = await connect();
  proxy.refuse();
  await expect(another()).rejects.toThrow();
  expect(await client.ping()).toBe('PONG');
  await proxy.accept();
  expect(await (await another()).ping()).toBe('PONG');
});
