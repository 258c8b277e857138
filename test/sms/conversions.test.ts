import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import type { Event } from '../../src/event.ts';
import { type ConversionsOptions, createConversions } from '../../src/sms/conversions.ts';
import type { ConversionBatch, ConversionResult } from '../../src/sms/provider.ts';

const AT = 1_800_000_000_000;
const DELIVERY: Delivery = { provider: 'tencent', messageId: 'm-1', status: 'accepted', attempts: [] };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

type Answer = (signal: AbortSignal) => Promise<ConversionResult>;

/** One vendor takes a conversion a request, the other 100. */
function stage(answer: Answer, changes: Partial<ConversionsOptions> = {}) {
  const begun = Date.now();
  const told: ConversionBatch[] = [];
  const requests: { at: number; of: number }[] = [];
  const events: Event[] = [];
  const converted = (conversions: ConversionBatch, signal: AbortSignal) => {
    told.push(conversions);
    requests.push({ at: Date.now() - begun, of: conversions.length });
    return answer(signal);
  };
  const conversions = createConversions({
    providers: [
      { name: 'tencent', converted },
      { name: 'webhook', converted, conversionsAtOnce: 100 },
      { name: 'console' },
    ],
    emit: (event) => void events.push(event),
    ...changes,
  });
  return { conversions, told, requests, events };
}

const taken = async (): Promise<ConversionResult> => ({ ok: true });
const never = () => new Promise<ConversionResult>(() => undefined);
const conversion = (ok: boolean, vendorCode = '') => ({ type: 'conversion', provider: 'tencent', ok, vendorCode });

