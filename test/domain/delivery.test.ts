import { describe, expect, it } from 'vitest';
import { SEND_CODE_MS, SENDING_MS } from '../../src/domain/deadlines.ts';
import { type AttemptResult, type Delivery, messagesIn, unsettledDelivery } from '../../src/domain/delivery.ts';

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

describe('a send whose outcome is not recorded', () => {
  const sentAt = 1_800_000_000_000;
  const nothing = { provider: '', messageId: '', attempts: [] };

  it.each<[after: number, status: Delivery['status']]>([
    [0, 'sending'],
    [SEND_CODE_MS, 'sending'],
    [SENDING_MS - 1, 'sending'],
    [SENDING_MS, 'unknown'],
    [24 * 3_600_000, 'unknown'],
  ])('%i ms later is %s: no send takes that long, so its process was lost', (after, status) => {
    expect(unsettledDelivery(sentAt, sentAt + after)).toEqual({ ...nothing, status });
  });
});
