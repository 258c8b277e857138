/** What is measured side by side, in turns: whatever else the machine does meets all of it alike. */
import type { Cost } from './cost.ts';

export interface Plan {
  readonly rounds: number;
  /** Per step, stand and round. */
  readonly calls: number;
  /** Calls under way at any time. */
  readonly concurrency: number;
  /** gRPC connections. Over HTTP/1.1 every call under way has its own. */
  readonly connections: number;
}

/** Something that can be called. */
export interface Stand {
  readonly name: string;
  /** What each step cost, by its name: the same names every time. */
  turn(plan: Plan): Promise<ReadonlyMap<string, Cost>>;
}

/** One cost a round of each step of each stand, by `stand: step`. */
export type Costs = Readonly<Record<string, readonly Cost[]>>;

export const keyOf = (stand: string, step: string) => `${stand}: ${step}`;

/** Calls before the first round, in which code is compiled, to those of a round. */
export const WARM_UP = 2;

/** Each stand in its turn, round after round; a longer round before them warms everything up. */
export async function inTurns(stands: readonly Stand[], plan: Plan): Promise<Costs> {
  const costs: Record<string, Cost[]> = {};
  for (let round = 0; round <= plan.rounds; round++) {
    const calls = round === 0 ? WARM_UP * plan.calls : plan.calls;
    for (const stand of stands) {
      for (const [step, cost] of await stand.turn({ ...plan, calls })) {
        const key = keyOf(stand.name, step);
        costs[key] = [...(costs[key] ?? []), ...(round > 0 ? [cost] : [])];
      }
    }
  }
  return costs;
}
