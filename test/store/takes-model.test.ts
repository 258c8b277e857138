import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { ScriptName } from '../../src/store/redis-scripts.ts';
import type { Store } from '../../src/store/store.ts';
import type { GiveCommand, RowTake, TakeCommand } from '../../src/store/takes.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { virtualRedisStore } from '../support/virtual-redis.ts';
import { warm } from './comparison.ts';

type Command =
  | { readonly kind: 'take'; readonly rows: readonly number[]; readonly member: number; readonly amount: number }
  | { readonly kind: 'give'; readonly which: number }
  | { readonly kind: 'pass'; readonly ms: number };

/** Small, so that they are full soon and often: sends, distinct phones, one that only counts, money. */
const ROWS: readonly ((member: string, amount: number, serial: number) => RowTake)[] = [
  (_, __, serial) => ({ ...row('sends', 4, 60_000), form: 'members', member: `send-${serial}` }),
  (member) => ({ ...row('phones', 2, 90_000), form: 'members', member }),
  (_, __, serial) => ({ ...row('shadow', 3, 30_000), form: 'members', member: `send-${serial}`, enforced: false }),
  (_, amount) => ({ ...row('money', 9, 50_001), form: 'ring', amount }),
  (_, amount) => ({ ...row('money_shadow', 5, 20_000), form: 'ring', amount, enforced: false }),
];

function row(name: string, limit: number, windowMs: number) {
  return { name, limit, windowMs, enforced: true };
}

const commands = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('take'),
        rows: fc.uniqueArray(fc.nat({ max: ROWS.length - 1 }), { minLength: 1 }),
        member: fc.nat({ max: 3 }),
        amount: fc.integer({ min: 1, max: 10 }),
      }) as fc.Arbitrary<Command>,
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('give'), which: fc.nat({ max: 4 }) }) as fc.Arbitrary<Command>,
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant('pass'),
        ms: fc.constantFrom(1, 999, 2_501, 10_000, 30_000, 60_000, 120_000, -1, -15_000, -90_000),
      }) as fc.Arbitrary<Command>,
    },
  ),
  { minLength: 1, maxLength: 80, size: 'max' },
);

let time = 0;

/** The first command that memory and the other store answer differently. */
async function divergence(store: Store, sequence: readonly Command[]): Promise<string | null> {
  time = 1_800_000_000_000;
  const model = createMemoryStore({ now: () => time });
  const subject = `ip.${randomBytes(12).toString('base64url')}`;
  const takes: GiveCommand[] = [];
  const expected: unknown[] = [];
  const answered: Promise<unknown>[] = [];
  for (const [serial, command] of sequence.entries()) {
    if (command.kind === 'pass') time += command.ms;
    if (command.kind === 'take') {
      const rows = command.rows.map((index) =>
        (ROWS[index] as (typeof ROWS)[number])(`m${command.member}`, command.amount, serial),
      );
      const take: TakeCommand = { subject, rows };
      const reply = await model.take(take);
      if (reply.kind === 'taken') takes.push({ take, taken: reply });
      expected.push(reply);
      answered.push(store.take(take));
    }
    const [given] = command.kind === 'give' ? takes.splice(-1 - command.which, 1) : [];
    if (given !== undefined) {
      expected.push(await model.give(given));
      answered.push(store.give(given));
    }
  }
  for (const [index, got] of (await Promise.all(answered)).entries()) {
    if (!isDeepStrictEqual(got, expected[index])) {
      return `${index}\n  memory ${JSON.stringify(expected[index])}\n  redis  ${JSON.stringify(got)}`;
    }
  }
  return null;
}

describe('rows in memory and in Redis give the same answers', () => {
  const shared = sharedRedis();
  let redis: Store;
  const open = (plant?: (name: ScriptName, lua: string) => string) =>
    warm(virtualRedisStore({ now: () => time, keyPrefix: shared.prefix, ...(plant && { plant }) }));
  beforeAll(async () => {
    redis = await open();
  });
  afterAll(async () => {
    await redis.close();
    await shared.close();
  });

  it('over at least 10,000 commands', async () => {
    let total = 0;
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        total += sequence.length;
        expect(await divergence(redis, sequence)).toBeNull();
      }),
      { numRuns: 500 },
    );
    expect(total).toBeGreaterThanOrEqual(10_000);
  });

  it.each<[what: string, script: ScriptName, line: string, instead: string]>([
    ['a row that takes one too many', 'take', 'if used < limit or', 'if used <= limit or'],
    ['a member that is counted twice', 'take', "or redis.call('ZSCORE', key, member) then", 'then'],
    ['members from the future', 'take', "redis.call('ZADD', key, now, late)", ''],
    ['a member that leaves late', 'take', "'-inf', now - window_ms", "'-inf', now - window_ms - 1"],
    ['a ring that forgets its oldest part', 'take', 'list[i] >= part - 20 then', 'list[i] > part - 20 then'],
    ['a ring that locks until the clock gets there', 'take', 'if late then rewrite(key, cmsgpack.pack(ring)) end', ''],
    ['a full row that only counts and is taken from', 'take', 'if ends[i] > 0 then', 'if false then'],
    ['a full row that only counts and refuses', 'take', "if enforced == '1' and", 'if'],
    ['the shortest wait', 'take', 'ends[i] > (ends_at or 0)', 'ends[i] > 0 and ends[i] < (ends_at or 1e15)'],
    ['a give of what somebody else holds', 'give', '== taken_at then', '~= 0 then'],
    [
      'a give that forgets who was there',
      'give',
      "redis.call('ZADD', key, before, what)",
      "redis.call('ZREM', key, what)",
    ],
    ['a give of what was not taken', 'give', "elseif before ~= 'full' then", 'else'],
    ['a ring that is given nothing back', 'give', 'ring[j + 1] - what', 'ring[j + 1]'],
  ])('finds %s', async (_, script, line, instead) => {
    const buggy = await open((name, lua) => {
      if (name !== script) return lua;
      expect(lua).toContain(line);
      return lua.replace(line, instead);
    });
    const { failed } = await fc.check(
      fc.asyncProperty(commands, async (sequence) => expect(await divergence(buggy, sequence)).toBeNull()),
      { numRuns: 1_000, seed: 1, endOnFailure: true },
    );
    await buggy.close();
    expect(failed).toBe(true);
  });
});
