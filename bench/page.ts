/** What the pages about measurements share. */
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
