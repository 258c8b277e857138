/** The part of docs/benchmarks.md about providers, and what it must not show. */

import type { Run } from './figures.ts';
import type { IsolationPlan, IsolationRound } from './isolation.ts';
import { machineLine, table } from './page.ts';
import type { Sends, SendsPlan } from './sends.ts';
import { growthOf, median } from './statistics.ts';

export interface ProviderFigures extends Run {
  readonly isolationPlan: IsolationPlan;
  readonly isolation: readonly IsolationRound[];
  readonly sendsPlan: SendsPlan;
  readonly sends: readonly Sends[];
}

const MOST_RATIO = 2;
/** Of sends, in which caches fill and code is compiled. */
const WARM_UP = 4_000;
const MOST_GROWTH_BYTES = 1e6;

/** A line for the terminal. */
export function isolationLine({ isolation, isolationPlan }: ProviderFigures): string {
  const { idleMs, hangingMs, ratio } = middleOf(isolation);
  const [idle, hanging] = [idleMs.toFixed(2), hangingMs.toFixed(2)];
  return `CheckCode p99 idle ${idle} ms, with ${isolationPlan.hanging} SendCodes hanging ${hanging} ms, ratio ${ratio.toFixed(2)}`;
}

/** Empty when all is as it must be. */
export function problemsOf(results: ProviderFigures): string[] {
  const { isolation, sends, sendsPlan } = results;
  const problems: string[] = [];
  const { ratio } = middleOf(isolation);
  if (!(ratio < MOST_RATIO)) problems.push(`a vendor that hangs makes CheckCode ${ratio.toFixed(2)} times as slow`);
  for (const { vendor, connections, afterIdle, heap } of sends) {
    if (!(connections <= sendsPlan.concurrency)) problems.push(`${vendor}: ${connections} connections`);
    if (afterIdle !== 0) problems.push(`${vendor}: a new connection after ${sendsPlan.idleSeconds} s without a send`);
    const { bytes } = growthOf(settled(heap));
    if (!(bytes < MOST_GROWTH_BYTES)) problems.push(`${vendor}: the heap grew by ${megabytes(bytes)} MB`);
  }
  return problems;
}

export function providersPart(results: ProviderFigures): string {
  const { machine, isolationPlan, isolation, sendsPlan, sends } = results;
  const { idleMs, hangingMs, ratio } = middleOf(isolation);
  const ratios = isolation.map((round) => round.hangingMs / round.idleMs);
  return `## A vendor that hangs

Written by \`npm run bench:providers\`, which fails when a promise below is broken. ${machineLine(machine)}.

${table(
  ['CheckCode', 'p99'],
  [
    ['nothing else to do', `${idleMs.toFixed(2)} ms`],
    [`${isolationPlan.hanging} SendCodes waiting for a vendor that hangs`, `${hangingMs.toFixed(2)} ms`],
    ['ratio (promised: under 2)', `${ratio.toFixed(2)} (${range(ratios)})`],
  ],
)}

Medians of ${isolationPlan.rounds} rounds (in brackets the lowest and the highest ratio of one), in each of which both take ${isolationPlan.seconds} s: one process of the service
with a real Redis gets ${isolationPlan.checksPerSecond} CheckCodes a second over gRPC, half of the guesses right, at fixed times whether or not earlier ones have been answered.
Twilio, a process of its own like the load generator, has read all ${isolationPlan.hanging} messages by then and answers none of them; each ends with
\`delivery.status = UNKNOWN\` or its deadline. \`twilio.timeoutMs\` and \`twilio.maxConcurrent\` are raised for this: by default no
more than 200 wait, and for half as long.

## What sending leaves behind

${table(
  [
    '',
    'sends/s',
    `connections for ${sendsPlan.sends} sends`,
    `new after ${sendsPlan.idleSeconds} s of silence`,
    `heap after ${WARM_UP} sends`,
    `after ${sendsPlan.moreSends}`,
    'growth',
  ],
  sends.map(({ vendor, perSecond, connections, afterIdle, heap }) => {
    const after = settled(heap);
    const heaps = [after[0], after.at(-1)].map((sample) => `${megabytes(sample?.bytes ?? Number.NaN)} MB`);
    const growth = `${(growthOf(after).bytes / 1e3).toFixed(0)} kB`;
    return [vendor, perSecond.toFixed(0), `${connections}`, `${afterIdle}`, ...heaps, growth];
  }),
)}

The vendors' real SDKs as the service sets them up, over plain HTTP, ${sendsPlan.concurrency} sends under way (\`maxConcurrent\`, beyond which connections
must not go). The heap is what is in use after a collection, every ${sendsPlan.every} sends; its growth after the first ${WARM_UP} is the median slope
between any two of these, times the length, and must stay under ${megabytes(MOST_GROWTH_BYTES)} MB.
`;
}

function middleOf(rounds: readonly IsolationRound[]) {
  const idleMs = median(rounds.map((round) => round.idleMs));
  const hangingMs = median(rounds.map((round) => round.hangingMs));
  return { idleMs, hangingMs, ratio: hangingMs / idleMs };
}

function settled(heap: Sends['heap']): Sends['heap'] {
  return heap.filter(({ at }) => at >= WARM_UP);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function range(ratios: readonly number[]): string {
  return `${Math.min(...ratios).toFixed(2)}-${Math.max(...ratios).toFixed(2)}`;
}
