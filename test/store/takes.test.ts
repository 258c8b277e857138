/** Rows on a real Redis: what many processes take at once, and what is left behind. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readScript, type ScriptSources } from '../../src/store/redis-scripts.ts';
import type { RowTake } from '../../src/store/takes.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { openStore } from '../support/store.ts';

const shared = sharedRedis();
afterAll(() => shared.close());

let subject = '';
let serial = 0;
beforeEach(() => {
  subject = `ip.${randomBytes(16).toString('base64url')}`;
});

const MINUTE = 60_000;
const members = (limit: number): RowTake => {
  serial += 1;
  return { name: 'members', form: 'members', limit, windowMs: MINUTE, enforced: true, member: `send-${serial}` };
};
const ring = (limit: number): RowTake => ({
  name: 'ring',
  form: 'ring',
  limit,
  windowMs: MINUTE,
  enforced: true,
  amount: 1,
});
const keyOf = (row: string) => `${shared.prefix}:3:{l.${subject}}:${row}`;

/** How many of so many takes pass, made on 20 connections at once. */
async function passed(row: () => RowTake, takes: number, read?: ScriptSources['read']): Promise<number> {
  const options = { url: shared.url, keyPrefix: shared.prefix, ...(read && { read }) };
  const stores = await Promise.all(Array.from({ length: 20 }, () => openStore(options)));
  const replies = await Promise.all(
    stores.flatMap((store) => Array.from({ length: takes / 20 }, () => store.take({ subject, rows: [row()] }))),
  );
  for (const store of stores) await store.close();
  return replies.filter(({ kind }) => kind === 'taken').length;
}

describe('of what 20 connections take at once', () => {
  it('exactly 100 pass an exact row of 100', async () => {
    expect(await passed(() => members(100), 2_000)).toBe(100);
  });

  it('10,000 pass a ring of 10,000 at the most, and no more than a twentieth less', async () => {
    const count = await passed(() => ring(10_000), 12_000);
    expect(count).toBeGreaterThanOrEqual(9_500);
    expect(count).toBeLessThanOrEqual(10_000);
  });

  it('negative control: more pass a row that reads what another call has not written yet', async () => {
    const stale: ScriptSources['read'] = (file) =>
      readScript(file).replace("local used = redis.call('ZCARD', key)", 'local used = 0');
    expect(await passed(() => members(100), 200, stale)).toBe(200);
  });
});

describe('a row in Redis', () => {
  it.each([
    ['members', () => members(5), MINUTE],
    ['ring', () => ring(5), (MINUTE / 20) * 21],
  ] as const)('of %s lives as long as it counts', async (name, row, livesMs) => {
    const store = await openStore({ url: shared.url, keyPrefix: shared.prefix });
    await store.take({ subject, rows: [row()] });
    const left = await shared.client.pttl(keyOf(name));
    expect(left).toBeGreaterThan(livesMs - 5_000);
    expect(left).toBeLessThanOrEqual(livesMs);
    await store.close();
  });

  it('is gone with the last member that is given back', async () => {
    const store = await openStore({ url: shared.url, keyPrefix: shared.prefix });
    const take = { subject, rows: [members(5)] };
    const taken = await store.take(take);
    if (taken.kind !== 'taken') throw new Error('refused');
    await store.give({ take, taken });
    expect(await shared.client.exists(keyOf('members'))).toBe(0);
    await store.close();
  });

  it.each([
    ['100 members', () => members(100), 100, 5_000],
    ['a ring, whatever it holds', () => ring(1_000_000), 2_000, 400],
  ] as const)('takes few bytes: %s', async (_, row, takes, bytes) => {
    const store = await openStore({ url: shared.url, keyPrefix: shared.prefix });
    for (let n = 0; n < takes; n++) await store.take({ subject, rows: [row()] });
    expect(Number(await shared.client.memory('USAGE', keyOf(row().name)))).toBeLessThan(bytes);
    await store.close();
  });
});
