/** The arithmetic of docs/capacity.md, by hand. */
import { describe, expect, it } from 'vitest';
import { carried, type Demand, needOf, priceOf, verificationPrice } from '../../bench/capacity.ts';
import { BYTES, CALLS } from './figures.ts';

const DEMAND: Demand = {
  users: 100e6,
  sendsPerSecond: 10_000,
  dailyShare: 0.2,
  vendorSeconds: 0.5,
  underWay: 200,
  shardBytes: 12e9,
};
const PRICE = { server: 800, redis: 160 };

describe('what is needed', () => {
  const need = needOf(DEMAND, PRICE, BYTES);

  it('10,000 a second at 800 µs are 8 cores, and 16 that are half busy', () => {
    expect(need).toMatchObject({ cores: 8, replicasForProcessor: 16 });
  });

  it('5,000 messages that wait take 50 processes, each with half of 200', () => {
    expect(need).toMatchObject({ replicasForVendor: 50, replicas: 50 });
  });

  it('6 million live phones, 20 million of today and 80 million of before are 42 GB: 4 shards of 12 GB', () => {
    expect(need.bytes).toBe(6e9 + 16e9 + 20e9);
    expect(need).toMatchObject({ shardsForMemory: 4, shardsForProcessor: 4, shards: 4, connections: 200 });
  });

  it.each<[more: string, change: Partial<Demand>, is: object]>([
    [
      'sends take more of the processor, not of the memory of those who were approved',
      { sendsPerSecond: 20_000 },
      { replicasForProcessor: 32, shardsForProcessor: 7, shardsForMemory: 4 },
    ],
    [
      'users take memory only',
      { users: 200e6 },
      { replicasForProcessor: 16, shardsForProcessor: 4, shardsForMemory: 7, shards: 7 },
    ],
    ['a quicker vendor leaves it to the processor', { vendorSeconds: 0.1 }, { replicasForVendor: 10, replicas: 16 }],
  ])('more %s', (_, change, is) => {
    expect(needOf({ ...DEMAND, ...change }, PRICE, BYTES)).toMatchObject(is);
  });
});

it('a verification is a send, a right code that is told, and a wrong one of each fifth user', () => {
  expect(verificationPrice(CALLS)).toEqual({ server: 600 + 200 + 0.2 * 200, redis: 100 + 50 + 0.2 * 50 });
  expect(priceOf(CALLS, 'gRPC, console: RateStatus')).toEqual({ server: 300, redis: 50 });
});

it('a call of 500 µs comes 1,000 times a second to a core that is half busy', () => {
  expect(carried(500)).toBe(1_000);
});
