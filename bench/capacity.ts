/** How many cores, shards and bytes so many users take, by the figures of the last runs. Pure arithmetic; the page is capacity-page.ts. */
import { type Bytes, STAGES } from './bytes-report.ts';
import type { CallsFigures } from './calls-report.ts';
import { middle } from './cost-rows.ts';

/** How busy a core or a shard is planned to be: the rest is for peaks, and for what a neighbour that failed did. */
export const BUSY = 0.5;
/** Calls for one verification: one user in five mistypes once. */
export const VERIFICATION = {
  'gRPC, webhook: SendCode': 1,
  'gRPC, console: CheckCode, wrong': 0.2,
  'gRPC, webhook: CheckCode': 1,
};

export interface Demand {
  readonly users: number;
  readonly sendsPerSecond: number;
  /** Users who verify on one day; the others did within 30. */
  readonly dailyShare: number;
  /** Seconds that a vendor takes for an answer. */
  readonly vendorSeconds: number;
  /** Messages that a process has under way at a vendor, by default. */
  readonly underWay: number;
  /** Of which a shard's memory is planned to be full: what a snapshot or a new replica takes comes on top. */
  readonly shardBytes: number;
}

export const DEMAND: Demand = {
  users: 100e6,
  sendsPerSecond: 10_000,
  dailyShare: 0.2,
  vendorSeconds: 0.5,
  underWay: 200,
  shardBytes: 12e9,
};

/** Microseconds of processor. */
export interface Price {
  readonly server: number;
  readonly redis: number;
}

export function priceOf({ costs }: CallsFigures, key: string): Price {
  const its = costs[key] ?? [];
  return { server: middle(its, (cost) => cost.serverMicros), redis: middle(its, (cost) => cost.redisMicros) };
}

export function verificationPrice(calls: CallsFigures): Price {
  const parts = Object.entries(VERIFICATION).map(([key, times]) => ({ times, price: priceOf(calls, key) }));
  const sum = (of: (price: Price) => number) => parts.reduce((all, { times, price }) => all + times * of(price), 0);
  return { server: sum(({ server }) => server), redis: sum(({ redis }) => redis) };
}

/** Calls a second that one core, or one shard, carries. */
export function carried(micros: number): number {
  return (BUSY * 1e6) / micros;
}

/** How long a phone counts as one that was just sent a code: for so long its request ids are kept. */
const LIVE_SECONDS = 600;

export interface Need {
  readonly cores: number;
  readonly replicasForProcessor: number;
  readonly replicasForVendor: number;
  readonly replicas: number;
  readonly shardsForProcessor: number;
  readonly shardsForMemory: number;
  readonly shards: number;
  /** How many there are at the same time. */
  readonly phones: Readonly<Record<keyof typeof STAGES, number>>;
  readonly bytes: number;
  /** To each shard from each replica. */
  readonly connections: number;
}

/** A replica is one process, which has one core. */
export function needOf(demand: Demand, price: Price, each: Bytes): Need {
  const { users, sendsPerSecond, dailyShare, vendorSeconds, underWay, shardBytes } = demand;
  const cores = (sendsPerSecond * price.server) / 1e6;
  const replicasForProcessor = Math.ceil(cores / BUSY);
  const replicasForVendor = Math.ceil((sendsPerSecond * vendorSeconds) / (BUSY * underWay));
  const phones = {
    live: sendsPerSecond * LIVE_SECONDS,
    today: users * dailyShare,
    later: users * (1 - dailyShare),
  };
  const bytesOf = (stage: keyof typeof STAGES) => phones[stage] * (each[STAGES[stage]] ?? Number.NaN);
  const bytes = bytesOf('live') + bytesOf('today') + bytesOf('later');
  const shardsForProcessor = Math.ceil((sendsPerSecond * price.redis) / 1e6 / BUSY);
  const shardsForMemory = Math.ceil(bytes / shardBytes);
  const replicas = Math.max(replicasForProcessor, replicasForVendor);
  const shards = Math.max(shardsForProcessor, shardsForMemory);
  const all = { cores, replicasForProcessor, replicasForVendor, shardsForProcessor, shardsForMemory };
  return { ...all, phones, bytes, replicas, shards, connections: replicas * shards };
}