describe('an approval', () => {
  it.each(['accepted', 'delivered'] as const)('is told to the provider of a message that was %s', async (status) => {
    const { conversions, told, events } = stage(taken);
    conversions.notify({ ...DELIVERY, status }, AT);
    await conversions.drain(1_000);
    expect(told).toEqual([[{ messageId: 'm-1', at: AT }]]);
    expect(events).toEqual([conversion(true)]);
  });

  it.each([
    ['of a message without an id', { messageId: '' }],
    ['of a message that was maybe sent', { status: 'unknown' }],
    ['of a message that is being sent', { status: 'sending' }],
    ['of a message that was reported as failed', { status: 'failed' }],
    ['by a provider that takes no conversions', { provider: 'console' }],
    ['by a provider that is not there any more', { provider: 'gone' }],
  ] as [string, Partial<Delivery>][])('%s is told to nobody', async (_, changes) => {
    const { conversions, told, events } = stage(taken);
    conversions.notify({ ...DELIVERY, ...changes }, AT);
    await conversions.drain(1_000);
    expect(told).toEqual([]);
    expect(events).toEqual([]);
  });

  const failures: [string, Answer, string][] = [
    ['is refused', async () => ({ ok: false, vendorCode: 'UnsupportedOperation' }), 'UnsupportedOperation'],
    ['meets an adapter that rejects', () => Promise.reject(new Error('broken')), 'threw'],
    [
      'meets an adapter that throws',
      () => {
        throw new Error('broken');
      },
      'threw',
    ],
    ['meets silence', never, 'timeout'],
  ];
  it.each(failures)('that %s fails nobody', async (_, answer, vendorCode) => {
    const { conversions, events } = stage(answer);
    conversions.notify(DELIVERY, AT);
    const drained = conversions.drain(60_000);
    await vi.advanceTimersByTimeAsync(5_100);
    await drained;
    expect(events).toEqual([conversion(false, vendorCode)]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is dropped, and counted, when too many are on their way; later ones are told again', async () => {
    const answers: (() => void)[] = [];
    const answer = () => new Promise<ConversionResult>((resolve) => answers.push(() => resolve({ ok: true })));
    const { conversions, told, events } = stage(answer, { maxRequests: 2 });
    for (let i = 0; i < 5; i++) conversions.notify(DELIVERY, AT);
    expect(told).toHaveLength(2);
    expect(events).toEqual([1, 2, 3].map(() => conversion(false, 'dropped')));
    for (const finish of answers) finish();
    await conversions.drain(1_000);
    conversions.notify(DELIVERY, AT);
    expect(told).toHaveLength(3);
  });

  it('does not hold up a stop for longer than its grace', async () => {
    const { conversions } = stage(never);
    conversions.notify(DELIVERY, AT);
    const drained = conversions.drain(1_000).then(() => 'stopped');
    await vi.advanceTimersByTimeAsync(1_100);
    expect(await drained).toBe('stopped');
  });
});

const BY_GATEWAY: Delivery = { ...DELIVERY, provider: 'webhook' };
const times = (count: number, at: number) => Array<number>(count).fill(at);

describe('approvals that come together', () => {
  it.each<[string, Delivery, number[], { at: number; of: number }[]]>([
    ['a lone one goes after the delay', BY_GATEWAY, [0], [{ at: 100, of: 1 }]],
    ['those of the delay go together', BY_GATEWAY, [0, 40, 99], [{ at: 100, of: 3 }]],
    [
      'the delay is that of the first',
      BY_GATEWAY,
      [0, 60, 120],
      [
        { at: 100, of: 2 },
        { at: 220, of: 1 },
      ],
    ],
    ['a full request goes at once', BY_GATEWAY, [0, ...times(99, 60)], [{ at: 60, of: 100 }]],
    [
      'one that follows a full request has a delay of its own',
      BY_GATEWAY,
      [0, ...times(100, 60)],
      [
        { at: 60, of: 100 },
        { at: 160, of: 1 },
      ],
    ],
    [
      'a vendor that takes one a request gets each at once',
      DELIVERY,
      [0, 0, 5],
      [0, 0, 5].map((at) => ({ at, of: 1 })),
    ],
  ])('%s', async (_, delivery, arrivals, expected) => {
    const { conversions, told, requests, events } = stage(taken);
    for (const [index, at] of arrivals.entries()) {
      await vi.advanceTimersByTimeAsync(at - (arrivals[index - 1] ?? 0));
      conversions.notify({ ...delivery, messageId: `m-${index}` }, AT + index);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    expect(requests).toEqual(expected);
    expect(told.flat(), 'each once, in their order').toEqual(
      arrivals.map((_, index) => ({ messageId: `m-${index}`, at: AT + index })),
    );
    expect(events).toHaveLength(arrivals.length);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('have the result of their request, each of them', async () => {
    const { conversions, events } = stage(async () => ({ ok: false, vendorCode: 'http_500' }));
    for (let i = 0; i < 3; i++) conversions.notify(BY_GATEWAY, AT);
    await conversions.drain(1_000);
    expect(events).toEqual(Array(3).fill({ ...conversion(false, 'http_500'), provider: 'webhook' }));
  });

  it('are told without the delay when the service stops, and those that come even later', async () => {
    const { conversions, requests, events } = stage(taken);
    conversions.notify(BY_GATEWAY, AT);
    conversions.notify(BY_GATEWAY, AT);
    await conversions.drain(1_000);
    expect(events).toHaveLength(2);
    conversions.notify(BY_GATEWAY, AT);
    expect(requests.map(({ of }) => of)).toEqual([2, 1]);
    expect(requests.every(({ at }) => at === 0)).toBe(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount(), 'nothing keeps the process').toBe(0);
  });
});

/** Of each millisecond's approvals for `ms`, and the most requests and approvals that were under way at a time. */
async function flow(answer: Answer, { perMs, ms }: { perMs: number; ms: number }) {
  const most = { requests: 0, approvals: 0 };
  const open = { requests: 0, approvals: 0 };
  const events = { ok: 0, timeout: 0, dropped: 0 };
  const emit = (event: Event) => {
    if (event.type === 'conversion') events[event.ok ? 'ok' : (event.vendorCode as 'timeout' | 'dropped')] += 1;
  };
  const converted = async ({ length }: ConversionBatch, signal: AbortSignal) => {
    open.requests += 1;
    open.approvals += length;
    most.requests = Math.max(most.requests, open.requests);
    most.approvals = Math.max(most.approvals, open.approvals);
    const result = await answer(signal);
    open.requests -= 1;
    open.approvals -= length;
    return result;
  };
  const conversions = createConversions({ providers: [{ name: 'webhook', converted, conversionsAtOnce: 100 }], emit });
  for (let passed = 0; passed < ms; passed++) {
    for (let i = 0; i < perMs; i++) conversions.notify(BY_GATEWAY, AT);
    await vi.advanceTimersByTimeAsync(1);
  }
  return { conversions, most, open, events };
}

const answersIn =
  (ms: number): Answer =>
  async (signal) => {
    const { promise, resolve } = Promise.withResolvers<ConversionResult>();
    const timer = setTimeout(resolve, ms, { ok: true });
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve({ ok: false, vendorCode: 'timeout' });
    });
    return promise;
  };

describe('a gateway', () => {
  it('that answers in 200 ms is told of 2,000 approvals a second, and none is dropped', async () => {
    const { conversions, most, events } = await flow(answersIn(200), { perMs: 2, ms: 5_000 });
    const drained = conversions.drain(1_000);
    await vi.advanceTimersByTimeAsync(200);
    await drained;
    expect(events).toEqual({ ok: 10_000, timeout: 0, dropped: 0 });
    expect(most.requests).toBeLessThanOrEqual(5);
  });

  it('that hangs holds no more than 100 requests, each until its deadline; what is more is dropped and counted', async () => {
    const { most, open, events } = await flow(answersIn(60_000), { perMs: 10, ms: 5_000 });
    expect(most).toEqual({ requests: 100, approvals: 10_000 });
    expect(events).toEqual({ ok: 0, timeout: 0, dropped: 40_000 });
    await vi.advanceTimersByTimeAsync(5_000);
    expect(open).toEqual({ requests: 0, approvals: 0 });
    expect(events).toEqual({ ok: 0, timeout: 10_000, dropped: 40_000 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('that hangs takes nothing from another vendor', async () => {
    const { conversions, requests } = stage(never, { maxRequests: 1 });
    for (let i = 0; i < 200; i++) conversions.notify(BY_GATEWAY, AT);
    conversions.notify(DELIVERY, AT);
    expect(requests.map(({ of }) => of)).toEqual([100, 1]);
  });
});
