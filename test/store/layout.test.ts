/**
 * Two versions on one Redis, as in a rolling update: where one could misread what the other wrote, their keys have other
 * names. Layout 1 had no number; layout 2 kept hashes and sorted sets.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { keysUnder } from '../support/keys.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { connected, virtualRedisStore } from '../support/virtual-redis.ts';
import { ONE_OF_EACH, rulesOf, run } from './commands.ts';
import { GUESS, MINUTE, RIGHT } from './contract-world.ts';

const shared = sharedRedis();
const NOW = 1_800_000_000_000;
const slot = { phoneKey: '1a.AAAAAAAAAAAAAAAAAAAAAA', caller: 'auth', purpose: 'login' } as const;
const LAYOUTS = [
  [1, `${shared.prefix}:{${slot.phoneKey}}`],
  [2, `${shared.prefix}:2:{${slot.phoneKey}}`],
] as const;
const hour = 3_600_000;

/** What it wrote for a code that is live, in a phone whose windows are full. */
async function writtenBefore(phone: string): Promise<void> {
  const { client } = shared;
  const history = /master_replid:(\w+)/.exec(await client.info('replication'))?.[1] ?? '';
  await client.hset(`${phone}:v:auth:login`, {
    ...{ nonce: 'nonce-0', seed: 'seed', mac: RIGHT, session: '', replication_id: history, state: 'pending' },
    ...{ created: NOW, expires: NOW + 5 * MINUTE, digits: 6, guesses: 5, attempts: 0, by_phone: 0 },
    ...{ send_id: 'send', sent: NOW, sends: 1 },
  });
  for (let n = 0; n < 10; n++) await client.zadd(`${phone}:s`, NOW, `send:${n}`);
  await client.hset(`${phone}:r:auth:r0`, { fingerprint: 'x', send_id: 'send', nonce: 'nonce-0', sent: NOW });
  await client.hset(`${phone}:q:auth:r0`, {
    fingerprint: 'x',
    until: NOW + hour,
    verdict: 'APPROVED',
    nonce: 'nonce-0',
  });
  for (const key of ['v:auth:login', 's', 'r:auth:r0', 'q:auth:r0']) await client.pexpire(`${phone}:${key}`, hour);
}

const dumps = async (phone: string) => {
  const found = new Map<string, string>();
  for await (const key of keysUnder(shared.client, phone)) {
    found.set(key, (await shared.client.dumpBuffer(key))?.toString('hex') ?? '');
  }
  return found;
};

let store: Store;
beforeAll(async () => {
  store = await connected(virtualRedisStore({ keyPrefix: shared.prefix, now: () => NOW }));
});
afterAll(async () => {
  await store.close();
  await shared.close();
});

describe.each(LAYOUTS)('a rolling update from layout %i to this one', (_, phone) => {
  beforeEach(() => shared.clear());

  it('leaves what the other version wrote as it is, whatever is called', async () => {
    await writtenBefore(phone);
    const before = await dumps(phone);
    expect(before.size).toBe(4);
    for (const command of ONE_OF_EACH) {
      await run(store, command, { phoneKey: slot.phoneKey, index: 0 }, { nonces: ['nonce-0'], sends: ['send'] });
    }
    expect(await dumps(phone)).toEqual(before);
  });

  it('misreads none of it: its codes are NOT_FOUND, its verdicts and answers unknown, its windows its own', async () => {
    await writtenBefore(phone);
    const guess = { ...GUESS, slot, codeMac: RIGHT, nonce: 'nonce-0' };
    expect(await store.check(guess)).toEqual({ kind: 'not_found' });
    expect(await store.check({ ...guess, request: { hash: 'r0', content: 'x' } })).toEqual({ kind: 'not_found' });
    const command = {
      ...{ slot: { ...slot, caller: 'shop' }, rules: { ...rulesOf('same'), cooldownMs: 0 }, sendId: 'another' },
      ...{ candidate: { nonce: 'n', seed: 's', codeMac: RIGHT }, session: '', content: '' },
      request: { hash: 'r0', content: 'x' },
    };
    expect(await store.send(command)).toMatchObject({ kind: 'reserved' });
  });

  it('negative control: keys of one name are the same keys', async () => {
    const plant = (_: string, lua: string) => lua;
    const same = virtualRedisStore({ keyPrefix: shared.prefix, now: () => NOW, plant });
    const other = await connected(same);
    const first = { slot, rules: rulesOf('same'), sendId: 'first' };
    const candidate = { nonce: 'n', seed: 's', codeMac: RIGHT };
    await store.send({ ...first, candidate, session: '', content: '', request: null });
    expect(
      await other.send({
        ...{ slot: { ...slot, caller: 'shop' }, rules: rulesOf('same'), sendId: 'third' },
        ...{ candidate: { nonce: 'm', seed: 's', codeMac: RIGHT }, session: '', content: '', request: null },
      }),
    ).toMatchObject({ kind: 'blocked' });
    await other.close();
  });
});
