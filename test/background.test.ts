import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createBackground } from '../src/background.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a task runs once, when its time has come', () => {
  const ran: string[] = [];
  const { schedule } = createBackground();
  schedule(async () => void ran.push('late'), 200);
  schedule(async () => void ran.push('early'), 100);
  vi.advanceTimersByTime(99);
  expect(ran).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(ran).toEqual(['early', 'late']);
});

test('a stop runs at once what is still waiting, and takes nothing more', () => {
  const ran: string[] = [];
  const { schedule, flush } = createBackground();
  schedule(async () => void ran.push('done'), 100);
  schedule(async () => {
    ran.push('waiting');
    schedule(async () => void ran.push('again'), 100);
  }, 5000);
  vi.advanceTimersByTime(100);
  flush();
  expect(ran).toEqual(['done', 'waiting']);
  vi.runAllTimers();
  expect(ran).toEqual(['done', 'waiting']);
});

test('what is under way is waited for, what it starts and what failed too, but not for ever', async () => {
  const { track, schedule, flush, idle } = createBackground();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  let over = false;
  void track(first.promise.then(() => void track(second.promise)));
  void idle(1000).then(() => {
    over = true;
  });
  first.resolve();
  await vi.advanceTimersByTimeAsync(500);
  expect(over).toBe(false);
  second.reject(new Error('of the work, not of the wait'));
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toBe(true);

  schedule(() => new Promise(() => undefined), 60_000);
  flush();
  over = false;
  void idle(1000).then(() => {
    over = true;
  });
  await vi.advanceTimersByTimeAsync(999);
  expect(over).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(over).toBe(true);
});
