/** What `npm run bench:peer` found: the costs, and how they stand to what they must be. */
import type { Cost } from './cost.ts';
import { EMPTY_STEP } from './empty-stand.ts';
import { OTPGATEWAY } from './otpgateway.ts';
import { table } from './page.ts';
import { type Costs, keyOf, type Plan } from './stand.ts';
import { median } from './statistics.ts';

export interface PeerResults {
  readonly plan: Plan;
  readonly costs: Costs;
}

type Part = 'serverMicros' | 'redisMicros';

interface Promised {
  readonly figure: string;
  readonly part: Part;
  readonly of: string;
  readonly to: string;
  /** At most, but for the last one. */
  readonly must: number;
  readonly aim: number;
  readonly atLeast?: true;
}

const EMPTY = keyOf('grpc-js', EMPTY_STEP);
const [SEND, CHECK] = ['send', 'check'].map((step) => keyOf(OTPGATEWAY, step)) as [string, string];

/** Medians over the rounds, each of two costs of the same round. */
const PROMISED: readonly Promised[] = [
  {
    figure: 'SendCode by webhook: server, to a send',
    part: 'serverMicros',
    of: 'webhook: SendCode',
    to: SEND,
    must: 1.4,
    aim: 1,
  },
  {
    figure: 'SendCode by webhook: Redis, to a send',
    part: 'redisMicros',
    of: 'webhook: SendCode',
    to: SEND,
    must: 1,
    aim: 0.8,
  },
  {
    figure: 'CheckCode without feedback: server, to a check',
    part: 'serverMicros',
    of: 'console: CheckCode',
    to: CHECK,
    must: 1,
    aim: 0.8,
  },
  {
    figure: 'CheckCode with feedback by webhook: server, to a check',
    part: 'serverMicros',
    of: 'webhook: CheckCode',
    to: CHECK,
    must: 1.3,
    aim: 1,
  },
  {
    figure: 'CheckCode: Redis, to a check',
    part: 'redisMicros',
    of: 'console: CheckCode',
    to: CHECK,
    must: 0.7,
    aim: 0.5,
  },
  {
    figure: 'an empty handler of grpc-js, to CheckCode',
    part: 'serverMicros',
    of: EMPTY,
    to: 'console: CheckCode',
    must: 0.38,
    aim: 0.48,
    atLeast: true,
  },
];

export function peerPart({ plan, costs }: PeerResults): string {
  const before = Object.keys(costs).filter((key) => key.startsWith('before, '));
  return `## Beside otpgateway

${table(['', 'server CPU a call', 'Redis CPU a call', 'calls/s', 'p50', 'p99'], Object.entries(costs).map(costRow))}

${table(
  ['ratio', ...(before.length > 0 ? ['before'] : []), 'now', 'must', 'aim'],
  PROMISED.map((promised) => promisedRow(promised, costs, before.length > 0)),
)}
${
  before.length === 0
    ? ''
    : `\n${table(
        ['now to before', 'server', 'Redis'],
        before.map((key) => againstRow(key, costs)),
      )}\n`
}
${plan.rounds} rounds after one to warm up; in each, every service in its turn makes ${plan.calls} calls of a kind, ${plan.concurrency} under way, over ${plan.connections} gRPC
connections or ${plan.concurrency} of HTTP/1.1. Medians of the rounds; a ratio is the median of those of each round, in brackets the lowest and the highest.
`;
}

function costRow([key, costs]: readonly [string, readonly Cost[]]): string[] {
  const middle = (of: (cost: Cost) => number) => median(costs.map(of));
  const store = middle((cost) => cost.redisMicros);
  return [
    key,
    `${middle((cost) => cost.serverMicros).toFixed(0)} µs`,
    store === 0 ? '-' : `${store.toFixed(0)} µs`,
    middle(({ calls, seconds }) => calls / seconds).toFixed(0),
    `${middle((cost) => cost.p50Ms).toFixed(1)} ms`,
    `${middle((cost) => cost.p99Ms).toFixed(1)} ms`,
  ];
}

function promisedRow(
  { figure, part, of, to, must, aim, atLeast }: Promised,
  costs: Costs,
  hasBefore: boolean,
): string[] {
  const mark = (now: string) => {
    const kept = atLeast ? Number.parseFloat(now) >= must : Number.parseFloat(now) <= must;
    return now === MISSING || kept ? now : `**${now}**`;
  };
  const then = (key: string) => (key.startsWith(OTPGATEWAY) || key === EMPTY ? key : `before, ${key}`);
  return [
    figure,
    ...(hasBefore ? [ratio(part, costs[then(of)], costs[then(to)])] : []),
    mark(ratio(part, costs[of], costs[to])),
    `${atLeast ? 'at least ' : ''}${must}`,
    `${aim}`,
  ];
}

function againstRow(key: string, costs: Costs): string[] {
  const now = key.replace('before, ', '');
  return [now, ratio('serverMicros', costs[now], costs[key]), ratio('redisMicros', costs[now], costs[key])];
}

const MISSING = 'not measured';

function ratio(part: Part, of: readonly Cost[] | undefined, to: readonly Cost[] | undefined): string {
  if (of === undefined || to === undefined) return MISSING;
  const ratios = of.map((cost, round) => cost[part] / (to[round]?.[part] ?? Number.NaN));
  const [middle, low, high] = [median(ratios), Math.min(...ratios), Math.max(...ratios)].map((each) => each.toFixed(2));
  return ratios.length === 1 ? `${middle}` : `${middle} (${low}-${high})`;
}
