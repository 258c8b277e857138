/** The store by itself: `check.lua` through ioredis, in the process that makes the calls. */
import type { Redis } from 'ioredis';
import { createRedisStore } from '../src/store/redis.ts';
import type { CheckCommand, SendCommand } from '../src/store/store.ts';
import { eventually } from '../test/support/wait.ts';
import { redisSeconds } from './cost.ts';
import { type Load, load } from './load.ts';

export interface StoreTurn extends Load {
  /** Processor time of Redis. */
  readonly redisCpuMicrosPerCall: number;
}

export interface StorePlan {
  readonly rounds: number;
  /** Per round; every one compares and consumes. */
  readonly calls: number;
  readonly concurrency: number;
}

const RULES: SendCommand['rules'] = {
  lifeMs: 600_000,
  digits: 6,
  guesses: 5,
  resend: 'same',
  cooldownMs: 60_000,
  windows: [
    { name: 'phone_hour', limit: 5, windowMs: 3_600_000 },
    { name: 'phone_day', limit: 10, windowMs: 86_400_000 },
  ],
  test: false,
};

export async function measureStore(redis: Redis, redisUrl: string, plan: StorePlan): Promise<StoreTurn[]> {
  const { rounds, calls, concurrency } = plan;
  const store = createRedisStore({
    urls: [redisUrl],
    cluster: false,
    keyPrefix: 'bench',
    commandTimeoutMs: 5_000,
    emit: () => undefined,
    clock: () => performance.now(),
  });
  const turns: StoreTurn[] = [];
  try {
    await eventually('the store is ready', () => store.ready().then(() => true));
    for (let round = 0; round <= rounds; round++) {
      await redis.flushall();
      const sends = Array.from({ length: calls }, (_, index) => sendOf(index));
      await load(sends, concurrency, store.send);
      const before = await redisSeconds(redis);
      const { load: made, answers } = await load(sends.map(checkOf), concurrency, store.check);
      const used = (await redisSeconds(redis)) - before;
      if (answers.some(({ kind }) => kind !== 'approved')) throw new Error('a right code was not approved');
      if (round > 0) turns.push({ ...made, redisCpuMicrosPerCall: (used * 1e6) / calls });
    }
  } finally {
    await store.close();
  }
  return turns;
}

/** Keys, nonces and MACs have the lengths of real ones. */
function sendOf(index: number): SendCommand {
  const unique = index.toString(36).padStart(22, '0');
  return {
    slot: { phoneKey: `00.${unique}`, caller: 'bench', purpose: 'login' },
    rules: RULES,
    sendId: unique.slice(-16),
    candidate: { nonce: unique, seed: unique, codeMac: unique },
    session: '',
    content: '',
    request: null,
  };
}

function checkOf({ slot, candidate: { nonce, codeMac } }: SendCommand): CheckCommand {
  return { slot, nonce, session: '', content: '', codeMac, request: null, approvedTag: '', guessesByPhone: 3 };
}
