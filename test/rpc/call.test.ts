import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ANONYMOUS } from '../../src/domain/caller.ts';
import type { Event } from '../../src/event.ts';
import { runCall } from '../../src/rpc/call.ts';
import type { Call } from '../../src/verification/types.ts';

let events: Event[] = [];
beforeEach(() => {
  events = [];
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function run(deadlineMs: number, work: (call: Call) => Promise<string>) {
  const endings: unknown[] = [];
  const cancel = runCall(
    {
      method: 'CheckCode',
      caller: ANONYMOUS,
      facts: {},
      deadlineMs,
      clock: () => Date.now(),
      emit: (event) => void events.push(event),
    },
    work,
    (...ending) => void endings.push(ending),
  );
  return { cancel, endings };
}

test('work is not begun when no time is left', () => {
  const work = vi.fn(async () => 'done');
  expect(run(0, work).endings).toEqual([[{ reason: 'DEADLINE' }, null]]);
  expect(work).not.toHaveBeenCalled();
});

test('a call ends once, whatever comes after its deadline', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  const { cancel, endings } = run(1_000, () => promise);
  await vi.advanceTimersByTimeAsync(999);
  expect(endings).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  cancel();
  resolve('late');
  await vi.runAllTimersAsync();
  expect(endings).toEqual([[{ reason: 'DEADLINE' }, null]]);
  expect(events).toEqual([]);
});

test('a canceled call waits for its work, but not longer than the deadline', async () => {
  const { cancel, endings } = run(1_000, () => new Promise(() => undefined));
  cancel();
  await vi.advanceTimersByTimeAsync(999);
  expect(endings).toEqual([]);
  await vi.advanceTimersByTimeAsync(2);
  expect(endings).toEqual([[{ reason: 'CANCELED' }, null]]);
});

test('a signal that is first looked at after the call was canceled is aborted', async () => {
  const { promise, resolve } = Promise.withResolvers<string>();
  let call: Call | undefined;
  const { cancel } = run(1_000, (running) => {
    call = running;
    return promise;
  });
  cancel();
  expect(call?.signal.aborted).toBe(true);
  resolve('done');
});

test.each([
  [10, 'CANCELED'],
  [999, 'DEADLINE'],
])('a call that its library ends after %d of 1000 ms ends for the reason %s', async (afterMs, reason) => {
  const { cancel, endings } = run(1_000, () => new Promise(() => undefined));
  await vi.advanceTimersByTimeAsync(afterMs);
  cancel();
  await vi.runAllTimersAsync();
  expect(endings).toEqual([[{ reason }, null]]);
});

test('the time that remains is never negative, and no timer outlives the call', async () => {
  let call: Call | undefined;
  const { endings } = run(1_000, async (running) => {
    call = running;
    return 'done';
  });
  await vi.advanceTimersByTimeAsync(0);
  expect(endings).toEqual([[null, 'done']]);
  expect(vi.getTimerCount()).toBe(0);
  await vi.advanceTimersByTimeAsync(400);
  expect(call?.remainingMs()).toBe(600);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(call?.remainingMs()).toBe(0);
});
