/** The calls of one class: so many under way, and those that wait for a place. */
import type { Shed } from '../event.ts';
import { createCodel, INTERVAL_MS } from './codel.ts';

export interface Entrant {
  /** On the clock of the admission: after that its caller has gone. */
  readonly expiresAt: number;
  /** Its caller has given it up. */
  gone(): boolean;
  /** Begins the call. `release` is to be called when it is answered; again has no effect. */
  run(release: () => void): void;
  refuse(why: Shed): void;
}

export interface Queue {
  enter(entrant: Entrant, now: number): void;
  /**
   * Sets a new limit. `full`: a call found no place since it was set the last time. `wary`: until it is set again, a call
   * is refused that has less time left than it might have to wait. Answered, its caller would be gone; and the
   * connection with it, which costs more than the call.
   */
  adjust(wary: boolean, next: (now: { limit: number; underWay: number; full: boolean }) => number): void;
  state(): QueueState;
}

export interface QueueState {
  readonly underWay: number;
  readonly limit: number;
  readonly waiting: number;
  /** Of the call that has waited for the longest time. */
  readonly oldestMs: number;
}

export interface QueueOptions {
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  readonly later: (task: () => void, ms: number) => void;
  readonly limit: number;
}

interface Waiting {
  readonly entrant: Entrant;
  readonly since: number;
}

/** Memory is bounded whatever happens. */
const MAX_WAITING = 1_024;

export function createQueue({ clock, later, limit }: QueueOptions): Queue {
  const codel = createCodel();
  // Oldest first.
  const waiting = new Set<Waiting>();
  let underWay = 0;
  let full = false;
  let scheduled = false;
  let leastLeftMs = 0;

  const isLate = ({ expiresAt }: Entrant, now: number) => now + leastLeftMs >= expiresAt;

  function begin(entrant: Entrant): void {
    underWay += 1;
    let released = false;
    entrant.run(() => {
      if (released) return;
      released = true;
      underWay -= 1;
      if (waiting.size > 0) serve();
    });
  }

  /** Refuses what has waited too long, and begins what there is room for. */
  function serve(): void {
    const now = clock();
    for (const next of waiting) {
      const { entrant, since } = next;
      const late = isLate(entrant, now);
      const refused = late || now - since > codel.mostMs();
      if (!entrant.gone() && !refused && underWay >= limit) break;
      waiting.delete(next);
      if (entrant.gone()) continue;
      codel.note(now - since, now);
      if (refused) entrant.refuse(late ? 'deadline' : 'overloaded');
      else begin(entrant);
    }
    schedule(now);
  }

  /** For when no call ends meanwhile. */
  function schedule(now: number): void {
    const [oldest] = waiting;
    if (scheduled || oldest === undefined) return;
    scheduled = true;
    const again = () => {
      scheduled = false;
      serve();
    };
    later(again, Math.max(1, Math.ceil(oldest.since + codel.mostMs() - now) + 1));
  }

  return {
    state: () => {
      const [oldest] = waiting;
      const oldestMs = oldest === undefined ? 0 : clock() - oldest.since;
      return { underWay, limit, waiting: waiting.size, oldestMs };
    },
    enter(entrant, now) {
      if (underWay < limit && waiting.size === 0) {
        codel.note(0, now);
        return isLate(entrant, now) ? entrant.refuse('deadline') : begin(entrant);
      }
      full = true;
      waiting.add({ entrant, since: now });
      const [oldest] = waiting;
      if (oldest !== undefined && waiting.size > MAX_WAITING) {
        waiting.delete(oldest);
        oldest.entrant.refuse('overloaded');
      }
      schedule(now);
    },
    adjust(wary, next) {
      leastLeftMs = wary ? INTERVAL_MS : 0;
      limit = next({ limit, underWay, full });
      full = false;
      if (waiting.size > 0) serve();
    },
  };
}
