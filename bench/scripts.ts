/**
 * What each script costs Redis: microseconds per EVALSHA, as `INFO commandstats` counts them.
 * `node bench/scripts.ts [--against <checkout>] [--only <part of a name>]` measures the scripts of another checkout in the same run, turn by turn,
 * so that the ratio of the two is of the same minutes.
 */
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import type { Store } from '../src/store/store.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { type BenchPhone, inBatches, newPhone } from './commands.ts';
import { keepFigures } from './figures.ts';
import { thisMachine } from './page.ts';
import { writePages } from './pages.ts';
import { scriptsPart } from './scripts-report.ts';
import { median } from './statistics.ts';
import { checkouts, openStoreOf } from './stores.ts';

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

async function turn(redis: Redis, store: Store, { requestIds, before, measured }: Case): Promise<number> {
  await redis.flushall();
  const phones = Array.from({ length: CALLS }, () => newPhone({ requestIds }));
  for (const step of before) await inBatches(CALLS, AT_ONCE, (i) => step(store, phones[i] as BenchPhone));
  await redis.config('RESETSTAT');
  await inBatches(CALLS, AT_ONCE, (i) => measured(store, phones[i] as BenchPhone));
  const info = await redis.info('commandstats');
  const [, calls, micros] = /cmdstat_evalsha:calls=(\d+),usec=(\d+)/.exec(info) ?? [];
  return Number(micros) / Number(calls);
}

const { against, only = '' } = parseArgs({ options: { against: { type: 'string' }, only: { type: 'string' } } }).values;
const roots = checkouts(against);
const server = await startRedis();
try {
  const redis = server.connect();
  const stores = await Promise.all(roots.map((root, index) => openStoreOf(root, server.url, `bench${index}`)));
  const found = roots.map((): Record<string, number> => ({}));
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
    for (const [index, its] of turns.entries()) Object.assign(found[index] ?? {}, { [name]: median(its) });
  }
  const [now = {}, before] = found.toReversed();
  const figures = { machine: await thisMachine(redis), now, before };
  process.stdout.write(scriptsPart(figures));
  // The page has all of them.
  if (only === '') await keepFigures('scripts', figures);
  await writePages();
  await Promise.all(stores.map((store) => store.close()));
} finally {
  await server.stop();
}
