/** docs/benchmarks.md. Every number in it comes from the run that writes it. */
import { type Plan, SUBJECTS, type Subject, type Turn } from './check-code.ts';
import type { Load } from './load.ts';
import { type Machine, machineLine, table } from './page.ts';
import type { Start, Starts } from './start-up.ts';
import { median } from './statistics.ts';
import type { StorePlan, StoreTurn } from './store.ts';

export interface Results {
  readonly machine: Machine;
  readonly plan: Plan;
  readonly turns: ReadonlyMap<string, readonly Turn[]>;
  readonly storePlan: StorePlan;
  readonly storeTurns: readonly StoreTurn[];
  readonly starts: readonly Starts[];
}

export function benchmarksPage({ machine, plan, turns, storePlan, storeTurns, starts }: Results): string {
  const rows = (edge: Subject['edge']) => {
    const subjects = SUBJECTS.filter((subject) => subject.edge === edge);
    const empty = turnsOf(subjects.find(({ server }) => server === 'empty'));
    return subjects.map((subject) => subjectRow(subject.name, turnsOf(subject), empty));
  };
  const turnsOf = (subject: Subject | undefined) => turns.get(subject?.name ?? '') ?? [];
  const head = [
    '',
    'calls/s',
    'p50',
    'p99',
    'calls/s against empty',
    'server CPU a call',
    'server busy',
    'CPU against empty',
  ];

  return `# Benchmarks

Written by \`npm run bench\`, the last two sections by \`npm run bench:providers\`; do not edit.

${machineLine(machine)}.

**Servers, Redis and the load generator share the cores of one machine: trust ratios, not absolutes.** The generator is a process of
its own (grpc-js clients; plain \`node:http\` for JSON) and costs about as much as what it measures. Where a server is not busy all
the time, calls/s say as much about the generator as about the server; its processor time says what a call costs, whoever waits for
whom. Latencies are those of a closed loop at full load, about calls under way / throughput.

${plan.rounds} rounds after one to warm up. In each, every subject in its turn makes ${plan.calls} calls (over Connect ${plan.calls / 4}), ${plan.concurrency} under way at
any time, over ${plan.connections} gRPC connections or ${plan.concurrency} of HTTP/1.1. Figures are medians of the rounds; in brackets stand the lowest and the highest
ratio of a round.

## CheckCode over gRPC

${table(head, rows('grpc'))}

*grpc-js by itself*: the library, nothing of ours. *gRPC edge, empty handler*: the adapter that serves CheckCode (identity, deadline,
decoding, encoding), with a handler that answers an empty message and nobody listening to events. *CheckCode*: \`node src/main.ts\` with a
real Redis, metrics and the log as JSON (thrown away behind standard output). Half of the guesses are right, each at a code of its own;
the other half are wrong, five to a code.

## CheckCode over Connect, JSON

${table(head, rows('connect'))}

## The store by itself

${table(['', 'calls/s', 'p50', 'p99', 'Redis CPU a call'], [storeRow(storeTurns)])}

\`check.lua\` by EVALSHA through one ioredis connection, ${storePlan.calls} right guesses a round, ${storePlan.concurrency} under way.

## Starting

${table(['', 'serving after', 'processor time', 'memory then', 'most memory'], starts.flatMap(startRows))}

One process after the other, from its start to its line \`serving\`, unbundled. The first one fills the compile cache of Node, which an
image brings along; below it stands the median of the ${starts[0]?.warm.length ?? 0} starts that had it.
`;
}

function subjectRow(name: string, turns: readonly Turn[], empty: readonly Turn[]): string[] {
  const ratios = (of: (turn: Turn) => number) => turns.map((turn, round) => of(turn) / of(empty[round] as Turn));
  return [
    name,
    ...loadCells(turns),
    range(ratios(perSecond)),
    `${median(turns.map((turn) => turn.cpuMicrosPerCall)).toFixed(0)} µs`,
    `${(median(turns.map((turn) => turn.cpuMicrosPerCall * perSecond(turn))) / 1e4).toFixed(0)} %`,
    range(ratios(({ cpuMicrosPerCall }) => 1 / cpuMicrosPerCall)),
  ];
}

function storeRow(turns: readonly StoreTurn[]): string[] {
  const micros = median(turns.map(({ redisCpuMicrosPerCall }) => redisCpuMicrosPerCall));
  return ['check', ...loadCells(turns), `${micros.toFixed(1)} µs`];
}

function startRows({ subject, cold, warm }: Starts): string[][] {
  const middle = (of: (start: Start) => number) => median(warm.map(of));
  const cells = (name: string, { ms, busyMs, residentMb, peakMb }: Start) => [
    name,
    ...[ms, busyMs].map((time) => `${time.toFixed(0)} ms`),
    ...[residentMb, peakMb].map((size) => `${size.toFixed(0)} MB`),
  ];
  const typical = {
    ms: middle(({ ms }) => ms),
    busyMs: middle(({ busyMs }) => busyMs),
    residentMb: middle(({ residentMb }) => residentMb),
    peakMb: middle(({ peakMb }) => peakMb),
  };
  return [cells(`${subject}, without a compile cache`, cold), cells(subject, typical)];
}

function loadCells(turns: readonly Load[]): string[] {
  const p50 = median(turns.map(({ p50Ms }) => p50Ms));
  const p99 = median(turns.map(({ p99Ms }) => p99Ms));
  return [median(turns.map(perSecond)).toFixed(0), `${p50.toFixed(1)} ms`, `${p99.toFixed(1)} ms`];
}

function perSecond({ calls, seconds }: Load): number {
  return calls / seconds;
}

function range(ratios: readonly number[]): string {
  const [low, middle, high] = [Math.min(...ratios), median(ratios), Math.max(...ratios)].map((ratio) =>
    ratio.toFixed(2),
  );
  return low === high ? `${middle}` : `${middle} (${low}-${high})`;
}
