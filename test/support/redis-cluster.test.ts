import { afterAll, beforeAll, expect, test } from 'vitest';
import { assertKeysClean } from './keys.ts';
import { type RedisCluster, startCluster } from './redis-cluster.ts';
import { eventually } from './wait.ts';

let cluster: RedisCluster;
beforeAll(async () => {
  cluster = await startCluster({ primaries: 3, replicas: 1 });
}, 60_000);
afterAll(() => cluster?.stop());

test('keys live on the primary of their slot, and no other', async () => {
  const client = cluster.connect();
  const homes = new Set<number>();
  for (let index = 0; index < 30; index++) {
    const key = `key-${index}`;
    await client.set(key, '1');
    const home = await cluster.home(key);
    expect(await home.connect().exists(key)).toBe(1);
    homes.add(home.port);
  }
  expect(homes.size).toBe(3);
});

test('a script over two slots is refused', async () => {
  const script = "return redis.call('MGET', KEYS[1], KEYS[2])";
  await expect(cluster.connect().eval(script, 2, 'a', 'b')).rejects.toThrow(/slot/i);
});

test('the keys of every primary are inspected', async () => {
  const client = cluster.connect();
  for (let index = 0; index < 12; index++) await client.set(`clean:${index}`, 'x', 'PX', 60_000);
  expect(await assertKeysClean(client, 'clean:', { phones: [], codes: [] })).toBe(12);
});

test('a replica takes over from a killed primary', async () => {
  const client = cluster.connect();
  const home = await cluster.home('a');
  await home.kill('SIGKILL');
  expect(await eventually('the shard writes again', () => client.set('a', '1'))).toBe('OK');
}, 30_000);
