/** A Redis that knows millions of phones: each has been sent a code. All but some are copies, made inside Redis, of what a real send left. */
import type { Redis } from 'ioredis';
import type { SentCode } from './guesses.ts';
import type { Service } from './service.ts';
import { type ServiceCalls, serviceCalls } from './service-calls.ts';
import { serviceStand } from './service-stand.ts';
import { type Plan, type Stand, WARM_UP } from './stand.ts';

/** Copies the keys of one phone under names of as many others. KEYS: its keys. ARGV: its hash tag, first and last of the others. */
const COPY = `
for n = ARGV[2], ARGV[3] do
  local tag = string.sub(ARGV[1], 1, -9) .. string.format('%08d', n)
  for _, key in ipairs(KEYS) do
    local from = string.find(key, ARGV[1], 1, true)
    redis.call('COPY', key, string.sub(key, 1, from - 1) .. tag .. string.sub(key, from + #ARGV[1]))
  end
end`;
/** In one script; it must not hold up the service. */
const AT_ONCE = 1_000;
/** The real phones come in as many parts, so that they lie scattered among the others. */
const PARTS = 400;

/** What is asked about each of the real phones, which are in one turn only. */
export const POPULATION_STEPS = ['CheckCode, wrong', 'CheckCode'] as const;

export interface Population {
  readonly phones: number;
  /** Null where they are too few to be told from the rest. */
  readonly bytesPerPhone: number | null;
  readonly stand: Stand;
}

/** A population of `phones`, enough of them real for what `inTurns` makes of `plan`. Few phones are sent to anew for each turn. */
export async function populate(service: Service, phones: number, plan: Plan): Promise<Population> {
  const redis = service.stores[0] as Redis;
  const calls = serviceCalls(service);
  const name = `${phones}`;
  const real = (plan.rounds + WARM_UP) * plan.calls;
  if (phones < real) {
    const few = serviceStand({ name, service, steps: POPULATION_STEPS });
    const turn: Stand['turn'] = (its) => few.turn({ ...its, calls: Math.min(its.calls, phones) });
    return { phones, bytesPerPhone: null, stand: { name, turn } };
  }
  const empty = await usedBytes(redis);
  const sent: SentCode[] = [];
  const model = await modelOf(redis, calls, plan);
  for (let part = 0; part < PARTS; part++) {
    const until = (count: number) => Math.floor(((part + 1) * count) / PARTS);
    const first = sent.length;
    // Phone 0 is the model.
    sent.push(...(await calls.send({ first: first + 1, count: until(real) - first }, plan)).sent);
    await copy(redis, model, { from: Math.floor((part * (phones - real)) / PARTS), to: until(phones - real) });
  }
  const bytesPerPhone = ((await usedBytes(redis)) - empty) / phones;
  return { phones, bytesPerPhone, stand: standOf(name, calls, shuffled(sent)) };
}

interface Model {
  readonly tag: string;
  readonly keys: readonly string[];
}

/** What one send leaves of a phone in an empty Redis. */
async function modelOf(redis: Redis, calls: ServiceCalls, plan: Plan): Promise<Model> {
  await redis.flushall();
  await calls.send({ first: 0, count: 1 }, plan);
  const keys = await redis.keys('*');
  const byTag = Map.groupBy(keys, (key) => /\{(.*)\}/.exec(key)?.[1] ?? '');
  const [tag, its] = [...byTag].toSorted(([, a], [, b]) => b.length - a.length)[0] ?? ['', []];
  return { tag, keys: its };
}

async function copy(redis: Redis, { tag, keys }: Model, { from, to }: { from: number; to: number }): Promise<void> {
  for (let first = from; first < to; first += AT_ONCE) {
    await redis.eval(COPY, keys.length, ...keys, tag, first, Math.min(first + AT_ONCE, to) - 1);
  }
}

function standOf(name: string, calls: ServiceCalls, sent: SentCode[]): Stand {
  return {
    name,
    turn: async (plan) => {
      const those = sent.splice(0, plan.calls);
      const wrong = await calls.check(those, false, plan);
      const right = await calls.check(those, true, plan);
      return new Map(POPULATION_STEPS.map((step) => [step, step === 'CheckCode' ? right : wrong]));
    },
  };
}

/** By a fixed permutation: 7,919 is a prime that divides no count of phones here. */
function shuffled(sent: readonly SentCode[]): SentCode[] {
  return sent.map((_, index) => sent[(index * 7_919) % sent.length] as SentCode);
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1]);
}
