/**
 * Time that stands still until a test lets it pass: the timers and clocks of this process, but not of Redis. Sockets are real, and
 * so is waiting for them with wait.ts. A time-out fires when the test says so, however slow the machine is.
 */
import { afterAll, beforeAll, vi } from 'vitest';

export interface VirtualTime {
  /** Milliseconds that have passed. */
  elapsed(): number;
  /** Lets timers fire that are due by then, in their order. */
  pass(ms: number): Promise<void>;
}

/** For all tests of a file: call it at the top, before what registers hooks that need it. */
export function virtualTime(): VirtualTime {
  beforeAll(() => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'],
      // Those of modules that were loaded before, and of the test's own hooks.
      shouldClearNativeTimers: true,
    });
  });
  afterAll(() => void vi.useRealTimers());
  return {
    elapsed: () => performance.now(),
    pass: async (ms) => void (await vi.advanceTimersByTimeAsync(ms)),
  };
}
