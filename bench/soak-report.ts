/** docs/soak.md, and what a soak must not show. */
import { type Machine, machineLine, table } from './page.ts';
import { floors, growthOf, type Sample } from './statistics.ts';

export interface Soaked {
  readonly machine: Machine;
  readonly seconds: number;
  /** As it was meant to be. */
  readonly callsPerSecond: number;
  /** By kind and answer, with SEPARATOR between them. */
  readonly counts: ReadonlyMap<string, number>;
  /** The answers that were not the ones that were due. */
  readonly unexpected: ReadonlyMap<string, number>;
  readonly memory: Readonly<Record<'rss' | 'heap', readonly Sample[]>>;
  readonly cpuSeconds: number;
  /** Faults of the server's own, as its metrics count them. */
  readonly faults: number;
  readonly exitCode: number | null;
  readonly stderr: string;
}

export const SEPARATOR = ': ';
/** Of the run, in which caches fill, code is compiled and the heap finds its size. */
const WARM_UP = 0.3;
const FLOOR_SECONDS = 10;
/** Of the median, over all that follows the warm-up: after 7 minutes at 1,000 calls a second a few dozen bytes a call. */
const MOST_GROWTH = 0.1;
const LEAST_LOAD = 0.95;
export function problemsOf({ seconds, callsPerSecond, unexpected, memory, ...rest }: Soaked): string[] {
  const calls = total(rest.counts);
  const problems = [...unexpected].map(([what, times]) => `${times} times ${what}`);
  const made = calls / seconds;
  if (made < LEAST_LOAD * callsPerSecond) problems.push(`only ${made.toFixed(0)} calls/s were made`);
  if (rest.faults > 0) problems.push(`the server counts ${rest.faults} faults of its own`);
  if (rest.exitCode !== 0) problems.push(`the server ended with ${rest.exitCode}`);
  if (rest.stderr !== '') problems.push(`the server wrote to standard error: ${rest.stderr}`);
  for (const [name, samples] of Object.entries(memory)) {
    const { share } = growthOf(settled(samples));
    if (share > MOST_GROWTH) problems.push(`${name} grew by ${percent(share)} after the warm-up`);
  }
  return problems;
}

export function soakPage({ machine, seconds, callsPerSecond, counts, memory, cpuSeconds }: Soaked): string {
  const rows = [...counts].map(([what, times]) => [...what.split(SEPARATOR), `${times}`]).sort(byText);
  const heap = floors(memory.heap, 60);
  const minutes = floors(memory.rss, 60).map(({ bytes }, minute) => [
    `${minute + 1}`,
    megabytes(bytes),
    megabytes(heap[minute]?.bytes ?? Number.NaN),
  ]);
  const growth = (samples: readonly Sample[]) => {
    const { bytes, share } = growthOf(settled(samples));
    return `${megabytes(bytes)} MB (${percent(share)})`;
  };
  return `# Soak

Written by \`npm run soak\`; do not edit.

${machineLine(machine)}.

One server process (\`node src/main.ts\`, development defaults, the console provider) under mixed load: ${total(counts)} calls in
${seconds.toFixed(0)} s, ${(total(counts) / seconds).toFixed(0)} a second (${callsPerSecond} wanted), four fifths over gRPC and one fifth over Connect with JSON. It used ${percent(cpuSeconds / seconds)}
of a core. The caller knows what became of each verification, so every call has exactly one right answer; any other fails the soak,
as does a fault in the server's metrics or a word on its standard error.

## Answers

${table(['call', 'answer', 'times'], rows, 2)}

## Memory

Lowest of each minute, in MB:

${table(['minute', 'RSS', 'heap used'], minutes)}

Growth over the last ${percent(1 - WARM_UP)} of the run: RSS ${growth(memory.rss)}, heap ${growth(memory.heap)}; ${percent(MOST_GROWTH)} of either fails the soak. It is
the median slope between any two samples (Theil and Sen), times the length. A sample is the lowest of ${FLOOR_SECONDS} seconds, because a garbage
collected heap is a saw-tooth and a leak raises its floor.
`;
}

function byText(a: readonly string[], b: readonly string[]): number {
  return `${a}`.localeCompare(`${b}`);
}

function settled(samples: readonly Sample[]): Sample[] {
  const end = samples.at(-1)?.at ?? 0;
  return floors(
    samples.filter(({ at }) => at >= WARM_UP * end),
    FLOOR_SECONDS,
  );
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, times) => sum + times, 0);
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(0)} %`;
}
