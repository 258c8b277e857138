/** What `npm run bench` found. */
import { COST_HEAD, costRow, ratio } from './cost-rows.ts';
import { EMPTY_STEP } from './empty-stand.ts';
import type { Run } from './figures.ts';
import type { Load } from './load.ts';
import { machineLine, table } from './page.ts';
import type { Step } from './service-stand.ts';
import { type Costs, keyOf, type Plan } from './stand.ts';
import type { Start, Starts } from './start-up.ts';
import { median } from './statistics.ts';
import type { StorePlan, StoreTurn } from './store.ts';

export interface CallsFigures extends Run {
  readonly plan: Plan;
  readonly costs: Costs;
  readonly storePlan: StorePlan;
  readonly storeTurns: readonly StoreTurn[];
  readonly starts: readonly Starts[];
}

export const CALLS_STEPS = {
  all: ['SendCode', 'RateStatus', 'CheckCode, wrong', 'CheckCode'],
  sendAndCheck: ['SendCode', 'CheckCode'],
  send: ['SendCode'],
} as const satisfies Record<string, readonly Step[]>;

export function callsPart({ machine, plan, costs, storePlan, storeTurns, starts }: CallsFigures): string {
  const grpcJs = costs[keyOf('grpc-js', EMPTY_STEP)];
  const rowsOf = (edge: 'gRPC' | 'JSON', more: readonly string[]) => {
    const empty = costs[keyOf(`${edge} edge`, EMPTY_STEP)];
    const mine = Object.entries(costs).filter(
      ([key]) => key.startsWith(edge) || more.some((name) => key.startsWith(name)),
    );
    return mine.map(([key, its]) => [...costRow(key, its), ratio('serverMicros', empty, its)]);
  };
  const head = [...COST_HEAD, 'empty edge / it'];
  return `## What a call costs, over gRPC

By \`npm run bench\`. ${machineLine(machine)}.

${table(head, rowsOf('gRPC', ['node:http2', 'grpc-js']))}

An empty handler of grpc-js costs ${ratio('serverMicros', grpcJs, costs['gRPC, console: CheckCode'])} of a CheckCode.

${plan.rounds} rounds after one to warm up. In each, every subject in its turn makes ${plan.calls} calls of each kind about as many new phones, ${plan.concurrency} under
way at any time, over ${plan.connections} gRPC connections or ${plan.concurrency} of HTTP/1.1. Figures are medians of the rounds; in brackets stand the lowest and the
highest ratio of a round. *node:http2*, *grpc-js*: nothing of ours, an empty answer. *gRPC edge*, *JSON edge*: the adapter that serves calls
(identity, deadline, decoding, encoding) with a handler that answers an empty message and nobody listening to events. The others are
\`node src/main.ts\` with one caller and its token, a Redis of their own, metrics and the log as JSON (thrown away behind standard output).
CheckCode is a right code where nothing else is said. *webhook*: a gateway that answers at once, and is told of each approval. Twilio and
Tencent are the vendors' SDKs against fakes on loopback.

## What a call costs, as JSON

${table(head, rowsOf('JSON', []))}

## The store by itself

${table(['', 'calls/s', 'p50', 'p99', 'Redis CPU a call'], [storeRow(storeTurns)])}

\`check.lua\` by EVALSHA through one ioredis connection, ${storePlan.calls} right guesses a round, ${storePlan.concurrency} under way.

## Starting

${table(['', 'serving after', 'processor time', 'memory then', 'most memory'], starts.flatMap(startRows))}

One process after the other, from its start to its line \`serving\`, unbundled. The first one fills the compile cache of Node, which an
image brings along; below it stands the median of the ${starts[0]?.warm.length ?? 0} starts that had it.
`;
}

function storeRow(turns: readonly StoreTurn[]): string[] {
  const micros = median(turns.map(({ redisCpuMicrosPerCall }) => redisCpuMicrosPerCall));
  return ['check', ...loadCells(turns), `${micros.toFixed(1)} µs`];
}

function startRows({ subject, cold, warm }: Starts): string[][] {
  const typical = (of: (start: Start) => number) => median(warm.map(of));
  const cells = (name: string, { ms, busyMs, residentMb, peakMb }: Start) => [
    name,
    ...[ms, busyMs].map((time) => `${time.toFixed(0)} ms`),
    ...[residentMb, peakMb].map((size) => `${size.toFixed(0)} MB`),
  ];
  const usual = {
    ms: typical(({ ms }) => ms),
    busyMs: typical(({ busyMs }) => busyMs),
    residentMb: typical(({ residentMb }) => residentMb),
    peakMb: typical(({ peakMb }) => peakMb),
  };
  return [cells(`${subject}, without a compile cache`, cold), cells(subject, usual)];
}

function loadCells(turns: readonly Load[]): string[] {
  const p50 = median(turns.map(({ p50Ms }) => p50Ms));
  const p99 = median(turns.map(({ p99Ms }) => p99Ms));
  const rate = median(turns.map(({ calls, seconds }) => calls / seconds));
  return [rate.toFixed(0), `${p50.toFixed(1)} ms`, `${p99.toFixed(1)} ms`];
}
