/**
 * Which calls are begun, and which are refused so that the others are answered in time. Each class has a limit on calls
 * under way and a short queue. Known algorithms size them:
 *
 * * The limit follows the event loop by AIMD (Chiu and Jain 1989, the rule of TCP). It grows by a quarter when calls found
 *   no place while the loop was idle at times (more calls at once are of no use to a processor that is full), and
 *   whenever a second was calm. It shrinks by a fifth while the loop has less idle time than its class leaves, or while
 *   most calls meet turns of it that are longer than their class tolerates; not before that has lasted, because a
 *   collection of garbage and a busy neighbour are no load. So sends are cut first, then reads, and checks last. A call
 *   that only waits, for a vendor that hangs, keeps no processor busy and costs no other class a place.
 * * The queue is CoDel: see codel.ts.
 */
import { performance } from 'node:perf_hooks';
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
  /** The share of the time since it was asked last for which the event loop had work. */
  readonly utilization?: () => number;
}

type LimitedClass = Exclude<CallClass, 'health'>;

/** Of the real clock, also where a test has put a virtual one in its place. */
const { eventLoopUtilization } = performance;

interface Tolerance {
  /** Turns of the event loop, in milliseconds. */
  readonly turnMs: number;
  /** The share of its time for which the loop has work. */
  readonly busy: number;
}

const TOLERATED: Readonly<Record<LimitedClass, Tolerance>> = {
  check: { turnMs: 20, busy: 0.97 },
  read: { turnMs: 15, busy: 0.94 },
  send: { turnMs: 10, busy: 0.9 },
};
/**
 * What is left to a class that is cut: as many keep a processor busy, and fewer would not make a turn shorter that is full
 * of refusals.
 */
const LEAST: Ceilings = { check: 32, read: 16, send: 16 };
const SHRINK = 0.8;
const GROW = 1.25;
const WINDOW_MS = 100;
/** Windows in a row that are over the limit before it shrinks. */
const LASTING = 3;
/** Windows after the last one over the limit for which no call is begun that is about to expire. */
const WARY = 10;
/** `grpc.health.v1` in one window: its own, whatever else happens, and no more than that. */
const HEALTH_CALLS = 50;

export function createAdmission(options: AdmissionOptions): Admission {
  const { clock, ceilings, afterTurn = setImmediate, later = laterUnreferenced, utilization = measureLoop() } = options;
  if (ceilings === null) return { enter: (_, { run }) => run(() => undefined), state: () => new Map() };
  // From its ceiling on: a burst at an idle service, or one that waits for a slow Redis, is no reason to refuse.
  const open = (limit: number): Queue => createQueue({ clock, later, limit });
  const queues: Readonly<Record<LimitedClass, Queue>> = {
    check: open(ceilings.check),
    read: open(ceilings.read),
    send: open(ceilings.send),
  };
  let windowEndsAt = 0;
  let healthCalls = 0;
  /** Of this window: how many calls met turns of which length. */
  let turns: { readonly calls: number; readonly ms: number }[] = [];
  let turnCalls = 0;
  /** For how many windows each class has been over its limit. */
  const strained: Record<LimitedClass, number> = { check: 0, read: 0, send: 0 };
  /** For how many windows each will be wary. */
  const wary: Record<LimitedClass, number> = { check: 0, read: 0, send: 0 };

  /** By the turns that most calls met: a single pause of the garbage collector is none of them. */
  function adjust(now: number): void {
    const calls = turns.reduce((sum, turn) => sum + turn.calls, 0);
    const worked = utilization();
    for (const [name, queue] of Object.entries(queues) as [LimitedClass, Queue][]) {
      const tolerated = TOLERATED[name];
      const slow = turns.reduce((sum, turn) => sum + (turn.ms > tolerated.turnMs ? turn.calls : 0), 0) > calls / 2;
      const busy = worked > tolerated.busy;
      const over = slow || busy;
      strained[name] = over ? strained[name] + 1 : 0;
      wary[name] = over ? WARY : Math.max(0, wary[name] - 1);
      queue.adjust(wary[name] > 0, ({ limit, underWay, full }) => {
        const shrinks = strained[name] >= LASTING;
        const grows = wary[name] === 0 || (full && !busy);
        // Checks are cut from what is under way, so that a flood of them is bounded at once. The others step by step: most
        // sends only wait for a vendor, and reads are few.
        const used = name === 'check' ? Math.min(limit, underWay) : limit;
        const wanted = shrinks ? used * SHRINK : grows ? limit * GROW + 1 : limit;
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

function measureLoop(): () => number {
  let last = eventLoopUtilization();
  return () => {
    const now = eventLoopUtilization();
    const { utilization } = eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
