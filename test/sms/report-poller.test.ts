import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { DeliveryReport } from '../../src/domain/delivery.ts';
import type { Event } from '../../src/event.ts';
import type { Provider, Reports } from '../../src/sms/provider.ts';
import { createReportPoller } from '../../src/sms/report-poller.ts';
import { accepted } from './scripted.ts';

const EVERY_MS = 10_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const report = (messageId: string): DeliveryReport => ({
  token: '',
  messageId,
  status: 'delivered',
  category: '',
  vendorCode: '',
});

type Answer = readonly string[] | Error | Promise<readonly DeliveryReport[]>;

/** `answers` in turn, then nothing more to tell. */
function stage(answers: readonly Answer[], store: (messageId: string) => void = () => undefined) {
  const start = Date.now();
  const asked: number[] = [];
  const signals: AbortSignal[] = [];
  const kept: string[] = [];
  const events: Event[] = [];
  const provider: Provider = {
    name: 'tencent',
    send: async () => accepted,
    reports: {
      byMessageId: true,
      async poll(signal) {
        const answer = answers[asked.length] ?? [];
        asked.push((Date.now() - start) / 1000);
        signals.push(signal);
        if (answer instanceof Error) throw answer;
        return answer instanceof Promise ? answer : answer.map(report);
      },
    },
  };
  const neverAsked: Reports = {
    byMessageId: false,
    poll: () => {
      throw new Error('asked, though its interval is 0');
    },
  };
  const silent: Provider = { name: 'webhook', send: async () => accepted, reports: { byMessageId: false } };
  const poll = createReportPoller({
    polled: [
      { provider, pollMs: EVERY_MS },
      { provider: silent, pollMs: EVERY_MS },
      { provider: { ...provider, name: 'never', reports: neverAsked }, pollMs: 0 },
    ],
    onReport: async (name, { messageId }) => {
      store(messageId);
      kept.push(`${name} ${messageId}`);
    },
    emit: (event) => void events.push(event),
  });
  return { poll, asked, signals, kept, events };
}

describe('reports that a vendor keeps', () => {
  it('are fetched again and again, and passed on in their order', async () => {
    const { asked, kept, events } = stage([['a', 'b'], [], ['c']]);
    await pass(30_000);
    expect(asked).toEqual([10, 20, 30]);
    expect(kept).toEqual(['tencent a', 'tencent b', 'tencent c']);
    expect(events).toEqual([]);
  });

  it('are not asked for while the last question is open', async () => {
    const slow = Promise.withResolvers<readonly DeliveryReport[]>();
    const { asked, kept } = stage([slow.promise]);
    await pass(19_000);
    expect(asked).toEqual([10]);
    slow.resolve([report('a')]);
    await pass(10_000);
    expect(asked).toEqual([10, 29]);
    expect(kept).toEqual(['tencent a']);
  });

  it('are asked for less and less often while that fails, as usual afterwards', async () => {
    const { asked, events } = stage(Array.from({ length: 6 }, () => new Error('away')));
    await pass(460_000);
    expect(asked).toEqual([10, 30, 70, 150, 250, 350, 450, 460]);
    expect(events).toEqual(
      Array.from({ length: 6 }, () => ({ type: 'reports_failed', provider: 'tencent', error: new Error('away') })),
    );
  });

  it('are not waited for without end', async () => {
    const { asked, signals, events } = stage([new Promise(() => undefined)]);
    await pass(20_100);
    expect(signals[0]?.aborted).toBe(true);
    expect(events).toMatchObject([{ type: 'reports_failed', error: { message: 'no answer in time' } }]);
    await pass(20_000);
    expect(asked).toHaveLength(2);
  });

  it('are kept here while they cannot be stored, and the rest is left with the vendor', async () => {
    let away = true;
    const { asked, kept, events } = stage([['a', 'b'], ['c']], (id) => {
      if (away && id === 'b') throw new Error('store away');
    });
    await pass(10_000);
    expect(kept).toEqual(['tencent a']);
    away = false;
    await pass(20_000);
    expect(kept).toEqual(['tencent a', 'tencent b']);
    expect(asked).toEqual([10]);
    await pass(10_000);
    expect(kept).toEqual(['tencent a', 'tencent b', 'tencent c']);
    expect(events).toHaveLength(1);
  });

  it('are not held up for ever by one that cannot be stored', async () => {
    const { kept } = stage([['poison', 'a']], (id) => {
      if (id === 'poison') throw new Error('no');
    });
    await pass(600_000);
    expect(kept).toEqual(['tencent a']);
  });

  it('are not asked for after a stop, which waits until what was fetched is passed on', async () => {
    const slow = Promise.withResolvers<readonly DeliveryReport[]>();
    const { poll, asked, kept } = stage([slow.promise]);
    await pass(10_000);
    const stopped = poll.stop().then(() => [...kept]);
    slow.resolve([report('a'), report('b')]);
    expect(await stopped).toEqual(['tencent a', 'tencent b']);
    await pass(60_000);
    expect(asked).toEqual([10]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are never asked for when it is stopped at once', async () => {
    const { poll, asked } = stage([['a']]);
    await poll.stop();
    await pass(60_000);
    expect(asked).toEqual([]);
  });
});
