/** Waits for replies, and gives up on those that do not come in time. */
import { afterReading } from './connector.ts';

interface Waiting {
  /** On the clock; unknown until the end of the turn in which its command was given, when commands are written. */
  sentAt: number;
  readonly reject: (error: Error) => void;
}

/** One timer for all replies: it is set anew only when it fires. `clock`: monotonic milliseconds. */
export function createReplyTimeout(ms: number, clock: () => number): <T>(reply: Promise<T>) => Promise<T> {
  // Oldest first.
  const waiting = new Set<Waiting>();
  let unsent: Waiting[] = [];
  let timed = false;

  function sent(): void {
    const now = clock();
    for (const each of unsent) each.sentAt = now;
    unsent = [];
    if (!timed) sweepIn(ms);
  }

  function sweepIn(leftMs: number): void {
    timed = true;
    afterReading(sweep, leftMs).unref();
  }

  function sweep(): void {
    timed = false;
    for (const each of waiting) {
      const leftMs = each.sentAt + ms - clock();
      if (leftMs > 0) {
        if (leftMs <= ms) sweepIn(Math.ceil(leftMs));
        return;
      }
      waiting.delete(each);
      each.reject(new Error('Command timed out'));
    }
  }

  return (reply) =>
    new Promise((resolve, reject) => {
      const entry = { sentAt: Number.POSITIVE_INFINITY, reject };
      waiting.add(entry);
      // ioredis writes after this, at the latest in the same place of this turn.
      if (unsent.push(entry) === 1) setImmediate(sent);
      reply.then(
        (value) => {
          waiting.delete(entry);
          resolve(value);
        },
        (error: unknown) => {
          waiting.delete(entry);
          reject(error);
        },
      );
    });
}
