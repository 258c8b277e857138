/** A provider that is ill for a minute under a steady load, in virtual time: its guard and dispatch together. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createRouting } from '../../src/domain/routing.ts';
import type { Event } from '../../src/event.ts';
import { createDispatch, type Dispatched } from '../../src/sms/dispatch.ts';
import { guardProvider } from '../../src/sms/guard.ts';
import type { Provider } from '../../src/sms/provider.ts';
import { accepted, OUTGOING, type Script, scriptedProvider, unavailable } from './scripted.ts';

const OPEN_MS = 10_000;
const MAX_OPEN_MS = 60_000;
const TIMEOUT_MS = 4_000;
const ILL_MS = 60_000;
const EVERY_MS = 100;
const SENDS = 1_800;

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Ten SendCodes a second for three minutes; the first of two providers is ill during the first minute. */
async function load(illness: Script, failures = 5) {
  const start = Date.now();
  const calls = { ill: [] as number[], well: [] as number[] };
  const sick = scriptedProvider('first', [illness]).provider;
  const first: Provider = {
    name: 'first',
    async send(message, signal) {
      const at = Date.now() - start;
      calls[at < ILL_MS ? 'ill' : 'well'].push(at);
      return at < ILL_MS ? sick.send(message, signal) : accepted;
    },
  };
  const second = scriptedProvider('second', [accepted]);
  const breakers: string[] = [];
  const emit = (event: Event) => void (event.type === 'breaker' && breakers.push(event.state));
  const bounds = { timeoutMs: TIMEOUT_MS, maxConcurrent: 200, emit, clock: Date.now };
  const breaker = { failures, openMs: OPEN_MS, maxOpenMs: MAX_OPEN_MS };
  const guards = [first, second.provider].map((each) => guardProvider(each, { ...bounds, breaker }));
  const hops = guards.map(({ name }) => ({ provider: name, sender: {} }));
  const dispatch = createDispatch({
    providers: new Map(guards.map((each) => [each.name, each])),
    route: createRouting([{ countries: [], prefixes: [], hops }]),
    emit,
    clock: Date.now,
    random: () => 0,
  });

  const sends: Promise<Dispatched>[] = [];
  for (let i = 0; i < SENDS; i++) {
    sends.push(dispatch(OUTGOING, { deadlineMs: 9_500, canceled: new AbortController().signal }));
    await vi.advanceTimersByTimeAsync(EVERY_MS);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  const statuses = (await Promise.all(sends)).map((each) =>
    each.kind === 'sent' ? each.delivery.status : each.status,
  );
  return { calls, second: second.messages, breakers, statuses };
}

describe('a provider that fails for a minute', () => {
  const illnesses: [string, Script, number][] = [
    ['refuses at once', unavailable, 5],
    // Nobody can know before the first of them times out.
    ['never answers', 'hangs', 5 + TIMEOUT_MS / EVERY_MS],
  ];
  it.each(illnesses)('and %s is left, probed, and used again; no SendCode fails', async (_, illness, most) => {
    const { calls, second, breakers, statuses } = await load(illness);
    expect(new Set(statuses)).toEqual(new Set(['accepted']));

    const probes = calls.ill.filter((at) => at >= OPEN_MS);
    expect(calls.ill.length - probes.length).toBeLessThanOrEqual(most);
    expect(probes.length).toBeGreaterThanOrEqual(2);
    expect(probes.length).toBeLessThanOrEqual(ILL_MS / OPEN_MS);

    expect(calls.well[0]).toBeLessThanOrEqual(ILL_MS + MAX_OPEN_MS);
    const healed = calls.well[0] ?? 0;
    expect(calls.well.length).toBe(SENDS - healed / EVERY_MS);
    expect(second.length).toBe(SENDS - calls.well.length);
    expect(breakers[0]).toBe('open');
    expect(breakers.slice(-2)).toEqual(['half_open', 'closed']);

    const requests = calls.ill.length + calls.well.length + second.length;
    expect(requests - SENDS).toBe(calls.ill.length);
    expect(requests - SENDS).toBeLessThanOrEqual(SENDS / 10);
  });

  it('without a breaker would be called each time', async () => {
    const { calls, statuses } = await load(unavailable, Number.POSITIVE_INFINITY);
    expect(new Set(statuses)).toEqual(new Set(['accepted']));
    expect(calls.ill.length).toBeGreaterThanOrEqual(600);
    expect(calls.ill.length).toBeGreaterThan(SENDS / 10);
  });
});
