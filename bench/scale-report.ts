/** What `npm run bench:scale` found. */
import { COST_HEAD, costRow, middle, perSecond, range, ratio } from './cost-rows.ts';
import type { Run } from './figures.ts';
import { HALF_LOAD_STEPS, type HalfLoads } from './half-load.ts';
import { machineLine, table } from './page.ts';
import type { Population } from './population.ts';
import { type Costs, keyOf, type Plan } from './stand.ts';

export interface ScaleFigures extends Run {
  readonly plan: Plan;
  readonly halfLoad: HalfLoads;
  /** By how many processes and Redis servers there are. */
  readonly layouts: Costs;
  readonly populations: readonly Omit<Population, 'stand'>[];
  /** By the number of phones. */
  readonly checks: Costs;
}

export function scalePart({ machine, plan, halfLoad, layouts, populations, checks }: ScaleFigures): string {
  return `## At half load

By \`npm run bench:scale\`. ${machineLine(machine)}.

${table(
  ['', 'capacity', 'rate', 'p50', 'p99', 'server CPU a call', 'at capacity'],
  HALF_LOAD_STEPS.map((step) => halfLoadRow(step, halfLoad)),
)}

The server has one core, driver and Redis the other. Its capacity is that of a closed loop with ${plan.concurrency} under way just before; then come as many
calls at half of that rate, at their times whether or not earlier ones have been answered. A call costs more when fewer come at once.

## Among so many phones

${table(
  ['phones', 'right codes/s', 'wrong/s', 'calls/s to the fewest', 'Redis CPU a call', 'to the fewest', 'bytes a phone'],
  populations.map(({ phones, bytesPerPhone }) => populationRow(phones, bytesPerPhone, { checks, populations })),
)}

CheckCode of ${plan.calls} phones a round that lie scattered among the others, in turns over all populations. All have been sent a code, without
request ids; the others are copies, made inside Redis, of what a real send left.

## More processes, and a Cluster

${table(
  COST_HEAD,
  Object.entries(layouts).map(([key, costs]) => costRow(key, costs)),
)}

Everything shares ${machine.cores} cores, so calls/s cannot grow with the processes here. What counts is that neither the server's nor Redis' share of a
call grows: the processes share nothing but Redis, and no call needs more than one node of a Cluster.
`;
}

function halfLoadRow(step: (typeof HALF_LOAD_STEPS)[number], halfLoad: HalfLoads): string[] {
  const [full, half] = [halfLoad[step].map((round) => round.full), halfLoad[step].map((round) => round.half)];
  return [
    step,
    `${middle(full, perSecond).toFixed(0)}/s`,
    `${middle(half, perSecond).toFixed(0)}/s`,
    `${middle(half, ({ p50Ms }) => p50Ms).toFixed(1)} ms`,
    `${middle(half, ({ p99Ms }) => p99Ms).toFixed(1)} ms`,
    `${middle(half, ({ serverMicros }) => serverMicros).toFixed(0)} µs`,
    `${middle(full, ({ serverMicros }) => serverMicros).toFixed(0)} µs`,
  ];
}

type Among = Pick<ScaleFigures, 'checks' | 'populations'>;

function populationRow(phones: number, bytes: number | null, { checks, populations }: Among): string[] {
  const costs = (many: number | undefined, step: string) => checks[keyOf(`${many}`, step)] ?? [];
  const [right, wrong] = [costs(phones, 'CheckCode'), costs(phones, 'CheckCode, wrong')];
  const fewest = costs(populations[0]?.phones, 'CheckCode');
  const rates = right.map((cost, round) => perSecond(cost) / perSecond(fewest[round] ?? cost));
  return [
    phones.toLocaleString('en'),
    middle(right, perSecond).toFixed(0),
    middle(wrong, perSecond).toFixed(0),
    range(rates),
    `${middle(right, ({ redisMicros }) => redisMicros).toFixed(0)} µs`,
    ratio('redisMicros', right, fewest),
    bytes === null ? '-' : bytes.toFixed(0),
  ];
}
