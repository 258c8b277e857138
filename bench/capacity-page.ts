/** docs/capacity.md. */
import { type BytesFigures, STAGES } from './bytes-report.ts';
import type { CallsFigures } from './calls-report.ts';
import { BUSY, carried, DEMAND, needOf, type Price, priceOf, VERIFICATION, verificationPrice } from './capacity.ts';
import { middle, NOT_MEASURED } from './cost-rows.ts';
import type { Figures } from './figures.ts';
import { machineLine, table } from './page.ts';
import type { ScaleFigures } from './scale-report.ts';

const CALLS = {
  'SendCode by webhook': 'gRPC, webhook: SendCode',
  'SendCode by Twilio': 'gRPC, Twilio: SendCode',
  'SendCode by Tencent': 'gRPC, Tencent: SendCode',
  RateStatus: 'gRPC, console: RateStatus',
  'CheckCode, wrong': 'gRPC, console: CheckCode, wrong',
  'CheckCode, right': 'gRPC, console: CheckCode',
  'CheckCode, right and told to the vendor': 'gRPC, webhook: CheckCode',
};
const MULTIPLES = [1, 2, 4, 8, 16, 32];

const whole = (value: number) => Math.round(value).toLocaleString('en');
/** Two digits: more would promise too much. */
const about = (value: number) => whole(Number(value.toPrecision(2)));
const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;

export function capacityPage({ calls, scale, bytes }: Partial<Figures>): string {
  const price = calls && verificationPrice(calls);
  return `# Capacity

How many processes, shards and gigabytes so many users take. Written from the figures in [bench/figures](../bench/figures) by the commands that
make them ([benchmarks.md](benchmarks.md)); do not edit. They are of one machine on which everything shares the cores: run the
commands on yours, and read the arithmetic.

${calls && price ? callsSection(calls, price) : NOT_MEASURED}

${scale ? scaleSection(scale) : NOT_MEASURED}

## What phones take up

${bytes ? bytesSection(bytes) : NOT_MEASURED}

## ${about(DEMAND.users / 1e6)} million users, ${whole(DEMAND.sendsPerSecond)} sends a second

${price && bytes ? demandSection(price, bytes) : NOT_MEASURED}
`;
}

function callsSection(calls: CallsFigures, price: Price): string {
  const row = (name: string, { server, redis }: Price) => [
    name,
    `${server.toFixed(0)} µs`,
    `${about(carried(server))}/s`,
    `${redis.toFixed(0)} µs`,
    `${about(carried(redis))}/s`,
  ];
  const of = Object.entries(CALLS).map(([name, key]) => row(name, priceOf(calls, key)));
  const mistyped = VERIFICATION['gRPC, console: CheckCode, wrong'];
  return `## What one core and one shard carry

${machineLine(calls.machine)}.

${table(['', 'server CPU', 'one core', 'Redis CPU', 'one shard'], [...of, row('**a verification**', price)])}

A core and a shard are planned to be ${percent(BUSY)} busy: the rest is for peaks, and for the work of a neighbour that failed. A verification is one
SendCode by webhook, ${mistyped} CheckCodes with a wrong code and one with the right one that the gateway is told of. Calls are over gRPC; JSON costs
what [benchmarks.md](benchmarks.md) says. A process uses one core, a Redis shard one as well.

${table(
  ['verifications a second', ...MULTIPLES.map((n) => `${n}`)],
  [
    ['cores', ...MULTIPLES.map((n) => about(n * carried(price.server)))],
    ['shards', ...MULTIPLES.map((n) => about(n * carried(price.redis)))],
  ],
)}

Processes share nothing but Redis. A call needs one shard, a send with delivery reports two, and no key is everybody's; so both rows
grow by multiplication.`;
}

