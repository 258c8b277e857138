/** What `npm run bench:peer` found: the costs, and how they stand to what they must be. */
import { COST_HEAD, costRow, NOT_MEASURED, type Part, ratio } from './cost-rows.ts';
import { EMPTY_STEP } from './empty-stand.ts';
import type { Run } from './figures.ts';
import { OTPGATEWAY } from './otpgateway.ts';
import { machineLine, table } from './page.ts';
import { type Costs, keyOf, type Plan } from './stand.ts';

export interface PeerFigures extends Run {
  readonly plan: Plan;
  readonly costs: Costs;
}

/** Before the names of what the other checkout does. */
export const BEFORE = 'before, ';

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

export function peerPart({ machine, plan, costs }: PeerFigures): string {
  const before = Object.keys(costs).filter((key) => key.startsWith(BEFORE));
  return `## Beside otpgateway

By \`npm run bench:peer\`. ${machineLine(machine)}.

${table(
  COST_HEAD,
  Object.entries(costs).map(([key, its]) => costRow(key, its)),
)}

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

${REASONS}`;
}

const REASONS = `### What was not reached, and why

* **The protocol.** A check of otpgateway is one exchange of HTTP/1.1 in Go. An empty handler of grpc-js alone costs half of that, and
  from 0.37 to 0.66 of it on one machine or another, so the ratios say as much about the machine. What is ours of a check is spread
  over the parts above, and none of them is a tenth of it.
* **Garbage** is a tenth. Each stream of HTTP/2 outlives its call in V8's young generation with most of what hangs on it, because Node holds
  it weakly, and such objects go in a full collection only. Nothing outside of Node changes that.
* **Scripts.** otpgateway's Redis does five to six plain commands a check and as many more a send, each at a round trip of its own; nothing
  holds them together. Ours is one script: half of it is the Lua interpreter, a tenth INFO and TIME (is this a primary, of which history, at
  what time), which no script can do without while a code must die with the node that issued it. It takes 0.4 to 0.7 of what it took.
* **Tried, without a gain worth its lines**: a pool of random bytes, held metric children, a short path for canonical numbers, sampling of
  the log, two plain hashes in place of an HMAC, a larger or smaller young generation, removing the listeners of streams that have ended.
`;

function promisedRow(
  { figure, part, of, to, must, aim, atLeast }: Promised,
  costs: Costs,
  hasBefore: boolean,
): string[] {
  const mark = (now: string) => {
    const kept = atLeast ? Number.parseFloat(now) >= must : Number.parseFloat(now) <= must;
    return now === NOT_MEASURED || kept ? now : `**${now}**`;
  };
  const then = (key: string) => (key.startsWith(OTPGATEWAY) || key === EMPTY ? key : `${BEFORE}${key}`);
  return [
    figure,
    ...(hasBefore ? [ratio(part, costs[then(of)], costs[then(to)])] : []),
    mark(ratio(part, costs[of], costs[to])),
    `${atLeast ? 'at least ' : ''}${must}`,
    `${aim}`,
  ];
}

function againstRow(key: string, costs: Costs): string[] {
  const now = key.replace(BEFORE, '');
  return [now, ratio('serverMicros', costs[now], costs[key]), ratio('redisMicros', costs[now], costs[key])];
}
