/**
 * The vendors fail in every way they can, and quote all that they were told. None of it comes out: no code, number or credential,
 * and no text of theirs, in the log, the metrics, events, answers or on standard error.
 */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { FailureCategory } from '../../src/domain/delivery.ts';
import { TENCENT_CODES } from '../../src/sms/tencent/codes.ts';
import { TWILIO_CODES } from '../../src/sms/twilio/codes.ts';
import { TWILIO_VERIFY_CODES } from '../../src/sms/twilio-verify/codes.ts';
import { assertKeysClean } from '../support/keys.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { reportEveryWay, reportOnce, reportUnlisted } from './callback-paths.ts';
import * as paths from './error-paths.ts';
import { unlisted } from './failures.ts';
import { leakFinder, type Secrets } from './leaks.ts';
import { figure } from './stage.ts';
import { VENDOR_NAMES, type VendorName } from './vendors.ts';
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

/** Returns how much was searched for, and in how many characters. */
async function expectClean(one: Watched, more: Secrets = {}): Promise<{ secrets: number; characters: number }> {
  const secrets = { ...one.secrets(), ...more };
  const said = Object.entries(await one.said());
  const leaksIn = leakFinder(secrets);
  for (const [place, text] of said) expect(leaksIn(text), place).toEqual([]);
  const codes = Object.entries(secrets).filter(([name]) => name.startsWith('code '));
  const phones = Object.entries(secrets).filter(([name]) => name.startsWith('phone '));
  const values = (of: [string, string][]) => of.map(([, value]) => value);
  await assertKeysClean(redis.client, redis.prefix, { codes: values(codes), phones: values(phones) });
  return { secrets: Object.keys(secrets).length, characters: said.reduce((sum, [, text]) => sum + text.length, 0) };
}

/** Each time series, without its value. */
function labelSets(metrics: string): Set<string> {
  return new Set([...metrics.matchAll(/^(countersign_(?!.*_bucket\{).*\}) \S+$/gm)].map(([, series = '']) => series));
}

async function failUnlisted(one: Watched, numbers: readonly number[]): Promise<void> {
  await Promise.all(
    VENDOR_NAMES.map((name) => {
      const failing = numbers.flatMap((n) => unlisted(name, n));
      return paths.failInTurn(one, name, failing);
    }),
  );
  for (const n of numbers) await reportUnlisted(one, one.callbacks, n);
}

const NUMBERS = [0, 1, 2];

describe.each<[string, Start, WatchOptions, 'each' | 'one']>([
  ['in this process, logged as JSON', inProcess(), { format: 'json', apiKey: true }, 'each'],
  ['as a process, logged for people', asProcess, { format: 'pretty', apiKey: false }, 'one'],
])('every failure of the vendors, %s', (_, start, options, places) => {
  it('shows no code, number, credential or text of a vendor, and bounds the labels', async () => {
    const one = await open(start, options);
    await paths.failPulls(one);
    await paths.failPolls(one);
    await paths.failEveryWay(one, places);
    await paths.failOver(one);
    await paths.failConversions(one);
    await reportEveryWay(one, one.callbacks);

    await failUnlisted(one, NUMBERS);
    const bounded = labelSets(await one.service.metrics());
    await failUnlisted(
      one,
      NUMBERS.map((n) => n + NUMBERS.length),
    );
    expect([...labelSets(await one.service.metrics())].filter((series) => !bounded.has(series))).toEqual([]);

    await paths.loseTheStore(one, () => reportOnce(one, one.callbacks));
    await paths.openBreakers(one);

    const metrics = await one.service.metrics();
    expectEveryCode(metrics);
    const { secrets, characters } = await expectClean(one);
    figure(
      `${options.format}: ${secrets} secrets in no form among ${characters} characters; ${labelSets(metrics).size} label sets, ` +
        'not one more for unlisted codes',
    );
  });
});

/** Otherwise what was not called has shown nothing. */
function expectEveryCode(metrics: string): void {
  const series = [...metrics.matchAll(/^countersign_provider_attempts_total\{.*provider="([^"]*)".*code="([^"]*)"/gm)];
  expect(series.length, 'the order of the labels').toBeGreaterThan(0);
  for (const [vendor, table] of Object.entries(TABLES)) {
    const codes = new Set(series.flatMap(([, provider, code = '']) => (provider === vendor ? [code] : [])));
    const unseen = [...table].flatMap(([code, { category }]) =>
      codes.has(code) || category === 'balance' ? [] : [code],
    );
    expect(unseen, vendor).toEqual([]);
    const words = [...codes].filter((code) => !table.has(code) && !/^(?:|http_\d{3}|[a-z_]{2,32})$/.test(code));
    expect(words, vendor).toEqual([]);
  }
}

const TABLES: Readonly<Record<VendorName, ReadonlyMap<string, { readonly category: FailureCategory }>>> = {
  tencent: TENCENT_CODES,
  twilio: TWILIO_CODES,
  'twilio-verify': TWILIO_VERIFY_CODES,
  webhook: new Map(),
};
