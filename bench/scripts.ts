/**
 * What each script costs Redis: microseconds per EVALSHA, as `INFO commandstats` counts them.
 * `node bench/scripts.ts [--against <checkout>] [--only <part of a name>]` measures the scripts of another checkout in the same run, turn by turn,
 * so that the ratio of the two is of the same minutes.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import type { createRedisStore } from '../src/store/redis.ts';
import type { Store } from '../src/store/store.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { eventually } from '../test/support/wait.ts';
import { type BenchPhone, newPhone } from './commands.ts';
import { median } from './statistics.ts';

const CALLS = 500;
const AT_ONCE = 50;
const ROUNDS = 7;

interface Case {
  readonly requestIds: boolean;
  /** Not measured. */
  readonly before: readonly Step[];
  readonly measured: Step;
}

type Step = (store: Store, phone: BenchPhone) => Promise<unknown>;

const send: Step = (store, phone) => store.send(phone.send());
const resend: Step = (store, phone) => store.send(phone.send({ cooldownMs: 0 }));
const accepted: Step = (store, phone) => store.settle(phone.settle('accepted'));
const refund: Step = (store, phone) => store.settle(phone.settle('refund'));
const right: Step = (store, phone) => store.check(phone.check('right'));
const wrong: Step = (store, phone) => store.check(phone.check('wrong'));
const status: Step = (store, phone) => store.status(phone.status());

const [without, withIds] = [{ requestIds: false }, { requestIds: true }];
const CASES: Readonly<Record<string, Case>> = {
  'send, fresh': { ...without, before: [], measured: send },
  'send, fresh, request id': { ...withIds, before: [], measured: send },
  'send, replayed': { ...withIds, before: [send, accepted], measured: send },
  'send, the same code again': { ...without, before: [send, accepted], measured: resend },
  'settle, accepted': { ...without, before: [send], measured: accepted },
  'settle, accepted, request id': { ...withIds, before: [send], measured: accepted },
  'settle, refund': { ...withIds, before: [send], measured: refund },
  'check, right': { ...without, before: [send, accepted], measured: right },
  'check, right, request id': { ...withIds, before: [send, accepted], measured: right },
  'check, wrong': { ...without, before: [send, accepted], measured: wrong },
  status: { ...without, before: [send, accepted], measured: status },
};

async function openStore(root: string, url: string, keyPrefix: string): Promise<Store> {
  const module: { createRedisStore: typeof createRedisStore } = await import(join(root, 'src/store/redis.ts'));
  const connection = { urls: [url], cluster: false, commandTimeoutMs: 10_000 };
  const store = module.createRedisStore({
    ...connection,
    keyPrefix,
    emit: () => undefined,
    clock: () => performance.now(),
  });
  await eventually('the store is ready', () => store.ready().then(() => true));
  return store;
}

async function each(phones: readonly BenchPhone[], step: (phone: BenchPhone) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < phones.length; from += AT_ONCE) {
    await Promise.all(phones.slice(from, from + AT_ONCE).map(step));
  }
}

async function turn(redis: Redis, store: Store, { requestIds, before, measured }: Case): Promise<number> {
  await redis.flushall();
  const phones = Array.from({ length: CALLS }, () => newPhone({ requestIds }));
  for (const step of before) await each(phones, (phone) => step(store, phone));
  await redis.config('RESETSTAT');
  await each(phones, (phone) => measured(store, phone));
  const info = await redis.info('commandstats');
  const [, calls, micros] = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(info) ?? [];
  return Number(micros) / Number(calls);
}

const { against, only = '' } = parseArgs({ options: { against: { type: 'string' }, only: { type: 'string' } } }).values;
const roots = [...(against === undefined ? [] : [resolve(against)]), resolve(import.meta.dirname, '..')];
const server = await startRedis();
try {
  const redis = server.connect();
  const stores = await Promise.all(roots.map((root, index) => openStore(root, server.url, `bench${index}`)));
  const print = (cells: readonly (string | number)[]) => process.stdout.write(`| ${cells.join(' | ')} |\n`);
  print([
    'µs per EVALSHA',
    ...(against === undefined ? [] : ['before']),
    'now',
    ...(against === undefined ? [] : ['ratio']),
  ]);
  for (const [name, one] of Object.entries(CASES)) {
    if (!name.includes(only)) continue;
    const turns = stores.map((): number[] => []);
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [index, store] of stores.entries()) {
        const micros = await turn(redis, store, one);
        // The first turn loads the scripts.
        if (round > 0) turns[index]?.push(micros);
      }
    }
    const medians = turns.map(median);
    const [first = Number.NaN, last] = medians;
    const ratio = last === undefined ? [] : [(last / first).toFixed(2)];
    print([name, ...medians.map((micros) => micros.toFixed(1)), ...ratio]);
  }
  await Promise.all(stores.map((store) => store.close()));
} finally {
  await server.stop();
}
