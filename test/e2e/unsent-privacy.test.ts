/** Codes that no vendor gets to see, and errors that no code of ours catches, show nothing either. */
import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { createKeyring, SEED_BYTES } from '../../src/domain/keyring.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { eventually } from '../support/wait.ts';
import { send } from './error-paths.ts';
import { DOWN } from './failures.ts';
import { leaksIn } from './leaks.ts';
import { CREDENTIALS, VENDOR_NAMES, VENDOR_TEXT } from './vendors.ts';
import { asProcess, inProcess, type Start, type Watched, type WatchOptions, watch } from './watched.ts';

const redis = sharedRedis();
const watched: Watched[] = [];

afterEach(async () => {
  for (const one of watched.splice(0)) await one.stop();
  await redis.clear();
});
afterAll(() => redis.close());

async function open(start: Start, options: WatchOptions): Promise<Watched> {
  const one = await watch(start, redis, options);
  watched.push(one);
  return one;
}

/** What is drawn for a send becomes its code, also where no vendor gets to see it. */
function recordedDraws() {
  const keyring = createKeyring({ current: Buffer.from(CREDENTIALS.rootSecret), previous: null });
  let draws: Buffer[] = [];
  return {
    random: (bytes: number) => {
      const draw = randomBytes(bytes);
      draws.push(draw);
      return draw;
    },
    /** Those that the sends to `phone` since the last time may have. */
    codesOf: (phone: string): string[] => {
      // One draw a send, of which the seed is the beginning.
      const seeds = draws.map((draw) => draw.toString('base64url', 0, SEED_BYTES));
      draws = [];
      const phoneKey = keyring.phoneKey(phone);
      return seeds.map((seed) => keyring.code({ phoneKey, purpose: 'login', seed, digits: 6 }));
    },
  };
}

interface Row {
  readonly name: string;
  /** Settings that lead nowhere. */
  readonly env?: NonNullable<WatchOptions['env']>;
  /** The how-manieth answer, of those that close a provider at once, the vendors give. */
  readonly way?: number;
}

describe('a code that reaches no vendor', () => {
  const endpoints = (url: string) => ({
    TENCENT_SMS_ENDPOINT: url,
    TWILIO_BASE_URL: url,
    SMS_WEBHOOK_URL: `${url}/${CREDENTIALS.webhookPath}`,
  });
  const most = Math.max(...VENDOR_NAMES.map((name) => DOWN[name].length));
  const rows: Row[] = [
    {
      name: 'there is no such name',
      // Tencent's API has no other name than its own.
      env: () => ({ ...endpoints('https://no-such-host.invalid'), TENCENT_SMS_ENDPOINT: 'http://127.0.0.1:1' }),
    },
    { name: 'nobody listens there', env: () => endpoints('http://127.0.0.1:1') },
    { name: 'there is no TLS', env: ({ twilio }) => endpoints(twilio.url.replace('http:', 'https:')) },
    ...Array.from({ length: most }, (_, way) => ({ name: `the account is closed, way ${way + 1}`, way })),
  ];

  it.each(rows)('shows nowhere either: $name', async ({ env, way }) => {
    const { random, codesOf } = recordedDraws();
    const one = await open(inProcess({ random }), { format: 'json', apiKey: false, ...(env && { env }) });
    const codes: Record<string, string> = {};
    for (const name of VENDOR_NAMES) {
      if (way !== undefined) one.vendors.servers[name].behave(DOWN[name][way] ?? { do: 'reset_after' });
      for (let times = 0; times < 2; times++) {
        const { phone } = await send(one, name);
        const drawn = codesOf(phone);
        // Where a vendor did get it, it is one of these.
        if (way !== undefined && times === 0) expect(drawn).toContain(one.vendors.codeTo(phone));
        for (const code of drawn) codes[`code ${Object.keys(codes).length}`] = code;
      }
    }
    expect(Object.keys(codes).length).toBeGreaterThanOrEqual(6);
    const secrets = { ...one.secrets(), ...codes };
    for (const [place, text] of Object.entries(await one.said())) expect(leaksIn(text, secrets), place).toEqual([]);
  });
});

describe('errors that nobody handles', () => {
  it('those of the SDKs and one that ends the process are logged without what they hold', async () => {
    const secrets = {
      phone: '+8613812345678',
      code: '437061',
      token: 'sentinel-of-a-token',
      'vendor text': VENDOR_TEXT,
    };
    const preload = `--import=${new URL('unhandled.ts', import.meta.url)}`;
    const env = { NODE_OPTIONS: preload, UNHANDLED: Object.values(secrets).join(' ') };
    const running = Promise.withResolvers<Awaited<ReturnType<typeof asProcess>>>();
    const start: Start = async (settings, file) => {
      const host = await asProcess(settings, file);
      running.resolve(host);
      return host;
    };
    const one = await open(start, { format: 'json', apiKey: false, env: () => env });
    const host = await running.promise;
    host.process.signal('SIGUSR2');
    const faults = /^countersign_faults_total 7$/m;
    await eventually('all were counted', async () => faults.test(await one.service.metrics()));
    host.process.signal('SIGWINCH');
    expect(await host.process.exited).toBe(1);

    const { 'standard output': log = '', ...rest } = host.said();
    expect(rest).toEqual({ 'standard error': '' });
    expect(log.match(/"where":"unhandledRejection"/g)).toHaveLength(7);
    expect(log.match(/"where":"uncaughtException"/g)).toHaveLength(1);
    expect(leaksIn(log, secrets)).toEqual([]);
  });
});
