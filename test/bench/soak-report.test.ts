/** What fails a soak: that it can fail is what makes its success worth something. */
import { describe, expect, it } from 'vitest';
import { problemsOf, type Soaked } from '../../bench/soak-report.ts';
import type { Sample } from '../../bench/statistics.ts';

const MINUTES = 10;
const CALLS_PER_SECOND = 1_000;
const MB = 1e6;

/** One sample a second of `base` bytes, a collector's saw-tooth upon it, and what `leak` adds by that second. */
function memory(base: number, leak: (second: number) => number): Sample[] {
  return Array.from({ length: MINUTES * 60 }, (_, at) => {
    const garbage = ((at * 7919) % 23) * 2 * MB;
    return { at, bytes: base + garbage + leak(at) };
  });
}

const steady = () => 0;
const bytesPerCall = (bytes: number) => (second: number) => bytes * CALLS_PER_SECOND * second;

function soaked(changes: Partial<Soaked> = {}): Soaked {
  return {
    machine: { date: '2026-01-01', node: 'v24', redis: '7', cores: 2, processor: 'any' },
    seconds: MINUTES * 60,
    callsPerSecond: CALLS_PER_SECOND,
    counts: new Map([['CheckCode: OK APPROVED', MINUTES * 60 * CALLS_PER_SECOND]]),
    unexpected: new Map(),
    memory: { rss: memory(200 * MB, steady), heap: memory(60 * MB, steady) },
    cpuSeconds: 300,
    faults: 0,
    exitCode: 0,
    stderr: '',
    ...changes,
  };
}

const DOUBT = 'RateStatus: UNAVAILABLE STORE_UNAVAILABLE instead of OK cooldown';

describe('a soak', () => {
  it('succeeds when memory is a saw-tooth upon a level floor', () => {
    expect(problemsOf(soaked())).toEqual([]);
  });

  it('forgives what a process takes while it warms up', () => {
    const warming = (second: number) => Math.min(second, 150) * MB;
    expect(problemsOf(soaked({ memory: { rss: memory(80 * MB, warming), heap: memory(60 * MB, steady) } }))).toEqual(
      [],
    );
  });

  it.each<[string, Partial<Soaked>, RegExp]>([
    ['an answer that was not due', { unexpected: new Map([['CheckCode: OK NOT_FOUND', 1]]) }, /1 times CheckCode/],
    ['one doubt about Redis', { unexpected: new Map([[DOUBT, 1]]) }, /1 times RateStatus/],
    ['less load than was wanted', { counts: new Map([['CheckCode: OK', 500_000]]) }, /only 833 calls\/s/],
    ['a fault in the metrics', { faults: 1 }, /1 faults/],
    ['a server that ends badly', { exitCode: 1 }, /ended with 1/],
    ['a word on standard error', { stderr: 'Warning' }, /Warning/],
    [
      'a heap that grows by 24 bytes a call',
      { memory: { rss: memory(200 * MB, steady), heap: memory(60 * MB, bytesPerCall(24)) } },
      /heap grew by/,
    ],
    [
      'an RSS that grows by 64 bytes a call',
      { memory: { rss: memory(200 * MB, bytesPerCall(64)), heap: memory(60 * MB, steady) } },
      /rss grew by/,
    ],
  ])('fails on %s', (_, changes, problem) => {
    expect(problemsOf(soaked(changes))).toEqual([expect.stringMatching(problem)]);
  });
});
