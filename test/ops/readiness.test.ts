import { describe, expect, test } from 'vitest';
import { Refused } from '../../src/domain/refusal.ts';
import type { Event } from '../../src/event.ts';
import { createReadiness, type Phase } from '../../src/ops/readiness.ts';

function setUp() {
  const state = { phase: 'serving' as Phase, storeFails: false, error: new Error('away'), now: 0, asked: 0 };
  const events: Event[] = [];
  const readiness = createReadiness({
    emit: (event) => events.push(event),
    phase: () => state.phase,
    clock: () => state.now,
    async ready() {
      state.asked++;
      if (state.storeFails) throw state.error;
    },
  });
  return { state, readiness, events };
}

test('ready is: serving, and the store answers', async () => {
  const { readiness } = setUp();
  expect(await readiness()).toEqual({ ready: true, components: { server: 'serving', store: 'ready' } });
});

test.each(['starting', 'draining'] as const)('not ready while %s', async (phase) => {
  const { state, readiness } = setUp();
  state.phase = phase;
  expect(await readiness()).toEqual({ ready: false, components: { server: phase, store: 'ready' } });
});

test('not ready before the store has answered once', async () => {
  const { state, readiness } = setUp();
  state.storeFails = true;
  expect(await readiness()).toMatchObject({ ready: false, components: { store: 'lost' } });
  state.storeFails = false;
  expect(await readiness()).toMatchObject({ ready: true });
});

describe('a store that goes away', () => {
  test('is tolerated for 15 seconds from the first probe that missed it, then not', async () => {
    const { state, readiness } = setUp();
    await readiness();
    state.storeFails = true;
    state.now = 60_000;
    expect(await readiness()).toMatchObject({ ready: true, components: { store: 'unreachable' } });
    state.now = 74_999;
    expect(await readiness()).toMatchObject({ ready: true, components: { store: 'unreachable' } });
    state.now = 75_000;
    expect(await readiness()).toMatchObject({ ready: false, components: { store: 'lost' } });
  });

  test('gets the whole tolerance again once it was back', async () => {
    const { state, readiness } = setUp();
    await readiness();
    state.storeFails = true;
    await readiness();
    state.now = 14_000;
    state.storeFails = false;
    await readiness();
    state.storeFails = true;
    state.now = 20_000;
    expect(await readiness()).toMatchObject({ ready: true, components: { store: 'unreachable' } });
    state.now = 34_999;
    expect(await readiness()).toMatchObject({ ready: true });
  });
});

test('a store that takes no writes is not tolerated, and the answer says why', async () => {
  const { state, readiness } = setUp();
  await readiness();
  state.storeFails = true;
  const cause = new Error('Redis is out of memory (maxmemory)');
  state.error = new Refused({ reason: 'STORE_UNAVAILABLE', retryAfterMs: 1_000, full: true }, { cause });
  const found = { components: { server: 'serving', store: 'full' }, why: 'Redis is out of memory (maxmemory)' };
  expect(await readiness()).toEqual({ ready: false, ...found });
  state.storeFails = false;
  expect(await readiness()).toEqual({ ready: true, components: { server: 'serving', store: 'ready' } });
});

test('probes at the same moment ask the store once', async () => {
  const { state, readiness } = setUp();
  await Promise.all([readiness(), readiness(), readiness()]);
  expect(state.asked).toBe(1);
  await readiness();
  expect(state.asked).toBe(2);
});

test('a store found unfit is reported once, and once more when it is fit again', async () => {
  const { state, readiness, events } = setUp();
  for (const fails of [false, true, true, false, false]) {
    state.storeFails = fails;
    await readiness();
  }
  expect(events).toEqual([
    { type: 'store_connection', state: 'lost', error: new Error('away') },
    { type: 'store_connection', state: 'ready' },
  ]);
});
