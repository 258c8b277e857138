/** What `npm run bench:profile` found. */
import type { Run } from './figures.ts';
import { machineLine, table } from './page.ts';

export interface ProfileFigures extends Run {
  readonly calls: number;
  /** By call, then by part of the path. */
  readonly shares: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const LEAST = 0.005;

export function profilePart({ machine, calls, shares }: ProfileFigures): string {
  const subjects = Object.values(shares);
  const most = (part: string) => Math.max(...subjects.map((its) => its[part] ?? 0));
  const parts = [...new Set(subjects.flatMap((its) => Object.keys(its)))].filter((part) => most(part) >= LEAST);
  const rows = parts
    .toSorted((a, b) => (subjects[0]?.[b] ?? 0) - (subjects[0]?.[a] ?? 0) || a.localeCompare(b))
    .map((part) => [part, ...subjects.map((its) => `${((its[part] ?? 0) * 100).toFixed(1)} %`)]);
  return `## Where the processor's time goes

By \`npm run bench:profile\`. ${machineLine(machine)}.

${table(['share of the server', ...Object.keys(shares)], rows)}

Samples of V8's profiler every half millisecond during ${calls} calls of each kind over gRPC, after as many before them. What Node or V8 does
on behalf of a file counts as that file's, but for hashing.
`;
}
