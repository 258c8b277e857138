import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GUESS_BUDGETS } from '../../src/domain/policy.ts';
import type { ScriptName } from '../../src/store/redis-scripts.ts';
import type { Store } from '../../src/store/store.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { virtualRedisStore } from '../support/virtual-redis.ts';
import { CALLERS, type Command, commands } from './commands.ts';
import { type Answer, createComparison, warm } from './comparison.ts';

/** Random command sequences against the executable model (memory) and the Lua scripts on a real Redis. */
describe('memory and Redis give the same answers', () => {
  const shared = sharedRedis();
  let redis: Store;
  /** What was answered, in short. */
  const answers = new Set<string>();
  const { now, divergence } = createComparison((command, answer) => answers.add(inShort(command, answer)));

  beforeAll(async () => {
    redis = await warm(virtualRedisStore({ now, keyPrefix: shared.prefix }));
  });
  afterAll(async () => {
    await redis.close();
    await shared.close();
  });

  it('over at least 10,000 commands', async () => {
    let total = 0;
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        total += sequence.length;
        for (const { kind } of sequence) kinds.add(kind);
        expect(await divergence(redis, sequence)).toBeNull();
      }),
      { numRuns: 600 },
    );
    expect(total).toBeGreaterThanOrEqual(10_000);
    const all = ['cancel', 'check', 'link', 'lookup', 'pass', 'report', 'send', 'settle', 'status'];
    expect([...kinds].sort()).toEqual(all);
    // All that there is to answer was met.
    expect([...answers].sort()).toEqual(EVERY_ANSWER);
    expect(CALLERS.length).toBeGreaterThan(1);
    expect(GUESS_BUDGETS).toHaveLength(2);
  });

  it('finds and shrinks a planted difference in one script', async () => {
    const buggy = virtualRedisStore({
      now,
      keyPrefix: shared.prefix,
      plant: (name, lua) =>
        name === 'check' ? lua.replace('if by_phone then record.by_phone = record.by_phone + 1 end', '') : lua,
    });
    const planted = await warm(buggy);
    const result = await fc.check(
      fc.asyncProperty(commands, async (sequence) => {
        expect(await divergence(planted, sequence)).toBeNull();
      }),
      // What it shrinks to depends on where it starts.
      { numRuns: 400, seed: 4 },
    );
    await planted.close();
    expect(result.failed).toBe(true);
    const shrunk = (result.counterexample?.[0] ?? []).map(({ kind }) => kind);
    expect(shrunk.filter((kind) => kind === 'send')).toHaveLength(1);
    expect(shrunk.length).toBeLessThanOrEqual(8);
  });

  const planted: [what: string, script: ScriptName, line: string, instead: string][] = [
    ['a failure that beats a delivery', 'report', "named and known ~= 'delivered' and", 'named and'],
    ['a failure of any attempt', 'report', "failed = named and known ~= 'delivered'", "failed = known ~= 'delivered'"],
    ['a report for a send that was replaced', 'report', 'record.send_id ~= send_id or', 'not record.send_id or'],
    ['a settle that undoes reports', 'settle', 'if current and record.delivery then', 'if false then'],
    ['kept reports that are not merged', 'settle', 'apply_report(outcome, report) end', 'end'],
    ['a refund of what was delivered', 'settle', 'delivery = delivered_after_all(early)', 'delivery = nil'],
    ['a test send that is charged', 'send', 'if not is_test then', 'if true then'],
    ['a test code that a real send repeats', 'send', 'and not record.test', ''],
    ['a test guess that is charged', 'check', 'if not record.test then', 'if true then'],
    ['a code that stands for other variables', 'send', 'and record.content == content', ''],
    ['a guess that is compared whatever its variables', 'check', "if content ~= '' and", 'if false and'],
    ['a repeat that is answered before it is known', 'send', 'not delivery and lease_left > 0', 'false'],
    ['a repeat that is taken over too late', 'send', 'lease_left > 0', 'lease_left >= 0'],
    ['a repeat that promises a dead code a life', 'send', 'live and answer.expires or', 'true and answer.expires or'],
    // The clock is set back.
    ['a code from the future', 'check', 'if (record.approved or record.sent) <= now then', 'if true then'],
    ['a record from the future', 'status', 'if (record.approved or record.sent) <= now then', 'if true then'],
    ['a verdict from the future', 'check', 'from <= now and', ''],
    ['an answer from the future', 'send', 'from <= now and', ''],
    ['a link from the future', 'lookup', 'from <= now and', ''],
    ['an approval from the future', 'status', 'from <= now and', ''],
    ['an approval that lowers the cooldown from the future', 'send', 'time > last and time <= now', 'time > last'],
    [
      'sends that lock until the clock gets there',
      'send',
      'sends = read_times(stored[2], sends_key, 3, now)',
      'sends = read_list(stored[2])',
    ],
    [
      'failures that lock until the clock gets there',
      'status',
      'read_times(stored[3], failures_key, 1, now)',
      'read_list(stored[3])',
    ],
    [
      'a link that a later one replaces',
      'link',
      "if linked_token(redis.call('GET', link_key), now) then return { 'LINKED' } end",
      '',
    ],
    ['a report that waits for too long', 'link', 'if holds(since, since + 3600000, now) then', 'if true then'],
    ['waiting reports of another message', 'link', "' ' .. name .. ' '", "' '"],
    ['a lookup that keeps reports of a message that is linked', 'lookup', 'if token then', 'if not token then'],
  ];
  it.each(planted)('finds %s', async (_, script, line, instead) => {
    const plant = (name: ScriptName, lua: string) => {
      if (name !== script) return lua;
      expect(lua).toContain(line);
      return lua.replace(line, instead);
    };
    const buggy = await warm(virtualRedisStore({ now, keyPrefix: shared.prefix, plant }));
    const result = await fc.check(
      fc.asyncProperty(commands, async (sequence) => {
        expect(await divergence(buggy, sequence)).toBeNull();
      }),
      { numRuns: 1_000, seed: 1, endOnFailure: true },
    );
    await buggy.close();
    expect(result.failed).toBe(true);
  });
});

/** The kind of a command and the word of its answer. */
function inShort({ kind }: Command, answer: Answer): string {
  const { kind: word, outcome, reports, token } = (answer ?? {}) as Record<string, unknown>;
  if (Array.isArray(reports)) return `${kind}: ${reports.length > 0 ? 'reports' : 'nothing'}`;
  if (token !== undefined) return `${kind}: ${token === null ? 'kept' : 'found'}`;
  return [kind, word ?? outcome].filter(Boolean).join(': ');
}

const EVERY_ANSWER = [
  'cancel',
  'check: approved',
  'check: exhausted',
  'check: not_found',
  'check: request_id_reused',
  'check: wrong',
  'link: nothing',
  'link: reports',
  'lookup: found',
  'lookup: kept',
  'pass',
  'report: applied',
  'report: early',
  'report: repeated',
  'report: superseded',
  'send: blocked',
  'send: replayed',
  'send: request_id_reused',
  'send: reserved',
  'send: under_way',
  'settle',
  'status',
];
