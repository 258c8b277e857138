/**
 * What a phone takes of Redis: used memory by phones, in each stage of a verification.
 * `node bench/bytes.ts [--phones 1000000] [--against <checkout>]` fills a Redis of its own through the store, as the service
 * does; time passes by deleting what would have expired. A million phones take minutes.
 */
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import type { Store } from '../src/store/store.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { bytesPart, STAGES } from './bytes-report.ts';
import { inBatches, newPhone } from './commands.ts';
import { keepFigures } from './figures.ts';
import { thisMachine } from './page.ts';
import { writePages } from './pages.ts';
import { checkouts, openStoreOf } from './stores.ts';

const AT_ONCE = 200;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** Deletes the keys that would be gone after so many milliseconds. */
const AGE = `
for _, key in ipairs(KEYS) do
  if redis.call('PTTL', key) <= tonumber(ARGV[1]) then redis.call('DEL', key) end
end`;

async function pass(redis: Redis, ms: number): Promise<void> {
  for await (const keys of redis.scanStream({ count: 1_000 }) as AsyncIterable<string[]>) {
    if (keys.length > 0) await redis.eval(AGE, keys.length, ...keys, ms);
  }
}

async function usedBytes(redis: Redis): Promise<number> {
  const read = async () => Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
  // Redis moves its tables bit by bit, and frees the old ones then.
  for (let last = await read(); ; ) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const now = await read();
    if (Math.abs(now - last) < 1_000) return now;
    last = now;
  }
}

async function stages(redis: Redis, store: Store, phones: number): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  await redis.flushall();
  const empty = await usedBytes(redis);
  const measure = async (stage: string) => {
    found[stage] = ((await usedBytes(redis)) - empty) / phones;
  };
  async function fill(count: number, requestIds: boolean, check: boolean): Promise<void> {
    await inBatches(count, AT_ONCE, async () => {
      const phone = newPhone({ requestIds });
      await store.send(phone.send());
      await store.settle(phone.settle('accepted'));
      if (check) await store.check(phone.check('right'));
    });
  }
  await fill(phones, false, false);
  await measure('sent, without a request id');
  await redis.flushall();
  await fill(phones, true, false);
  await measure(STAGES.live);
  await redis.flushall();
  // Phones come over a day: few at a time have what lives for minutes.
  for (let tenth = 0; tenth < 10; tenth++) {
    await fill(phones / 10, true, true);
    await pass(redis, 11 * MINUTE);
  }
  await measure(STAGES.today);
  await pass(redis, 25 * HOUR);
  await measure(STAGES.later);
  return found;
}

const options = { phones: { type: 'string' }, against: { type: 'string' } } as const;
const { phones = '100000', against } = parseArgs({ options }).values;
const server = await startRedis();
try {
  const redis = server.connect();
  const measured: Record<string, number>[] = [];
  for (const root of checkouts(against)) {
    const store = await openStoreOf(root, server.url, 'cs');
    measured.push(await stages(redis, store, Number(phones)));
    await store.close();
  }
  const [now = {}, before] = measured.toReversed();
  const figures = { machine: await thisMachine(redis), phones: Number(phones), now, before };
  process.stdout.write(bytesPart(figures));
  await keepFigures('bytes', figures);
  await writePages();
} finally {
  await server.stop();
}
