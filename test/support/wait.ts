/** Waiting for other processes: by asking again until they are there, never by a fixed pause. */
import { setTimeout as pause } from 'node:timers/promises';

const HUNG_MS = 4 * 60_000;
/** The real clock, also where a test has put a virtual one in its place. */
const now = performance.now.bind(performance);

/**
 * Asks until the answer is neither null, undefined nor false, and returns it. An error counts as "not yet".
 * Throws after `timeoutMs`, naming `what` and the last error; by default so late that only what hangs gets there.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  options: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = HUNG_MS, everyMs = 20 } = options;
  const until = now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (answer !== null && answer !== undefined && answer !== false) return answer;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (now() > until) throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: last });
    await pause(everyMs);
  }
}
