/**
 * Each alert of helm/countersign/alerts.yaml has its series before anything has happened, and what it waits for changes one
 * of them: otherwise its first event goes unnoticed. What Prometheus makes of it is in test/alerts.
 */
import { describe, expect, test } from 'vitest';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { ExpectedProvider } from '../../src/ops/metric-zeros.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { type Minute, SCENES } from '../alerts/scenes.ts';
import { bornLate, RULES, samplesOf, scrapesOf, startedMetrics } from '../alerts/scrapes.ts';
import { startVendorFakes } from '../e2e/vendor-fakes.ts';
import { type RunningApp, startApp } from '../support/app.ts';
import { createInbox } from '../support/inbox.ts';

const SERIES = /\b(countersign_\w+)(?:\{([^}]*)\})?/g;

/** What an expression asks for: a name and its matchers, once for each alternative of a pattern. */
function selectorsIn(expr: string): string[][] {
  return [...expr.matchAll(SERIES)].flatMap(([, name = '', matchers = '']) => {
    const parts = [...matchers.matchAll(/(\w+)=(~?)"([^"]*)"/g)];
    return parts.reduce<string[][]>(
      (found, [, label, pattern, value = '']) => {
        const values = pattern === '' ? [value] : value.split('|');
        return found.flatMap((selector) => values.map((each) => [...selector, `${label}="${each}"`]));
      },
      [[name]],
    );
  });
}

/** The selectors of an expression that no series answers. */
function unanswered(expr: string, samples: ReadonlyMap<string, string>): string[] {
  const names = [...samples.keys()];
  const matches = (series: string, [name, ...matchers]: readonly string[]) =>
    series.split('{')[0] === name && matchers.every((matcher) => series.includes(matcher));
  const lacking = selectorsIn(expr).filter((selector) => !names.some((series) => matches(series, selector)));
  return lacking.map((selector) => selector.join(' '));
}

async function scraped(app: RunningApp): Promise<Map<string, string>> {
  return samplesOf(await (await fetch(`${app.ops}/metrics`)).text());
}

describe('before anything has happened', () => {
  test.each(RULES)('$alert has all the series that it asks for', async ({ expr }) => {
    expect(selectorsIn(expr).length).toBeGreaterThan(0);
    expect(unanswered(expr, samplesOf(await startedMetrics().render()))).toEqual([]);
  });

  test('a service shows those of its providers, and only those of reports that can come', async () => {
    const quiet = await startApp();
    const reporting = createInbox('reporting').provider;
    const reports = { byMessageId: false, read: () => ({ kind: 'forged' }) as const };
    const env = { CALLBACK_PUBLIC_URL: 'https://sms.example.com/reports' };
    const open = await startApp({ env, behind: [{ ...reporting, reports }] });
    const [without, withReports] = [await scraped(quiet), await scraped(open)];
    await Promise.all([quiet.stop(), open.stop()]);
    const lacking = RULES.filter(({ expr }) => unanswered(expr, without).length > 0).map(({ alert }) => alert);
    expect(lacking).toEqual(['CountersignNotDelivered', 'CountersignDeliveredLate', 'CountersignReportsRefused']);
    expect(RULES.flatMap(({ expr }) => unanswered(expr, withReports))).toEqual([]);
    expect([...withReports.keys()].filter((name) => /delivery_reports.*"inbox"/.test(name))).toEqual([]);
  });

  test('a service with three vendors has every series, and those of reports for the two that can report', async () => {
    const vendors = await startVendorFakes();
    const env = {
      ...vendors.env('twilio', 'tencent', 'webhook'),
      CALLBACK_PUBLIC_URL: 'https://sms.example.com/reports',
    };
    const app = await startApp({ env, configured: true });
    const samples = await scraped(app);
    await app.stop();
    await vendors.stop();
    expect(RULES.flatMap(({ expr }) => unanswered(expr, samples))).toEqual([]);
    const reporting = [...samples.keys()].flatMap(
      (series) => /delivery_seconds_count.*provider="(.*?)"/.exec(series)?.slice(1) ?? [],
    );
    // Without a token for its callbacks Tencent cannot report.
    expect(reporting).toEqual(['twilio', 'webhook']);
  });

  test('they are few: 35 of the service, 21 of a provider, 22 more with reports, 2 with conversions', async () => {
    const seriesWith = async (...providers: readonly ExpectedProvider[]) => {
      const metrics = createMetrics(['SendCode', 'CheckCode']);
      metrics.expect(providers);
      return samplesOf(await metrics.render()).size;
    };
    const plain = { name: 'a', reports: false, conversions: false };
    expect(await seriesWith()).toBe(35);
    expect(await seriesWith(plain)).toBe(35 + 21);
    expect(await seriesWith({ ...plain, reports: true })).toBe(35 + 21 + 22);
    expect(await seriesWith({ ...plain, conversions: true })).toBe(35 + 21 + 2);
  });
});

