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

describe('one report', () => {
  const AT = 1_800_000_000_000;
  const unknown: Delivery = { provider: 'a', messageId: '', status: 'unknown', attempts: ATTEMPTS };
  const accepted: Delivery = { provider: 'b', messageId: 'm', status: 'accepted', attempts: ATTEMPTS };
  const failed: Delivery = { ...accepted, status: 'failed', failure: 'unreachable', reportedAt: AT - 1 };
  const delivered: Delivery = { ...accepted, status: 'delivered', reportedAt: AT - 1 };
  const said = (provider: string, status: MessageReport['status']): MessageReport => ({
    provider,
    messageId: '',
    status,
    category: '',
    at: AT,
  });

  it.each<[what: string, given: Delivery, report: MessageReport, changes: Partial<Delivery>]>([
    [
      'of failure by the provider that has the message is the outcome, with the reason',
      accepted,
      { ...said('b', 'failed'), category: 'blocked' },
      { status: 'failed', failure: 'blocked' },
    ],
    ['of failure without a reason has an unknown one', accepted, said('b', 'failed'), { failure: 'unknown' }],
    ['of failure ends a doubt', unknown, said('a', 'failed'), { provider: 'a', status: 'failed' }],
    ['of acceptance ends a doubt', unknown, said('a', 'accepted'), { provider: 'a', status: 'accepted' }],
    [
      'of acceptance by another that was tried says who has the message',
      unknown,
      said('b', 'accepted'),
      { provider: 'b', status: 'accepted' },
    ],
    ['of delivery comes after a failure', failed, said('b', 'delivered'), { status: 'delivered' }],
    [
      'of delivery by another that was tried says who delivered',
      accepted,
      said('a', 'delivered'),
      { provider: 'a', status: 'delivered' },
    ],
    ['keeps the id that is known', accepted, said('b', 'delivered'), { messageId: 'm' }],
    ['brings its own id', accepted, { ...said('b', 'delivered'), messageId: 'm2' }, { messageId: 'm2' }],
    ['by another provider does not take over the id of this one', accepted, said('a', 'delivered'), { messageId: '' }],
    ['says when it came', accepted, said('b', 'delivered'), { reportedAt: AT, attempts: ATTEMPTS }],
  ])('%s', (_, given, report, changes) => {
    expect(afterReport(given, report)).toMatchObject(changes);
  });

  it.each<[what: string, given: Delivery, report: MessageReport]>([
    ['of failure by a provider that was tried before', accepted, said('a', 'failed')],
    ['of failure after a delivery', delivered, said('b', 'failed')],
    ['of failure that comes again', failed, { ...said('b', 'failed'), category: 'blocked' }],
    ['of acceptance of what was accepted', accepted, said('b', 'accepted')],
    ['of acceptance after a failure', failed, said('b', 'accepted')],
    ['of acceptance after a delivery', delivered, said('b', 'accepted')],
    ['of delivery that comes again', delivered, said('a', 'delivered')],
    ['of delivery by one that was never tried', unknown, said('stranger', 'delivered')],
    ['of acceptance by one that was never tried', unknown, said('stranger', 'accepted')],
  ])('%s changes nothing', (_, given, report) => {
    expect(afterReport(given, report)).toBe(given);
  });

  it('tells nothing of a failure once the message was delivered', () => {
    expect(afterReport(failed, said('b', 'delivered'))).not.toHaveProperty('failure');
  });

  it('is of the provider that has the message even where its attempt is not listed', () => {
    const replayed = { ...accepted, attempts: [] };
    expect(afterReport(replayed, said('b', 'delivered')).status).toBe('delivered');
  });
});

describe('reports that come before their send is settled', () => {
  const early = (status: MessageReport['status'], at = 7): MessageReport => ({
    provider: 'a',
    messageId: 'm',
    status,
    category: '',
    at,
  });

  it('are kept in their order, each word of each provider once', () => {
    const first = [early('accepted', 1)];
    expect(withEarly(first, early('delivered', 2))).toEqual([early('accepted', 1), early('delivered', 2)]);
    expect(withEarly(first, { ...early('accepted', 2), provider: 'b' })).toHaveLength(2);
    expect(withEarly(first, early('accepted', 2))).toBe(first);
  });

  it('of delivery make a delivery of what seemed not to be sent', () => {
    expect(deliveredAfterAll([early('accepted'), early('delivered', 8), early('failed', 9)])).toEqual({
      provider: 'a',
      messageId: 'm',
      status: 'delivered',
      attempts: [],
      reportedAt: 8,
    });
    expect(deliveredAfterAll([early('accepted'), early('failed')])).toBeNull();
    expect(deliveredAfterAll([])).toBeNull();
  });
});
