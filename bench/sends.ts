/** What sending leaves behind, connections and memory: the real SDKs as the service sets them up, against the vendors of vendors.ts. */
import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig } from '../src/config/load.ts';
import { type Guarded, guardProvider } from '../src/sms/guard.ts';
import type { Message } from '../src/sms/provider.ts';
import { openProviders } from '../src/sms/vendors.ts';
import { phoneNumber } from './guesses.ts';
import { load } from './load.ts';
import type { Sample } from './statistics.ts';
import { startVendors, tencentAt, twilioAt, VENDORS, type Vendor } from './vendors.ts';

export interface SendsPlan {
  /** At once, which is also how many connections there may be. */
  readonly concurrency: number;
  /** After which the connections are counted. */
  readonly sends: number;
  readonly idleSeconds: number;
  /** For the memory. */
  readonly moreSends: number;
  /** Sends between two looks at the heap. */
  readonly every: number;
}

export interface Sends {
  readonly vendor: Vendor;
  readonly perSecond: number;
  /** Connections for the first sends, all told. */
  readonly connections: number;
  /** Those that the first send after the pause made. */
  readonly afterIdle: number;
  /** What is in use after a collection; `at` is in sends. */
  readonly heap: readonly Sample[];
}

/** Needs `node --expose-gc`. */
export async function measureSends(plan: SendsPlan): Promise<Sends[]> {
  const vendors = await startVendors();
  try {
    const seen = await vendors.seen();
    const accepted = async (vendor: Vendor) => (await vendors.seen())[vendor].accepted;
    const providers = await open({ tencent: seen.tencent.url, twilio: seen.twilio.url }, plan);

    const made = new Map<Vendor, Pick<Sends, 'connections' | 'perSecond'>>();
    for (const vendor of VENDORS) {
      const { calls, seconds } = await sendMany(providers[vendor], plan.sends, plan);
      made.set(vendor, { connections: await accepted(vendor), perSecond: calls / seconds });
    }
    await pause(plan.idleSeconds * 1000);
    const afterIdle = new Map<Vendor, number>();
    for (const vendor of VENDORS) {
      const before = await accepted(vendor);
      await sendMany(providers[vendor], 1, plan);
      afterIdle.set(vendor, (await accepted(vendor)) - before);
    }
    const results: Sends[] = [];
    for (const vendor of VENDORS) {
      const heap: Sample[] = [];
      for (let at = plan.every; at <= plan.moreSends; at += plan.every) {
        await sendMany(providers[vendor], plan.every, plan);
        heap.push({ at, bytes: await heapInUse() });
      }
      const { connections = Number.NaN, perSecond = Number.NaN } = made.get(vendor) ?? {};
      results.push({ vendor, connections, perSecond, afterIdle: afterIdle.get(vendor) ?? Number.NaN, heap });
    }
    return results;
  } finally {
    await vendors.stop();
  }
}

/** As the service does it, guard included. */
async function open(urls: Readonly<Record<Vendor, string>>, { concurrency }: SendsPlan) {
  const env = {
    SMS_MOCK_MODE: 'off',
    COUNTERSIGN_CONFIG: 'given.yaml',
    ...twilioAt(urls.twilio),
    ...tencentAt(urls.tencent),
  };
  const bounds = `{ maxConcurrent: ${concurrency}, timeoutMs: 9000 }`;
  const config = loadConfig(env, () => `twilio: ${bounds}\ntencent: ${bounds}\n`);
  const breaker = { failures: 5, openMs: 5_000, maxOpenMs: 30_000 };
  const rest = { breaker, emit: () => undefined, clock: () => performance.now() };
  const opened = await openProviders(config, { now: Date.now });
  const guarded = opened.map(({ provider, ...its }) => [provider.name, guardProvider(provider, { ...its, ...rest })]);
  return Object.fromEntries(guarded) as Readonly<Record<Vendor, Guarded>>;
}

const NEVER = new AbortController().signal;

/** Throws when one is not accepted. */
async function sendMany(provider: Guarded, count: number, { concurrency }: SendsPlan) {
  const messages = Array.from({ length: count }, (_, index) => messageTo(phoneNumber(index)));
  const { load: made } = await load(messages, Math.min(count, concurrency), async (message) => {
    const result = await provider.send(message, NEVER);
    if (result.kind !== 'accepted') throw new Error(`${provider.name}: ${result.kind} ${result.vendorCode}`);
  });
  return made;
}

function messageTo(to: string): Message {
  const text = 'Countersign: 493817 is your login code. It is valid for 5 minutes.';
  const fields = { code: '493817', minutes: 5, purpose: 'login', locale: 'en', variables: {}, sender: {} };
  return { to, region: '001', text, ...fields, sendId: 'a-send-of-the-bench', reportToken: 'x'.repeat(120) };
}

async function heapInUse(): Promise<number> {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('run with node --expose-gc');
  // What the last answers left to be done, then twice: the first run of finalizers makes more garbage.
  await pause(50);
  gc();
  gc();
  return process.memoryUsage().heapUsed;
}
