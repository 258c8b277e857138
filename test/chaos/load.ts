/** What the chaos suites share: how much of it, for whom, and the figures for the reader of the run. */
import { expect } from 'vitest';
import type { RedisServer } from '../support/redis-server.ts';

/** `CHAOS_SCALE=10` does everything that can be repeated ten times as often, 0.1 a tenth of it; 1 when unset. */
const SCALE = Number(process.env.CHAOS_SCALE ?? 1);

export function scaled(count: number): number {
  return Math.max(1, Math.round(count * SCALE));
}

/** A line in the output of the run, whatever becomes of the test. */
export function figure(text: string): void {
  process.stderr.write(`  figure: ${text}\n`);
}

/** The `index`-th of two million valid phones, E.164. */
export function phoneAt(index: number): string {
  return `+1415${5_000_000 + index}`;
}

/** Another code of the same length; different for each `offset` from 1. */
export function wrongCode(code: string, offset = 1): string {
  return String((Number(code) + offset) % 10 ** code.length).padStart(code.length, '0');
}

/** Runs `work` for every item, `width` at a time. */
export async function forAll<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T, index: number) => Promise<unknown>,
): Promise<void> {
  const entries = [...items].entries();
  const worker = async () => {
    // One iterator for all workers: each entry is taken once.
    for (const [index, item] of entries) await work(item, index);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

/** The item at `index`, counted round and round. */
export function cycle<T>(items: readonly T[], index: number): T {
  const item = items[index % items.length];
  if (item === undefined) throw new Error('nothing to choose from');
  return item;
}

/** How many keys a Redis of the test's own has. Throws unless all of them expire. */
export async function expiringKeys(redis: RedisServer): Promise<number> {
  const [, keys, expiring] = /keys=(\d+),expires=(\d+)/.exec(await redis.connect().info('keyspace')) ?? [];
  expect(expiring, 'keys that expire').toBe(keys);
  return Number(keys ?? 0);
}

/** How often each word came. */
export function tally(words: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}
