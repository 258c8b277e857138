/**
 * Which calls are begun, and which are refused so that the others are answered in time. Each class has a limit on calls
 * under way and a short queue. Known algorithms size them:
 *
 * * The limit follows the event loop by AIMD (Chiu and Jain 1989, the rule of TCP): while most calls meet turns of the
 *   loop that are longer than their class tolerates it shrinks by a fifth; when calls found no place it grows by a quarter.
 *   Sends tolerate the shortest turns and checks the longest, so sends are cut first and checks last. A call that only
 *   waits, for a vendor that hangs, makes no turn longer and costs no other class a place.
 * * The queue is CoDel: see codel.ts.
 */
import type { CallClass } from '../event.ts';
import { createQueue, type Entrant, type Queue, type QueueState } from './admission-queue.ts';

export interface Admission {
  /** Runs the call now or soon, or refuses it. */
  enter(callClass: CallClass, entrant: Entrant): void;
  /** Of each class but `health`. */
  state(): ReadonlyMap<CallClass, QueueState>;
}

export type Ceilings = Readonly<Record<LimitedClass, number>>;

export interface AdmissionOptions {
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** The most calls under way that each class may ever have; null: no call is ever refused. */
  readonly ceilings: Ceilings | null;
  /** Runs a task once the event loop has read all that had come. */
  readonly afterTurn?: (task: () => void) => void;
  readonly later?: (task: () => void, ms: number) => void;
}

type LimitedClass = Exclude<CallClass, 'health'>;

/** The turns of the event loop that a class tolerates, in milliseconds. */
const TOLERATED_MS: Readonly<Record<LimitedClass, number>> = { check: 20, read: 15, send: 10 };
/** What is left to a class that is cut. Fewer checks would not make a turn shorter that is full of refusals. */
const LEAST: Ceilings = { check: 32, read: 16, send: 16 };
/** To begin with; sends wait for vendors, so theirs begins at its ceiling. */
const FIRST_LIMIT = 100;
const SHRINK = 0.8;
const GROW = 1.25;
const WINDOW_MS = 100;
/** `grpc.health.v1` in one window: its own, whatever else happens, and no more than that. */
const HEALTH_CALLS = 50;

export function createAdmission(options: AdmissionOptions): Admission {
  const { clock, ceilings, afterTurn = setImmediate, later = laterUnreferenced } = options;
  if (ceilings === null) return { enter: (_, { run }) => run(() => undefined), state: () => new Map() };
  const open = (name: LimitedClass, most: number): Queue =>
    createQueue({ clock, later, limit: name === 'send' ? most : Math.min(FIRST_LIMIT, most) });
  const queues: Readonly<Record<LimitedClass, Queue>> = {
    check: open('check', ceilings.check),
    read: open('read', ceilings.read),
    send: open('send', ceilings.send),
  };
  let windowEndsAt = 0;
  let healthCalls = 0;
  /** Of this window: how many calls met turns of which length. */
  let turns: { readonly calls: number; readonly ms: number }[] = [];
  let turnCalls = 0;

  /** By the turns that most calls met: a single pause of the garbage collector is none of them. */
  function adjust(now: number): void {
    const calls = turns.reduce((sum, turn) => sum + turn.calls, 0);
    for (const [name, queue] of Object.entries(queues) as [LimitedClass, Queue][]) {
      const slow = turns.reduce((sum, turn) => sum + (turn.ms > TOLERATED_MS[name] ? turn.calls : 0), 0);
      queue.adjust(({ limit, underWay, full }) => {
        const wanted = slow > calls / 2 ? Math.min(limit, underWay) * SHRINK : full ? limit * GROW + 1 : limit;
        return Math.min(ceilings?.[name] ?? 0, Math.max(LEAST[name], Math.floor(wanted)));
      });
    }
    turns = [];
    healthCalls = 0;
    windowEndsAt = now + WINDOW_MS;
  }

  function arrive(now: number): void {
    if (now >= windowEndsAt) adjust(now);
    turnCalls += 1;
    if (turnCalls > 1) return;
    afterTurn(() => {
      turns.push({ calls: turnCalls, ms: clock() - now });
      turnCalls = 0;
    });
  }

  return {
    enter(callClass, entrant) {
      const now = clock();
      arrive(now);
      if (callClass !== 'health') return queues[callClass].enter(entrant, now);
      healthCalls += 1;
      if (healthCalls > HEALTH_CALLS) entrant.refuse('overloaded');
      else entrant.run(() => undefined);
    },
    state: () => new Map(Object.entries(queues).map(([name, queue]) => [name as CallClass, queue.state()])),
  };
}

const laterUnreferenced = (task: () => void, ms: number): void => void setTimeout(task, ms).unref();