describe('after the first event', () => {
  test('no series is there twice: to Prometheus an empty label is none, and it would refuse the whole scrape', async () => {
    const metrics = startedMetrics();
    const events = SCENES.flatMap(({ minutes }) => Object.values(minutes)).filter(
      (minute) => typeof minute !== 'string',
    );
    for (const event of events.flat()) metrics.observe(event);
    expect(duplicatesIn(samplesOf(await metrics.render()))).toEqual([]);
  });

  const fires = SCENES.filter(({ fires: labels }) => labels !== null);

  test('each alert has a scene', () => {
    expect([...new Set(fires.map(({ alert }) => alert))]).toEqual(RULES.map(({ alert }) => alert));
  });

  // A gauge for one country needs no earlier value: it is compared as it is.
  test.each(
    fires.filter(({ alert, fires: labels }) => alert !== 'CountersignMissing' && labels?.country === undefined),
  )('$alert: a series that it asks for has changed from 0', async ({ alert, minutes, at }) => {
    const scrapes = await scrapesOf({ minutes: onlyFirst(minutes), at });
    const [before, after] = [scrapes[0] ?? new Map(), scrapes.at(-1) ?? new Map()];
    const expr = RULES.find((rule) => rule.alert === alert)?.expr ?? '';
    const names = [...expr.matchAll(SERIES)].map(([, name]) => name);
    const changed = [...after].filter(([series, value]) => before.get(series) !== value).map(([series]) => series);
    const asked = changed.filter((series) => names.includes(series.split('{')[0]));
    expect(asked).not.toEqual([]);
    expect(asked.map((series) => before.get(series))).toEqual(asked.map(() => '0'));
  });

  test('a service that was refused by its vendor shows 1 where it showed 0', async () => {
    const app = await startApp();
    app.inbox.answer(async () => ({ kind: 'unavailable', category: 'balance', vendorCode: '30001' }));
    const series = 'countersign_provider_failures_total{provider="inbox",category="balance"}';
    expect((await scraped(app)).get(series)).toBe('0');
    await app.client('json').call(VerificationService.method.sendCode, { phone: '+14155550166', purpose: 'login' });
    expect((await scraped(app)).get(series)).toBe('1');
    await app.stop();
  });
});

test('negative control: a series that is there twice is found', () => {
  const twice = new Map([
    ['a{provider="x"}', '0'],
    ['a{country="",provider="x"}', '1'],
    ['a{country="CN",provider="x"}', '1'],
  ]);
  expect(duplicatesIn(twice)).toEqual(['a{country="",provider="x"}']);
});

test('negative control: series that are born at their first event are missed', async () => {
  const [late = new Map<string, string>()] = bornLate([samplesOf(await startedMetrics().render())]);
  expect(RULES.filter(({ expr }) => unanswered(expr, late).length > 0).length).toBeGreaterThan(10);
});

/** Series that differ in nothing but empty labels. */
function duplicatesIn(samples: ReadonlyMap<string, string>): string[] {
  const seen = new Set<string>();
  return [...samples.keys()].filter((series) => {
    const [name, labels = ''] = series.split('{');
    const set = labels.match(/\w+="[^"]+"/g) ?? [];
    const identity = `${name} ${set.sort().join()}`;
    if (seen.has(identity)) return true;
    seen.add(identity);
    return false;
  });
}

/** The first event alone: what comes after it could hide that it was missed. */
function onlyFirst(minutes: Readonly<Record<number, Minute>>): Readonly<Record<number, Minute>> {
  const [[minute = 0, events = []] = []] = Object.entries(minutes);
  return { [minute]: typeof events === 'string' ? events : events.slice(0, 1) };
}
