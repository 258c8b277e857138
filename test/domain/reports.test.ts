import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import { afterReport, deliveredAfterAll, type MessageReport, withEarly } from '../../src/domain/reports.ts';

const attempt = (provider: string) => ({ provider, result: 'unknown', category: 'timeout', latencyMs: 1 }) as const;
const ATTEMPTS = [attempt('a'), attempt('b')];
const deliveries = fc.constantFrom<Delivery[]>(
  { provider: 'a', messageId: '', status: 'unknown', attempts: ATTEMPTS },
  { provider: 'b', messageId: 'm', status: 'accepted', attempts: ATTEMPTS },
);
const reports: fc.Arbitrary<MessageReport> = fc.record({
  provider: fc.constantFrom('a', 'b', 'stranger'),
  messageId: fc.constantFrom('', 'told'),
  status: fc.constantFrom('accepted', 'delivered', 'failed'),
  category: fc.constantFrom('', 'unreachable'),
  at: fc.nat({ max: 100 }),
});
const arrived = ({ provider, status }: MessageReport) => status === 'delivered' && provider !== 'stranger';

describe('whatever is reported, in whatever order', () => {
  function over(property: (given: Delivery, told: readonly MessageReport[], end: Delivery) => void): void {
    const runs = fc.property(deliveries, fc.array(reports), (given, told) => {
      property(given, told, told.reduce(afterReport, given));
    });
    fc.assert(runs);
  }

  it('a message is delivered exactly when one that was tried says so, and with the first that does', () => {
    over((_, told, end) => {
      expect(end.status === 'delivered').toBe(told.some(arrived));
      if (end.status === 'delivered') expect(end.provider).toBe(told.find(arrived)?.provider);
    });
  });

  it('who was tried stays, and nobody else is named', () => {
    over((given, _, end) => {
      expect(end.attempts).toEqual(given.attempts);
      expect(['a', 'b']).toContain(end.provider);
    });
  });

  it('a failure has a reason, and nothing else has', () => {
    over((_, __, end) => expect(end.failure !== undefined).toBe(end.status === 'failed'));
  });

  it('what was delivered stays as it is', () => {
    over((_, told, end) => {
      if (end.status === 'delivered') expect(told.reduce(afterReport, end)).toBe(end);
    });
  });

  it('each provider says each word once while the send is not settled', () => {
    over((_, told) => {
      const early = told.reduce<readonly MessageReport[]>(withEarly, []);
      const words = told.map(({ provider, status }) => `${provider} ${status}`);
      expect(early.map(({ provider, status }) => `${provider} ${status}`)).toEqual([...new Set(words)]);
      expect(deliveredAfterAll(early)?.status).toBe(
        told.some(({ status }) => status === 'delivered') ? 'delivered' : undefined,
      );
    });
  });
});
