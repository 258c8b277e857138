import { randomBytes } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GUESS_BUDGETS } from '../../src/domain/policy.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { connected, virtualRedisStore } from '../support/virtual-redis.ts';
import { CALLERS, type Command, commands, run } from './commands.ts';

/** Random command sequences against the executable model (memory) and the Lua scripts on a real Redis. */
describe('memory and Redis give the same answers', () => {
  let time = 0;
  const shared = sharedRedis();
  let redis: Store;

  beforeAll(async () => {
    redis = await connected(virtualRedisStore({ now: () => time, keyPrefix: shared.prefix }));
  });
  afterAll(async () => {
    await redis.close();
    await shared.close();
  });

  async function divergence(store: Store, sequence: readonly Command[]): Promise<string | null> {
    const model = createMemoryStore({ now: () => time });
    const world = { phoneKey: `00.${randomBytes(12).toString('base64url')}`, ids: 0 };
    time = 1_800_000_000_000;
    const left = { nonces: [] as string[], sends: [] as string[] };
    for (const [index, command] of sequence.entries()) {
      if (command.kind === 'pass') time += command.ms;
      const step = { ...world, index };
      const [expected, got] = [await run(model, command, step, left), await run(store, command, step, left)];
      if (!isDeepStrictEqual(got, expected)) {
        return `${index} ${JSON.stringify(command)}\n  memory ${JSON.stringify(expected)}\n  redis  ${JSON.stringify(got)}`;
      }
    }
    return null;
  }

  it('over at least 10,000 commands', { timeout: 120_000 }, async () => {
    let total = 0;
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        total += sequence.length;
        for (const { kind } of sequence) kinds.add(kind);
        expect(await divergence(redis, sequence)).toBeNull();
      }),
      { numRuns: 400 },
    );
    expect(total).toBeGreaterThanOrEqual(10_000);
    expect([...kinds].sort()).toEqual(['cancel', 'check', 'pass', 'send', 'settle', 'status']);
    expect(CALLERS.length).toBeGreaterThan(1);
    expect(GUESS_BUDGETS).toHaveLength(2);
  });

  it('finds and shrinks a planted difference in one script', { timeout: 60_000 }, async () => {
    const buggy = virtualRedisStore({
      now: () => time,
      keyPrefix: shared.prefix,
      plant: (name, lua) =>
        name === 'check' ? lua.replace("redis.call('HINCRBY', KEYS[1], 'by_phone', 1)", 'v[8] = v[8]') : lua,
    });
    const planted = await connected(buggy);
    const result = await fc.check(
      fc.asyncProperty(commands, async (sequence) => {
        expect(await divergence(planted, sequence)).toBeNull();
      }),
      // What it shrinks to depends on where it starts.
      { numRuns: 400, seed: 7 },
    );
    await planted.close();
    expect(result.failed).toBe(true);
    const shrunk = (result.counterexample?.[0] ?? []).map(({ kind }) => kind);
    expect(shrunk.filter((kind) => kind === 'send')).toHaveLength(1);
    expect(shrunk.length).toBeLessThanOrEqual(8);
  });
});
