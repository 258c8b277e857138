import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import type { Event } from '../../src/event.ts';
import { type ConversionsOptions, createConversions } from '../../src/sms/conversions.ts';
import type { Conversion, ConversionResult } from '../../src/sms/provider.ts';

const AT = 1_800_000_000_000;
const DELIVERY: Delivery = { provider: 'tencent', messageId: 'm-1', status: 'accepted', attempts: [] };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

type Answer = (signal: AbortSignal) => Promise<ConversionResult>;

function stage(answer: Answer, changes: Partial<ConversionsOptions> = {}) {
  const told: Conversion[] = [];
  const events: Event[] = [];
  const conversions = createConversions({
    providers: [
      {
        name: 'tencent',
        converted: (conversion, signal) => {
          told.push(conversion);
          return answer(signal);
        },
      },
      { name: 'webhook' },
    ],
    emit: (event) => void events.push(event),
    ...changes,
  });
  return { conversions, told, events };
}

const conversion = (ok: boolean, vendorCode = '') => ({ type: 'conversion', provider: 'tencent', ok, vendorCode });

describe('an approval', () => {
  it.each(['accepted', 'delivered'] as const)('is told to the provider of a message that was %s', async (status) => {
    const { conversions, told, events } = stage(async () => ({ ok: true }));
    conversions.notify({ ...DELIVERY, status }, AT);
    await conversions.drain(1_000);
    expect(told).toEqual([{ messageId: 'm-1', at: AT }]);
    expect(events).toEqual([conversion(true)]);
  });

  it.each([
    ['of a message without an id', { messageId: '' }],
    ['of a message that was maybe sent', { status: 'unknown' }],
    ['of a message that is being sent', { status: 'sending' }],
    ['of a message that was reported as failed', { status: 'failed' }],
    ['by a provider that takes no conversions', { provider: 'webhook' }],
    ['by a provider that is not there any more', { provider: 'gone' }],
  ] as [string, Partial<Delivery>][])('%s is told to nobody', async (_, changes) => {
    const { conversions, told, events } = stage(async () => ({ ok: true }));
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
    ['meets silence', () => new Promise(() => undefined), 'timeout'],
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
    const { conversions, told, events } = stage(answer, { maxPending: 2 });
    for (let i = 0; i < 5; i++) conversions.notify(DELIVERY, AT);
    expect(told).toHaveLength(2);
    expect(events).toEqual([1, 2, 3].map(() => conversion(false, 'dropped')));
    for (const finish of answers) finish();
    await conversions.drain(1_000);
    conversions.notify(DELIVERY, AT);
    expect(told).toHaveLength(3);
  });

  it('does not hold up a stop for longer than its grace', async () => {
    const { conversions } = stage(() => new Promise(() => undefined));
    conversions.notify(DELIVERY, AT);
    const drained = conversions.drain(1_000).then(() => 'stopped');
    await vi.advanceTimersByTimeAsync(1_100);
    expect(await drained).toBe('stopped');
  });
});
