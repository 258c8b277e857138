/** What phones take up in Redis, by what happened to them. */
import type { Run } from './figures.ts';
import { machineLine, table } from './page.ts';

/** Bytes of Redis a phone (`used_memory` / phones), by stage. */
export interface BytesFigures extends Run {
  readonly phones: number;
  readonly now: Bytes;
  /** Of another checkout, in the same run. */
  readonly before?: Bytes | undefined;
}

export type Bytes = Readonly<Record<string, number>>;

/** The stages that docs/capacity.md counts with. */
export const STAGES = {
  live: 'sent, with a request id',
  today: 'approved, with request ids, after 10 minutes',
  later: 'approved, after a day',
} as const;

export function bytesPart({ machine, phones, now, before }: BytesFigures): string {
  const rows = Object.entries(now).map(([stage, bytes]) => [
    stage,
    ...(before === undefined ? [] : [before[stage]?.toFixed(0) ?? '-']),
    bytes.toFixed(0),
  ]);
  return `## What a phone takes up

By \`npm run bench:bytes\`. ${machineLine(machine)}.

${table(['bytes a phone', ...(before === undefined ? [] : ['before']), 'now'], rows)}

\`used_memory\` of Redis by ${phones.toLocaleString('en')} phones, with the prefix \`cs\`.
`;
}
