import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createScheduler } from '../src/scheduler.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('a task runs once, when its time has come', () => {
  const ran: string[] = [];
  const { schedule } = createScheduler();
  schedule(() => ran.push('late'), 200);
  schedule(() => ran.push('early'), 100);
  vi.advanceTimersByTime(99);
  expect(ran).toEqual([]);
  vi.advanceTimersByTime(1000);
  expect(ran).toEqual(['early', 'late']);
});

test('a stop runs at once what is still waiting, and takes nothing more', () => {
  const ran: string[] = [];
  const { schedule, flush } = createScheduler();
  schedule(() => ran.push('done'), 100);
  schedule(() => {
    ran.push('waiting');
    schedule(() => ran.push('again'), 100);
  }, 5000);
  vi.advanceTimersByTime(100);
  flush();
  expect(ran).toEqual(['done', 'waiting']);
  vi.runAllTimers();
  expect(ran).toEqual(['done', 'waiting']);
});
