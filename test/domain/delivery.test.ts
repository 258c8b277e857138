import { describe, expect, it } from 'vitest';
import { type AttemptResult, type Delivery, messagesIn } from '../../src/domain/delivery.ts';

function delivery(results: readonly AttemptResult[]): Delivery {
  const attempts = results.map((result) => ({ provider: 'p', result, category: '' as const, latencyMs: 1 }));
  return { provider: 'p', messageId: 'm', status: 'accepted', attempts };
}

describe('how many SMS the user may get', () => {
  it.each<[count: number, results: AttemptResult[]]>([
    [0, []],
    [0, ['rejected']],
    [0, ['unavailable', 'unavailable']],
    [1, ['accepted']],
    [1, ['unknown']],
    [1, ['unavailable', 'accepted']],
    [2, ['unknown', 'accepted']],
    [2, ['unknown', 'unknown']],
    [1, ['unknown', 'rejected', 'unavailable']],
  ])('is %i after %j: what was accepted, and each doubt', (count, results) => {
    expect(messagesIn(delivery(results))).toBe(count);
  });
});
