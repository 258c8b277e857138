/** Waiting for other processes: by asking again until they are there, never by a fixed pause. */
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks until the answer is neither null, undefined nor false, and returns it. An error counts as "not yet".
 * Throws after `timeoutMs` (15 s), naming `what` and the last error.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 15_000, everyMs = 20 } = options;
  const until = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > until) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
    await pause(everyMs);
  }
}
