/** Costs as rows of a table, and two of them as a ratio. */
import type { Cost } from './cost.ts';
import { median } from './statistics.ts';

export type Part = 'serverMicros' | 'redisMicros';

export const COST_HEAD = ['', 'server CPU a call', 'Redis CPU a call', 'calls/s', 'p50', 'p99'] as const;

export function middle(costs: readonly Cost[], of: (cost: Cost) => number): number {
  return median(costs.map(of));
}

export const perSecond = ({ calls, seconds }: Cost) => calls / seconds;

export function costRow(name: string, costs: readonly Cost[]): string[] {
  const store = middle(costs, (cost) => cost.redisMicros);
  return [
    name,
    `${middle(costs, (cost) => cost.serverMicros).toFixed(0)} µs`,
    store === 0 ? '-' : `${store.toFixed(0)} µs`,
    middle(costs, perSecond).toFixed(0),
    `${middle(costs, (cost) => cost.p50Ms).toFixed(1)} ms`,
    `${middle(costs, (cost) => cost.p99Ms).toFixed(1)} ms`,
  ];
}

export const NOT_MEASURED = 'not measured';

/** The median of the ratios of each round, in brackets the lowest and the highest. */
export function ratio(part: Part, of: readonly Cost[] | undefined, to: readonly Cost[] | undefined): string {
  if (of === undefined || to === undefined) return NOT_MEASURED;
  return range(of.map((cost, round) => cost[part] / (to[round]?.[part] ?? Number.NaN)));
}

export function range(ratios: readonly number[]): string {
  const [all, low, high] = [median(ratios), Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
  return low === high ? `${all}` : `${all} (${low}-${high})`;
}