function scaleSection({ halfLoad, populations, checks, layouts }: ScaleFigures): string {
  const { half } = { half: halfLoad.CheckCode.map((round) => round.half) };
  const micros = (key: string, part: 'serverMicros' | 'redisMicros') =>
    middle(layouts[key] ?? [], (cost) => cost[part]);
  const one = 'one process, one Redis: CheckCode';
  const times = (key: string) => (micros(key, 'redisMicros') / micros(one, 'redisMicros')).toFixed(2);
  const [fewest, most] = [populations[0], populations.at(-1)];
  const rate = (phones: number | undefined) =>
    middle(checks[`${phones}: CheckCode`] ?? [], ({ calls, seconds }) => calls / seconds);
  return `At half of what a core can do, CheckCode takes ${middle(half, ({ p50Ms }) => p50Ms).toFixed(1)} ms (p50) and ${middle(half, ({ p99Ms }) => p99Ms).toFixed(1)} ms (p99). Among ${whole(most?.phones ?? 0)} phones a
shard answers ${(rate(most?.phones) / rate(fewest?.phones)).toFixed(2)} times as many as among ${whole(fewest?.phones ?? 0)}. Redis works ${times('three processes, one Redis: CheckCode')} times as long for a call of
three processes, and ${times('one process, Cluster of 3: CheckCode')} times in a Cluster of three shards.`;
}

function bytesSection({ phones, now }: BytesFigures): string {
  const rows = Object.entries(now).map(([stage, bytes]) => [stage, bytes.toFixed(0), gigabytes(bytes * 1e6)]);
  return `${table(['a phone', 'bytes', 'a million'], rows)}

\`used_memory\` of Redis by ${whole(phones)} phones. A shard that is planned to hold ${gigabytes(DEMAND.shardBytes)} has
room for ${about(DEMAND.shardBytes / (now[STAGES.today] ?? Number.NaN) / 1e6)} million users who all verify on one day, or ${about(DEMAND.shardBytes / (now[STAGES.later] ?? Number.NaN) / 1e6)} million who did so within 30. Replicas of shards, and the copy that a snapshot
makes of what changes meanwhile, come on top.`;
}

function demandSection(price: Price, bytes: BytesFigures): string {
  const { sendsPerSecond: rate, dailyShare, vendorSeconds, underWay, shardBytes } = DEMAND;
  const need = needOf(DEMAND, price, bytes.now);
  const million = (count: number) => `${about(count / 1e6)} million`;
  const replicasBy = need.replicasForVendor > need.replicasForProcessor ? 'waiting for the vendor' : 'the processor';
  const shardsBy = need.shardsForMemory > need.shardsForProcessor ? 'memory' : 'the processor';
  return `At the peak ${whole(rate)} verifications begin and end each second; ${percent(dailyShare)} of the users verify within a day, all of them within 30.

${table(
  ['', 'arithmetic', ''],
  [
    ['cores at work', `${whole(rate)} × ${price.server.toFixed(0)} µs`, need.cores.toFixed(1)],
    ['replicas for that', `${need.cores.toFixed(1)} / ${BUSY}`, whole(need.replicasForProcessor)],
    [
      'replicas for the messages that wait for the vendor',
      `${whole(rate)} × ${vendorSeconds} s / (${BUSY} × ${underWay})`,
      whole(need.replicasForVendor),
    ],
    [
      'shards for the processor',
      `${whole(rate)} × ${price.redis.toFixed(0)} µs / ${BUSY}`,
      whole(need.shardsForProcessor),
    ],
    [
      'memory',
      `${million(need.phones.live)} live, ${million(need.phones.today)} approved today, ${million(need.phones.later)} before`,
      gigabytes(need.bytes),
    ],
    ['shards for the memory', `${gigabytes(need.bytes)} / ${gigabytes(shardBytes)}`, whole(need.shardsForMemory)],
    ['connections to Redis', `${need.replicas} × ${need.shards}`, whole(need.connections)],
  ],
  2,
)}

So **${need.replicas} replicas** with a core each (\`replicaCount\`, \`resources.requests.cpu\` in the chart; ${replicasBy} decides) and
**${need.shards} shards** (${shardsBy} decides), each with a replica of its own.

**The next limit** is none of these but the vendor: at ${vendorSeconds} s an answer, ${whole(rate * vendorSeconds)} messages are under way at any time. Ask yours what
an account may; several are several deployments, or one gateway of your own behind the webhook. After that comes how many messages a process
has under way (\`maxConcurrent\`, ${underWay}): with ${whole(Math.ceil((rate * vendorSeconds) / (BUSY * need.replicasForProcessor)))} of them, ${need.replicasForProcessor} replicas do, whose processor is the limit then. Shards are added while
the Cluster serves, and a Cluster is made for up to 1,000 nodes.`;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
