/** What phones take up in Redis, by what happened to them. */
import type { Run } from './figures.ts';
import { machineLine, table } from './page.ts';

export const STAGES = {
  liveWithRequestIds: 'sent a code, with request ids',
  live: 'sent a code',
  approvedFirstDay: 'approved, for a day',
  approvedLater: 'approved, then until the 30th day',
} as const;

export type Stage = keyof typeof STAGES;

/** Bytes of Redis a phone (`used_memory` / phones). */
export interface BytesFigures extends Run {
  readonly phones: number;
  readonly bytes: Readonly<Record<Stage, number>>;
}

export function bytesPart({ machine, phones, bytes }: BytesFigures): string {
  const rows = Object.entries(STAGES).map(([stage, words]) => [words, bytes[stage as Stage].toFixed(0)]);
  return `## What a phone takes up

By \`npm run bench:bytes\`. ${machineLine(machine)}.

${table(['', 'bytes a phone'], rows)}

\`used_memory\` of Redis through ${phones.toLocaleString('en')} phones, by their number.
`;
}
