/** What the pages about measurements share. */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import type { Redis } from 'ioredis';

export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly redis: string;
  readonly cores: number;
  readonly processor: string;
}

export async function thisMachine(redis: Redis): Promise<Machine> {
  const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1];
  return {
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    redis: version ?? 'of unknown version',
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
  };
}

export function machineLine({ date, node, redis, cores, processor }: Machine): string {
  return `${date}, Node ${node}, Redis ${redis} without persistence, ${cores} cores (${processor}), everything on loopback`;
}

/** Columns after the first `texts` ones hold numbers. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], texts = 1): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column < texts ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

const PARTS = ['rpc', 'providers'] as const;
/** Between the parts of docs/benchmarks.md. */
const SEAM = '\n<!-- npm run bench:providers writes what follows -->\n\n';

/** docs/benchmarks.md has two parts, each written by a command of its own; the other one stays as it is. */
export async function writePart(path: string, part: (typeof PARTS)[number], text: string): Promise<void> {
  const page = existsSync(path) ? await readFile(path, 'utf8') : '';
  const texts = page.split(SEAM);
  texts[PARTS.indexOf(part)] = text;
  await writeFile(path, PARTS.map((_, index) => texts[index] ?? '').join(SEAM));
}
