/** What the benchmarks call is the real thing, and they verify the answers. Small: how fast it is does not matter here. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyServer, emptyStand } from '../../bench/empty-stand.ts';
import { type Gateway, startGateway } from '../../bench/gateway.ts';
import { load, loadAtRate } from '../../bench/load.ts';
import type { Stoppable } from '../../bench/opened.ts';
import { populate } from '../../bench/population.ts';
import { CONSOLE, type Service, startService, webhookTo } from '../../bench/service.ts';
import { serviceCalls } from '../../bench/service-calls.ts';
import { serviceStand } from '../../bench/service-stand.ts';
import { inTurns } from '../../bench/stand.ts';

const PLAN = { rounds: 2, calls: 20, concurrency: 4, connections: 1 };
const opened: Stoppable[] = [];
let gateway: Gateway;
let console: Service;

function open<T extends Stoppable>(it: T): T {
  opened.push(it);
  return it;
}

beforeAll(async () => {
  gateway = open(await startGateway());
  console = open(await startService(CONSOLE));
});
afterAll(() => Promise.all(opened.map((it) => it.stop())));

it('each step of each stand has a cost for each round', async () => {
  const steps = ['SendCode', 'RateStatus', 'CheckCode, wrong', 'CheckCode'] as const;
  const webhook = open(await startService(webhookTo(gateway.url)));
  const stands = [
    emptyStand('empty', open(await emptyServer('http2'))),
    serviceStand({ name: 'console', service: console, edge: 'JSON', steps }),
    serviceStand({
      name: 'webhook',
      service: webhook,
      steps: ['SendCode', 'CheckCode'],
      requestIds: true,
      inbox: gateway,
    }),
  ];
  const costs = await inTurns(stands, PLAN);
  expect(Object.keys(costs)).toEqual([
    'empty: empty handler',
    ...steps.map((step) => `console: ${step}`),
    'webhook: SendCode',
    'webhook: CheckCode',
  ]);
  for (const [key, rounds] of Object.entries(costs)) {
    expect(rounds).toHaveLength(PLAN.rounds);
    for (const { calls, redisMicros } of rounds) {
      expect(calls).toBe(PLAN.calls);
      expect(redisMicros > 0).toBe(!key.startsWith('empty'));
    }
  }
});

describe('a population', () => {
  const redis = () => console.stores[0] as Redis;

  it('knows so many phones, and the real ones among them can be asked about', async () => {
    const phones = 3_000;
    const { stand, bytesPerPhone } = await populate(console, phones, PLAN);
    const tags = (await redis().keys('*')).map((key) => /\{(.*)\}/.exec(key)?.[1]);
    // And the one that was copied.
    expect(new Set(tags).size).toBe(phones + 1);
    expect(bytesPerPhone).toBeGreaterThan(200);
    expect(await inTurns([stand], PLAN)).toMatchObject({ '3000: CheckCode': [{ calls: 20 }, { calls: 20 }] });
  });

  it('of few phones is sent to anew', async () => {
    const { stand } = await populate(console, 10, PLAN);
    expect(await inTurns([stand], PLAN)).toMatchObject({ '10: CheckCode, wrong': [{ calls: 10 }, { calls: 10 }] });
  });
});

it('an answer that is not the right one ends the run', async () => {
  const calls = serviceCalls(console);
  const { sent } = await calls.send({ first: 1_000, count: 2 }, PLAN);
  await calls.check(sent, true, PLAN);
  await expect(calls.check(sent, true, PLAN)).rejects.toThrow('a guess was answered with result');
});

describe('calls at a rate', () => {
  /** Answers when the last one has come. */
  function together(count: number) {
    const all = Promise.withResolvers<string>();
    let made = 0;
    return () => {
      made += 1;
      if (made === count) all.resolve('answered');
      return all.promise;
    };
  }

  it('come whether or not earlier ones have been answered', async () => {
    const { load: made, answers } = await loadAtRate([1, 2, 3, 4, 5], 1_000, together(5));
    expect(answers).toEqual(new Array(5).fill('answered'));
    expect(made.calls).toBe(5);
  });

  it('in a closed loop there are never more under way than that', async () => {
    let [underWay, most] = [0, 0];
    await load([1, 2, 3, 4, 5], 2, async () => {
      underWay += 1;
      most = Math.max(most, underWay);
      await Promise.resolve();
      underWay -= 1;
    });
    expect(most).toBe(2);
  });
});
