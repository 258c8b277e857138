import { afterEach, expect, test } from 'vitest';
import { type RedisPair, startPair } from './redis-pair.ts';

let pair: RedisPair;
afterEach(() => pair?.stop());

test('the replica has what the primary wrote', async () => {
  pair = await startPair();
  await pair.primary.connect().set('a', '1');
  await pair.caughtUp();
  expect(await pair.replica.connect().get('a')).toBe('1');
});

test('a failover loses what was still on its way, and starts a new history', async () => {
  pair = await startPair();
  const primary = pair.primary.connect();
  const replica = pair.replica.connect();
  await primary.set('before', '1');
  await pair.caughtUp();
  const history = async () => /master_replid:(\w+)/.exec(await replica.info('replication'))?.[1];
  const before = await history();
  pair.lag(60_000);
  await primary.set('after', '1');
  await pair.promote();
  expect(await replica.mget('before', 'after')).toEqual(['1', null]);
  expect(await replica.set('again', '1')).toBe('OK');
  expect(await history()).not.toBe(before);
});
