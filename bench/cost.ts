/**
 * What calls cost: processor time of the server and of its Redis, as the kernel accounts for it. Where driver, servers and Redis share
 * the cores of one machine, this says what a call costs, whoever waits for whom. Linux only.
 */
import { readFile } from 'node:fs/promises';
import type { Redis } from 'ioredis';
import { type Load, load, loadAtRate } from './load.ts';

export interface Cost extends Load {
  /** Processor time of the server, microseconds a call. */
  readonly serverMicros: number;
  /** The same of its Redis, or of all nodes; 0 where there is none. */
  readonly redisMicros: number;
}

/** Whose processor time is read. */
export interface Payers {
  readonly pids: readonly number[];
  readonly stores: readonly Redis[];
}

export interface Calls {
  readonly requests: readonly Buffer[];
  readonly concurrency: number;
  /** At this rate instead, however many are under way. */
  readonly perSecond?: number | undefined;
  call(request: Buffer): Promise<Buffer>;
  /** Resolves when what the calls left to be done in the background is done: it is part of the cost. */
  settled?(): Promise<unknown>;
}

export async function costOf({ pids, stores }: Payers, { requests, concurrency, perSecond, call, settled }: Calls) {
  const spent = async () => [await total(pids.map(processSeconds)), await total(stores.map(redisSeconds))] as const;
  const [serverBefore, redisBefore] = await spent();
  const { load: made, answers } =
    perSecond === undefined ? await load(requests, concurrency, call) : await loadAtRate(requests, perSecond, call);
  await settled?.();
  const [server, store] = await spent();
  const micros = (seconds: number) => (seconds * 1e6) / made.calls;
  const cost: Cost = { ...made, serverMicros: micros(server - serverBefore), redisMicros: micros(store - redisBefore) };
  return { cost, answers };
}

async function total(seconds: readonly Promise<number>[]): Promise<number> {
  return (await Promise.all(seconds)).reduce((sum, each) => sum + each, 0);
}

/** User and system time of all threads; proc(5) counts in hundredths of a second. */
async function processSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // Fields 14 and 15; the second is a name in parentheses.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function redisSeconds(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const read = (name: string) => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
  return read('used_cpu_user') + read('used_cpu_sys');
}
