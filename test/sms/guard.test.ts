import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { FailureCategory } from '../../src/domain/delivery.ts';
import type { Event } from '../../src/event.ts';
import { type GuardOptions, guardProvider } from '../../src/sms/guard.ts';
import type { Failure, Provider, SendResult } from '../../src/sms/provider.ts';
import { accepted, MESSAGE, rejected, type Script, scriptedProvider, unavailable, unknown } from './scripted.ts';

const TIMEOUT_MS = 4_000;
const OPEN_MS = 10_000;
const MAX_OPEN_MS = 60_000;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function guarded(scripts: readonly Script[], changes: Partial<GuardOptions> = {}) {
  const { provider, messages } = scriptedProvider('p', scripts);
  const states: string[] = [];
  const emit = (event: Event) => void (event.type === 'breaker' && states.push(`${event.provider} ${event.state}`));
  const guard = guardProvider(provider, {
    timeoutMs: TIMEOUT_MS,
    maxConcurrent: 200,
    breaker: { failures: 5, openMs: OPEN_MS, maxOpenMs: MAX_OPEN_MS },
    emit,
    clock: Date.now,
    ...changes,
  });
  const send = (signal = new AbortController().signal) => guard.send(MESSAGE, signal);
  async function sends(count: number) {
    const results = [];
    for (let i = 0; i < count; i++) results.push(await send());
    return results;
  }
  return { send, sends, messages, states };
}

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('a guarded provider', () => {
  it('is named as before, gets the message and says what it said', async () => {
    const { send, messages } = guarded([accepted, rejected, unavailable, unknown]);
    expect([await send(), await send(), await send(), await send()]).toEqual([
      accepted,
      rejected,
      unavailable,
      unknown,
    ]);
    expect(messages).toEqual([MESSAGE, MESSAGE, MESSAGE, MESSAGE]);
    expect(guardProvider(scriptedProvider('named', []).provider, NO_BOUNDS).name).toBe('named');
  });

  it('that throws has maybe sent', async () => {
    expect(await guarded(['throws']).send()).toEqual({ kind: 'unknown', category: 'unknown', vendorCode: 'threw' });
  });

  it('that ignores its signal is left when its time is up, and has maybe sent', async () => {
    const running = guarded(['hangs']).send();
    await pass(TIMEOUT_MS + 100);
    expect(await running).toEqual({ kind: 'unknown', category: 'timeout', vendorCode: 'timeout' });
  });

  it('is left when the caller’s time is up', async () => {
    const caller = new AbortController();
    const running = guarded(['hangs']).send(caller.signal);
    await pass(1_000);
    caller.abort();
    await pass(100);
    expect(await running).toMatchObject({ kind: 'unknown', vendorCode: 'timeout' });
  });

  it('is believed when it knows that nothing was written before its time was up', async () => {
    const running = guarded(['waits']).send();
    await pass(TIMEOUT_MS);
    expect(await running).toMatchObject({ kind: 'unavailable', vendorCode: 'not_written' });
  });

  it('leaves no timer behind', async () => {
    await guarded([accepted]).send();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('the limit on messages at once', () => {
  it('turns away what is too much, without a call, and lets in again when some have ended', async () => {
    const { send, messages } = guarded(['waits'], { maxConcurrent: 2 });
    const running = [send(), send()];
    expect(await send()).toEqual({
      kind: 'unavailable',
      category: 'transient',
      vendorCode: 'busy',
      retryAfterMs: 1_000,
    });
    expect(messages).toHaveLength(2);
    await pass(TIMEOUT_MS);
    await Promise.all(running);
    void send();
    expect(messages).toHaveLength(3);
  });

  it('is no failure of the provider', async () => {
    const { send, sends, states } = guarded(['waits', accepted], { maxConcurrent: 1 });
    const running = send();
    await sends(20);
    await pass(TIMEOUT_MS);
    await running;
    expect(await send()).toEqual(accepted);
    expect(states).toEqual([]);
  });
});

describe('the breaker', () => {
  const about = (kind: Failure['kind'], category: FailureCategory): Failure => ({ kind, category, vendorCode: 'x' });
  const SICK: FailureCategory[] = ['transient', 'timeout', 'credentials', 'rate_limited'];
  const ODD: FailureCategory[] = [
    'unknown',
    'permission',
    'invalid_number',
    'unreachable',
    'blocked',
    'content',
    'template',
    'signature',
    'sender',
    'configuration',
  ];
  const EVERY: FailureCategory[] = [...SICK, ...ODD, 'balance'];

  it.each([
    ...SICK.map((category) => about('unavailable', category)),
    ...EVERY.map((category) => about('unknown', category)),
  ])('opens after 5 in a row: $kind, $category', async (failure) => {
    const { sends, messages, states } = guarded([failure]);
    const results = await sends(6);
    expect(results[5]).toEqual({
      kind: 'unavailable',
      category: 'transient',
      vendorCode: 'breaker_open',
      retryAfterMs: OPEN_MS,
    });
    expect(messages).toHaveLength(5);
    expect(states).toEqual(['p open']);
  });

  it.each([
    ...ODD.map((category) => about('unavailable', category)),
    ...EVERY.map((category) => about('rejected', category)),
    { ...about('unavailable', 'rate_limited'), scope: 'message' as const },
  ])('is not opened by odd numbers: $kind, $category', async (failure) => {
    const { sends, messages, states } = guarded([failure]);
    await sends(100);
    expect(messages).toHaveLength(100);
    expect(states).toEqual([]);
  });

  it('opens at once when the account is out of money', async () => {
    const { sends, messages } = guarded([about('unavailable', 'balance')]);
    await sends(3);
    expect(messages).toHaveLength(1);
  });

  it('counts failures in a row: a success starts over, an odd number does not', async () => {
    const four = [unavailable, unavailable, unavailable, unavailable];
    const { sends, states } = guarded([...four, accepted, ...four, rejected, unavailable]);
    await sends(10);
    expect(states).toEqual([]);
    await sends(1);
    expect(states).toEqual(['p open']);
  });

  it('says when the next probe is due', async () => {
    const { sends } = guarded([unavailable]);
    await sends(5);
    await pass(4_000);
    expect(await sends(1)).toMatchObject([{ vendorCode: 'breaker_open', retryAfterMs: 6_000 }]);
  });

  it('probes with one message, turning the others away at once, and heals with one success', async () => {
    const slow = Promise.withResolvers<SendResult>();
    const states: string[] = [];
    let calls = 0;
    const provider: Provider = {
      name: 'p',
      send: () => {
        calls += 1;
        return calls <= 5 ? Promise.resolve(unavailable) : slow.promise;
      },
    };
    const emit = (event: Event) => void (event.type === 'breaker' && states.push(event.state));
    const guard = guardProvider(provider, { ...NO_BOUNDS, emit });
    const send = () => guard.send(MESSAGE, new AbortController().signal);
    for (let i = 0; i < 5; i++) await send();
    await pass(OPEN_MS);
    const probe = send();
    for (let i = 0; i < 50; i++) expect(await send()).toMatchObject({ vendorCode: 'breaker_open' });
    expect(calls).toBe(6);
    slow.resolve(accepted);
    await probe;
    await Promise.all(Array.from({ length: 10 }, send));
    expect(calls).toBe(16);
    expect(states).toEqual(['open', 'half_open', 'closed']);
  });

  it('waits longer from probe to probe, to a limit, and starts over once it has healed', async () => {
    const failing = Array.from({ length: 5 + 4 }, () => unavailable);
    const { send, sends, messages, states } = guarded([...failing, accepted, unavailable]);
    await sends(5);
    for (const wait of [OPEN_MS, 2 * OPEN_MS, 4 * OPEN_MS, MAX_OPEN_MS]) {
      const before = messages.length;
      await pass(wait - 1);
      await send();
      expect(messages).toHaveLength(before);
      await pass(1);
      await send();
      expect(messages).toHaveLength(before + 1);
    }
    await pass(MAX_OPEN_MS);
    expect(await send()).toEqual(accepted);
    await sends(5);
    expect(await send()).toMatchObject({ vendorCode: 'breaker_open', retryAfterMs: OPEN_MS });
    expect(states.slice(-2)).toEqual(['p closed', 'p open']);
  });

  it('is not held up by a probe that tells nothing: the next message is the probe', async () => {
    const five = Array.from({ length: 5 }, () => unavailable);
    const { sends, states } = guarded([...five, rejected, rejected, accepted]);
    await sends(5);
    await pass(OPEN_MS);
    expect(await sends(4)).toEqual([rejected, rejected, accepted, accepted]);
    expect(states).toEqual(['p open', 'p half_open', 'p closed']);
  });

  it('hears nothing from calls that began before it opened', async () => {
    const six = Array.from({ length: 6 }, () => unavailable);
    const { send, sends, messages, states } = guarded(['hangs', ...six, accepted], { timeoutMs: 2 * OPEN_MS });
    const stale = send();
    await sends(5);
    await pass(OPEN_MS);
    await send();
    expect(states).toEqual(['p open', 'p half_open', 'p open']);
    await pass(OPEN_MS + 100);
    expect(await stale).toMatchObject({ kind: 'unknown' });
    await pass(OPEN_MS);
    expect(await send()).toEqual(accepted);
    expect(messages).toHaveLength(8);
    expect(states.at(-1)).toBe('p closed');
  });

  it('is healed by a provider that accepts in the little time that a caller leaves it', async () => {
    const { send, sends, states } = guarded([...Array.from({ length: 5 }, () => unavailable), accepted]);
    await sends(5);
    await pass(OPEN_MS);
    expect(await send(AbortSignal.abort())).toEqual(accepted);
    expect(states).toEqual(['p open', 'p half_open', 'p closed']);
  });

  const patience: [string, number, string[]][] = [
    ['is not opened by callers who leave it little time', TIMEOUT_MS / 2 - 1, []],
    ['is opened when it was given half of its time', TIMEOUT_MS / 2, ['p open']],
  ];
  it.each(patience)('%s', async (_, ms, expected) => {
    const { send, states } = guarded(['waits']);
    for (let i = 0; i < 5; i++) {
      const caller = new AbortController();
      const running = send(caller.signal);
      await pass(ms);
      caller.abort();
      await running;
    }
    expect(states).toEqual(expected);
  });
});

describe('a failure that is about one country', () => {
  const inChina = (category: FailureCategory): Failure => ({
    ...{ kind: 'unavailable', category, vendorCode: 'x', scope: 'country' },
  });
  const CHINA = { ...MESSAGE, region: 'CN' };
  const SINGAPORE = { ...MESSAGE, region: 'SG' };

  /** Messages to China fail like this, all others as `elsewhere` says. */
  function divided(failure: () => SendResult, elsewhere: () => SendResult = () => accepted) {
    const events: string[] = [];
    const provider: Provider = {
      name: 'p',
      send: async ({ region }) => (region === 'CN' ? failure() : elsewhere()),
    };
    const emit = (event: Event) => void (event.type === 'breaker' && events.push(`${event.country} ${event.state}`));
    const guard = guardProvider(provider, { ...NO_BOUNDS, emit });
    const to = (message: typeof MESSAGE) => guard.send(message, new AbortController().signal);
    return { to, guard, events };
  }

  it.each<[FailureCategory, number]>([
    ['balance', 1],
    ['rate_limited', 5],
    ['transient', 5],
  ])('%s: after %i messages that country is left alone, and no other one', async (category, calls) => {
    const { to, guard, events } = divided(() => inChina(category));
    for (let i = 0; i < calls; i++) {
      expect(events).toEqual([]);
      await to(CHINA);
    }
    expect(events).toEqual(['CN open']);
    expect(await to(CHINA)).toMatchObject({ vendorCode: 'breaker_open', retryAfterMs: OPEN_MS });
    for (let i = 0; i < 100; i++) expect(await to(SINGAPORE)).toEqual(accepted);
    expect([guard.waitMs('CN'), guard.waitMs('SG')]).toEqual([OPEN_MS, 0]);
  });

  it('is probed and healed by messages to that country only', async () => {
    let failing = true;
    const { to, events } = divided(() => (failing ? inChina('balance') : accepted));
    await to(CHINA);
    await pass(OPEN_MS);
    await to(SINGAPORE);
    expect(events).toEqual(['CN open']);
    failing = false;
    await to(CHINA);
    expect(events).toEqual(['CN open', 'CN half_open', 'CN closed']);
  });

  it('shows nothing about the provider: it neither opens nor closes what is about all messages', async () => {
    const { to, guard, events } = divided(
      () => inChina('balance'),
      () => unavailable,
    );
    for (let i = 0; i < 5; i++) await to(SINGAPORE);
    expect(events).toEqual([' open']);
    expect(guard.waitMs('CN')).toBe(OPEN_MS);
    await pass(OPEN_MS);
    await to(CHINA);
    expect(events).toEqual([' open', ' half_open', 'CN open']);
    expect(guard.waitMs('SG')).toBe(0);
  });

  it('asking how long it lasts reserves no probe', async () => {
    const { to, guard } = divided(() => inChina('balance'));
    await to(CHINA);
    await pass(OPEN_MS);
    for (let i = 0; i < 3; i++) expect(guard.waitMs('CN')).toBe(0);
    expect(await to(CHINA)).toMatchObject({ vendorCode: 'x' });
  });
});

const NO_BOUNDS: GuardOptions = {
  timeoutMs: 60_000,
  maxConcurrent: 1_000,
  breaker: { failures: 5, openMs: OPEN_MS, maxOpenMs: MAX_OPEN_MS },
  emit: () => undefined,
  clock: () => Date.now(),
};
