/**
 * Latency at half of what a server can do: it has a core to itself, driver and Redis have the other one. What it can do is measured
 * just before, in the same way. Linux only.
 */
import { execFileSync } from 'node:child_process';
import type { Redis } from 'ioredis';
import type { Cost } from './cost.ts';
import type { SentCode } from './guesses.ts';
import type { Service } from './service.ts';
import { type Pace, type Phones, type ServiceCalls, serviceCalls } from './service-calls.ts';
import type { Plan } from './stand.ts';

export const HALF_LOAD_STEPS = ['SendCode', 'CheckCode'] as const;
export type HalfLoadStep = (typeof HALF_LOAD_STEPS)[number];

/** What a round found of one kind of call: in a closed loop, then at half of its rate. */
export interface HalfLoad {
  readonly full: Cost;
  readonly half: Cost;
}

export type HalfLoads = Readonly<Record<HalfLoadStep, readonly HalfLoad[]>>;

const [SERVER_CORE, OTHER_CORE] = ['0', '1'];

export async function measureHalfLoad(service: Service, plan: Plan): Promise<HalfLoads> {
  const calls = serviceCalls(service);
  const redis = service.stores[0] as Redis;
  const redisPid = Number(/^process_id:(\d+)/m.exec(await redis.info('server'))?.[1]);
  for (const { process } of service.servers) pin(process.pid, SERVER_CORE);
  pin(redisPid, OTHER_CORE);
  pin(process.pid, OTHER_CORE);
  try {
    const found: Record<HalfLoadStep, HalfLoad[]> = { SendCode: [], CheckCode: [] };
    for (let round = 0; round <= plan.rounds; round++) {
      await redis.flushall();
      const made = await roundOf(calls, plan);
      for (const step of HALF_LOAD_STEPS) if (round > 0) found[step].push(made[step]);
    }
    return found;
  } finally {
    pin(process.pid, `${SERVER_CORE},${OTHER_CORE}`);
  }
}

async function roundOf(calls: ServiceCalls, plan: Plan): Promise<Record<HalfLoadStep, HalfLoad>> {
  const { calls: count } = plan;
  const [first, second]: [Phones, Phones] = [
    { first: 0, count },
    { first: count, count },
  ];
  const fast = await calls.send(first, plan);
  const slow = await calls.send(second, halfOf(plan, fast.cost));
  const check = (sent: readonly SentCode[], pace: Pace) => calls.check(sent, true, pace);
  const full = await check(fast.sent, plan);
  return {
    SendCode: { full: fast.cost, half: slow.cost },
    CheckCode: { full, half: await check(slow.sent, halfOf(plan, full)) },
  };
}

function halfOf(pace: Pace, { calls, seconds }: Cost): Pace {
  return { ...pace, perSecond: calls / seconds / 2 };
}

/** All threads of a process. */
function pin(pid: number, cores: string): void {
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', cores, `${pid}`], { stdio: 'ignore' });
}
