/**
 * CoDel (Nichols and Jacobson, "Controlling Queue Delay", 2012) as folly has it for servers: a burst may wait, a queue
 * that stands may not. Times in milliseconds.
 */
export interface Codel {
  /** A call that leaves the queue now has waited this long. */
  note(waitedMs: number, now: number): void;
  /** Who waits longer is refused. */
  mostMs(): number;
}

/** The queue stands while no call of an interval waited less. */
const TARGET_MS = 5;
/** No call waits longer. */
export const INTERVAL_MS = 100;

export function createCodel(): Codel {
  let endsAt = 0;
  let shortestMs = 0;
  let standing = false;

  return {
    note(waitedMs, now) {
      if (now < endsAt) {
        shortestMs = Math.min(shortestMs, waitedMs);
        return;
      }
      standing = shortestMs > TARGET_MS;
      endsAt = now + INTERVAL_MS;
      shortestMs = waitedMs;
    },
    mostMs: () => (standing ? 2 * TARGET_MS : INTERVAL_MS),
  };
}
