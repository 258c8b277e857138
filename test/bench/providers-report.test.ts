/** What fails `npm run bench:providers`. */
import { describe, expect, it } from 'vitest';
import { isolationLine, type ProviderFigures, problemsOf, providersPart } from '../../bench/providers-report.ts';
import type { Sends } from '../../bench/sends.ts';

const HEAP = Array.from({ length: 10 }, (_, n) => ({ at: (n + 1) * 2_000, bytes: 40e6 + ((n * 7919) % 23) * 1e3 }));
const SENDS: Sends = { vendor: 'twilio', perSecond: 900, connections: 50, afterIdle: 0, heap: HEAP };

function results(changes: Partial<ProviderFigures> = {}): ProviderFigures {
  return {
    machine: { date: '2026-01-01', node: 'v24', redis: '7', cores: 2, processor: 'any' },
    isolationPlan: { rounds: 3, hanging: 500, seconds: 7, checksPerSecond: 250 },
    isolation: [
      { idleMs: 2, hangingMs: 3 },
      { idleMs: 4, hangingMs: 3.5 },
      { idleMs: 3, hangingMs: 40 },
    ],
    sendsPlan: { concurrency: 50, sends: 1_000, idleSeconds: 31, moreSends: 20_000, every: 2_000 },
    sends: [SENDS],
    ...changes,
  };
}

describe('the promises about providers', () => {
  it('are kept by medians: one round that was disturbed changes nothing', () => {
    expect(problemsOf(results())).toEqual([]);
    expect(isolationLine(results())).toBe('CheckCode p99 idle 3.00 ms, with 500 SendCodes hanging 3.50 ms, ratio 1.17');
    expect(providersPart(results())).not.toContain('NaN');
  });

  it.each<[broken: string, changes: Partial<ProviderFigures>]>([
    ['CheckCode twice as slow', { isolation: [{ idleMs: 2, hangingMs: 4 }] }],
    ['one connection too many', { sends: [{ ...SENDS, connections: 51 }] }],
    ['a new connection after the pause', { sends: [{ ...SENDS, afterIdle: 1 }] }],
    [
      'a heap that grows by 70 bytes a send',
      { sends: [{ ...SENDS, heap: HEAP.map(({ at, bytes }) => ({ at, bytes: bytes + at * 70 })) }] },
    ],
  ])('are broken by %s', (_, changes) => {
    expect(problemsOf(results(changes))).toHaveLength(1);
  });
});
