/** What `npm run bench:scripts` found. */
import type { Run } from './figures.ts';
import { machineLine, table } from './page.ts';

/** Microseconds per EVALSHA, by what is done. */
export interface ScriptsFigures extends Run {
  readonly now: Readonly<Record<string, number>>;
  /** Of another checkout, in the same run. */
  readonly before?: Readonly<Record<string, number>> | undefined;
}

export function scriptsPart({ machine, now, before }: ScriptsFigures): string {
  const compared = before !== undefined;
  const rows = Object.entries(now).map(([name, micros]) => {
    const old = before?.[name] ?? Number.NaN;
    return [
      name,
      ...(compared ? [old.toFixed(1)] : []),
      micros.toFixed(1),
      ...(compared ? [(micros / old).toFixed(2)] : []),
    ];
  });
  return `## What a script costs Redis

By \`npm run bench:scripts\`. ${machineLine(machine)}.

${table(['µs per EVALSHA', ...(compared ? ['before'] : []), 'now', ...(compared ? ['ratio'] : [])], rows)}

Inside Redis, as \`INFO commandstats\` counts it: medians of turns that the two take one after the other.
`;
}
