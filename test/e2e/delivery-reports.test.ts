/** What vendors report of a message, from their HTTP request to GetVerification: forged, twice, in any order, too early. */
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { Event } from '../../src/event.ts';
import { DeliveryStatusSchema, type Verification } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { Provider } from '../../src/sms/provider.ts';
import { openProviders } from '../../src/sms/vendors.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { AppOptions, RunningApp } from '../support/app.ts';
import { ok } from '../support/clients.ts';
import { assertKeysClean } from '../support/keys.ts';
import { freePort } from '../support/port.ts';
import { eventually } from '../support/wait.ts';
import { leaksIn } from './leaks.ts';
import { metric } from './meter.ts';
import {
  CALLBACK_TOKEN,
  type Forgery,
  type Message,
  NUMBERS_IN_REPORTS,
  PUBLIC_URL,
  REPORTERS,
  type Reporter,
} from './reporters.ts';
import { createStage, figure, without } from './stage.ts';
import { createUser, type User } from './user.ts';
import {
  CALLER,
  CREDENTIALS,
  PRODUCTION,
  type ProviderName,
  startVendorFakes,
  type VendorFakes,
} from './vendor-fakes.ts';

const stage = createStage();
const STORES = ['redis', 'memory'] as const;
type StoreKind = (typeof STORES)[number];

/** Vendors, and an app that sends by them. */
interface Service {
  readonly fakes: VendorFakes;
  readonly app: RunningApp;
}

/** And the vendor that reports. */
interface Scene extends Service {
  readonly reporter: Reporter;
}

const services: (Service & { searched: number })[] = [];

// Before the stage clears the place: it does not know what these vendors were sent.
afterEach(async () => {
  const news = services.flatMap((service) => {
    const sms = service.fakes.received();
    const from = service.searched;
    service.searched = sms.length;
    return sms.slice(from);
  });
  const secrets = { phones: news.map(({ to }) => to), codes: news.map(({ code }) => code) };
  await assertKeysClean(stage.redis.client, stage.redis.prefix, secrets);
});
afterAll(() => Promise.all(services.map(({ fakes }) => fakes.stop())));

interface ServiceOptions extends Pick<AppOptions, 'file' | 'providers'> {
  readonly vendors: readonly ProviderName[];
  readonly env?: Readonly<Record<string, string>>;
}

/** In production mode. Redis is there in either case, as that demands it; with `memory` nothing of it is used. */
async function start(store: StoreKind, { vendors, env = {}, ...options }: ServiceOptions): Promise<Service> {
  const fakes = await startVendorFakes();
  const app = await stage.start({
    ...(options.providers === undefined && { configured: true }),
    ...(store === 'memory' && { store: createMemoryStore({ now: Date.now }) }),
    ...options,
    env: { ...PRODUCTION, ...fakes.env(...vendors), SMS_RESEND_INTERVAL_SECONDS: '0', LOG_LEVEL: 'trace', ...env },
  });
  const service = { fakes, app };
  services.push({ ...service, searched: 0 });
  return service;
}

const sceneOf = async (
  store: StoreKind,
  reporter: Reporter,
  options: Partial<ServiceOptions> = {},
): Promise<Scene> => ({
  reporter,
  ...(await start(store, { vendors: [reporter.provider], env: reporter.env, ...options })),
});

const userOf = ({ fakes, app }: Service): User =>
  createUser(fakes.delivering(app), { protocol: 'grpc', phone: stage.phone(), ...CALLER });

async function sent(scene: Scene): Promise<{ user: User; message: Message }> {
  const user = userOf(scene);
  ok(await user.send());
  return { user, message: scene.reporter.latest(scene.fakes) };
}

const viaOf = ({ callbacks }: RunningApp): string => {
  if (callbacks === null) throw new Error('no delivery reports are listened for');
  return callbacks;
};

async function tell({ reporter, fakes, app }: Scene, message: Message, word: string): Promise<void> {
  const status = await reporter.tell(fakes, message, { word, via: viaOf(app) });
  expect([200, 204], `${word} is taken`).toContain(status);
}

/** `DELIVERED`. */
function statusIn({ delivery }: Verification): string {
  return String(DeliveryStatusSchema.value[delivery?.status ?? 0]?.localName);
}
const statusOf = async (user: User) => statusIn(await user.record());

type ReportEvent = Extract<Event, { type: 'report' }>;
const reportsIn = ({ events }: RunningApp) => events.filter((event): event is ReportEvent => event.type === 'report');
const outcomesIn = (app: RunningApp, since = 0) =>
  reportsIn(app)
    .slice(since)
    .map(({ outcome }) => outcome);

async function forgedIsHarmless(scene: Scene, forge: Forgery, to?: Awaited<ReturnType<typeof sent>>): Promise<void> {
  const { provider } = scene.reporter;
  const { user, message } = to ?? (await sent(scene));
  const before = await user.record();
  const refused = () => metric(scene.app, 'countersign_callbacks_refused_total', { provider, why: 'forged' });
  const [count, heard] = [await refused(), reportsIn(scene.app).length];
  expect(await forge(scene.fakes, message, viaOf(scene.app))).toBe(403);
  expect(await user.record()).toEqual(before);
  expect(await refused()).toBe(count + 1);
  expect(reportsIn(scene.app)).toHaveLength(heard);
}

/** Every order of the words, a message each: what the user then finds. */
async function outcomesOfOrders(scene: Scene, words: readonly string[]): Promise<string[]> {
  const outcomes: string[] = [];
  for (const order of permutations(words)) {
    const { user, message } = await sent(scene);
    for (const word of order) await tell(scene, message, word);
    outcomes.push(`${order.join(', ')}: ${await statusOf(user)}`);
  }
  return outcomes;
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, i) => permutations(items.toSpliced(i, 1)).map((rest) => [item, ...rest]));
}

const cases = STORES.flatMap((store) => REPORTERS.map((reporter) => ({ store, reporter, title: reporter.title })));

describe.each(cases)('$title, on $store', ({ store, reporter }) => {
  const { provider, delivered, failed, failure, underway } = reporter;
  let scene: Scene;
  beforeAll(async () => {
    scene = await sceneOf(store, reporter);
  });
  afterEach(() => reporter.misbehave(scene.fakes, null));

  it('a report that it was delivered shows in GetVerification, in the metrics and as an event', async () => {
    const { user, message } = await sent(scene);
    expect((await user.record()).delivery?.reportedAt).toBeUndefined();
    const counted = () => metric(scene.app, 'countersign_delivery_seconds_count', { provider });
    const before = await counted();
    const from = Math.floor(Date.now() / 1_000);
    await tell(scene, message, delivered);
    const { delivery } = await user.record();
    expect(delivery).toMatchObject({ provider, messageId: message.id, failure: '' });
    expect(await statusOf(user)).toBe('DELIVERED');
    expect(Number(delivery?.reportedAt?.seconds)).toBeGreaterThanOrEqual(from);
    expect(Number(delivery?.reportedAt?.seconds)).toBeLessThanOrEqual(Date.now() / 1_000);
    expect(await counted()).toBe(before + 1);
    const labels = { provider, status: 'delivered', category: '', code: '', outcome: 'applied' };
    expect(await metric(scene.app, 'countersign_delivery_reports_total', labels)).toBeGreaterThan(0);
    expect(reportsIn(scene.app).at(-1)).toMatchObject({ provider, status: 'delivered', outcome: 'applied' });
    expect(reportsIn(scene.app).at(-1)?.seconds).toBeGreaterThanOrEqual(0);
  });

  it('a failure shows with its reason in a word of ours, and the code can still be entered', async () => {
    const { user, message } = await sent(scene);
    await tell(scene, message, failed);
    const record = await user.record();
    expect([statusIn(record), record.delivery?.failure]).toEqual(['FAILED', failure]);
    expect(record.delivery?.reportedAt).toBeDefined();
    expect(reportsIn(scene.app).at(-1)).toMatchObject({ status: 'failed', category: failure, outcome: 'applied' });
    expect(await user.verdict(user.code())).toBe('APPROVED');
  });

  it.each(Object.entries(reporter.forgeries))('forged, with %s: 403, counted, and changes nothing', (_, forge) =>
    forgedIsHarmless(scene, forge),
  );

  it('replayed: taken again, counted as repeated, and changes nothing', async () => {
    const { user, message } = await sent(scene);
    await tell(scene, message, delivered);
    const after = await user.record();
    const since = reportsIn(scene.app).length;
    await tell(scene, message, delivered);
    await tell(scene, message, delivered);
    expect(await user.record()).toEqual(after);
    expect(outcomesIn(scene.app, since)).toEqual(['repeated', 'repeated']);
    const labels = { provider, status: 'delivered', category: '', code: '', outcome: 'repeated' };
    expect(await metric(scene.app, 'countersign_delivery_reports_total', labels)).toBeGreaterThanOrEqual(2);
  });

  it('in every order of all words: delivered in the end, once that was said', async () => {
    for (const outcome of await outcomesOfOrders(scene, [...underway.slice(-2), failed, delivered])) {
      expect(outcome).toMatch(/: DELIVERED$/);
    }
    for (const outcome of await outcomesOfOrders(scene, [...underway, failed])) expect(outcome).toMatch(/: FAILED$/);
    for (const outcome of await outcomesOfOrders(scene, underway)) expect(outcome).toMatch(/: ACCEPTED$/);
  });

  it('all words at once: delivered in the end', async () => {
    const { user, message } = await sent(scene);
    const words = [...underway, failed, delivered, delivered, failed];
    await Promise.all(words.map((word) => tell(scene, message, word)));
    expect(await statusOf(user)).toBe('DELIVERED');
  });

  it.each([
    ['delivered', [delivered], 'DELIVERED'],
    ['failed', [failed], 'FAILED'],
    ['failed, then delivered', [failed, delivered], 'DELIVERED'],
    ['delivered, then failed', [delivered, failed], 'DELIVERED'],
  ])('early, before the send itself is answered: %s', async (_, words, status) => {
    const answered = Promise.withResolvers<void>();
    const arrived = scene.fakes.received().length;
    reporter.misbehave(scene.fakes, { do: 'hold', until: answered.promise });
    const since = reportsIn(scene.app).length;
    const user = userOf(scene);
    const sending = user.send();
    await eventually('the message arrived', () => scene.fakes.received().length > arrived, { everyMs: 2 });
    const message = reporter.latest(scene.fakes);
    for (const word of words) await tell(scene, message, word);
    expect(new Set(outcomesIn(scene.app, since))).toEqual(new Set(['early']));
    answered.resolve();
    ok(await sending);
    const { delivery } = await user.record();
    expect(delivery).toMatchObject({ provider, messageId: message.id });
    expect(await statusOf(user)).toBe(status);
  });

  it('at the same moment as the answer to the send: delivered, whichever is first', async () => {
    for (let round = 0; round < 10; round++) {
      const answered = Promise.withResolvers<void>();
      const arrived = scene.fakes.received().length;
      reporter.misbehave(scene.fakes, { do: 'hold', until: answered.promise });
      const user = userOf(scene);
      const sending = user.send();
      await eventually('the message arrived', () => scene.fakes.received().length > arrived, { everyMs: 1 });
      answered.resolve();
      await tell(scene, reporter.latest(scene.fakes), delivered);
      ok(await sending);
      expect(await statusOf(user)).toBe('DELIVERED');
    }
  });

  it('of a message that a resend replaced: superseded, and the new one is as it was', async () => {
    const { user, message: first } = await sent(scene);
    ok(await user.send());
    const second = reporter.latest(scene.fakes);
    const before = await user.record();
    const since = reportsIn(scene.app).length;
    await tell(scene, first, failed);
    await tell(scene, first, delivered);
    expect(outcomesIn(scene.app, since)).toEqual(['superseded', 'superseded']);
    expect(await user.record()).toEqual(before);
    await tell(scene, second, delivered);
    expect(await statusOf(user)).toBe('DELIVERED');
  });

  it('of a message that nobody knows: taken, so that the vendor does not come again, and changes nothing', async () => {
    const { user, message } = await sent(scene);
    const before = await user.record();
    const since = reportsIn(scene.app).length;
    const url = message.url.replace(/\?t=.*/, '?t=bm9ib2R5LWtub3dzLXRoaXM');
    await tell(scene, { id: 'never_seen', token: 'bm9ib2R5LWtub3dzLXRoaXM', url }, delivered);
    expect(outcomesIn(scene.app, since)).toEqual([provider === 'webhook' && reporter.echoes ? 'unmatched' : 'early']);
    expect(await user.record()).toEqual(before);
  });

  it('a message that was maybe sent: what is reported of it ends the doubt', async () => {
    const doubtful = await sceneOf(store, reporter);
    reporter.misbehave(doubtful.fakes, { do: 'close_after' });
    const { user, message } = await sent(doubtful);
    expect(await statusOf(user)).toBe('UNKNOWN');
    await tell(doubtful, message, delivered);
    // The vendor's id was in the answer that never came: without the token nothing leads from the one to the other.
    expect(await statusOf(user)).toBe(reporter.echoes ? 'DELIVERED' : 'UNKNOWN');
  });
});

describe.each(STORES)('two providers, on %s: the first was maybe sent to, the second took the message', (store) => {
  const twilio = REPORTERS.find(({ provider }) => provider === 'twilio') as Reporter;
  const gateway = REPORTERS.find(({ provider }) => provider === 'webhook') as Reporter;
  let scenes: { older: Scene; newer: Scene };
  beforeAll(async () => {
    const service = await start(store, {
      vendors: ['twilio', 'webhook'],
      env: { ...twilio.env, SMS_ROUTES: '[{providers: [twilio, webhook]}]' },
    });
    twilio.misbehave(service.fakes, { do: 'close_after' });
    scenes = { older: { reporter: twilio, ...service }, newer: { reporter: gateway, ...service } };
  });

  async function failedOver() {
    const { user, message: second } = await sent(scenes.newer);
    return { user, first: twilio.latest(scenes.older.fakes), second };
  }

  it('what the first says of its failure does not touch the message of the second', async () => {
    const { user, first, second } = await failedOver();
    const before = await user.record();
    expect(before.delivery?.provider).toBe('webhook');
    for (const word of ['failed', 'undelivered', 'sent']) await tell(scenes.older, first, word);
    expect(await user.record()).toEqual(before);
    await tell(scenes.newer, second, 'delivered');
    expect((await user.record()).delivery).toMatchObject({ provider: 'webhook', messageId: second.id });
    expect(await statusOf(user)).toBe('DELIVERED');
  });

  it('the first can have delivered all the same, which no failure of the second takes back', async () => {
    const { user, first, second } = await failedOver();
    await tell(scenes.older, first, 'delivered');
    await tell(scenes.newer, second, 'failed');
    const { delivery } = await user.record();
    expect([await statusOf(user), delivery?.provider, delivery?.messageId]).toEqual(['DELIVERED', 'twilio', first.id]);
    expect(delivery?.attempts.map((attempt) => attempt.provider)).toEqual(['twilio', 'webhook']);
  });
});

describe.each(STORES)('pulled from Tencent, on %s', (store) => {
  const pulled = ({ id, token }: Message, word: string, echoes: boolean) => ({
    UserReceiveTime: 1_795_215_032,
    CountryCode: '1',
    SubscriberNumber: '4155550199',
    PhoneNumber: '+14155550199',
    SerialNo: id,
    ReportStatus: word,
    Description: word === 'FAIL' ? 'ERR_NUM' : 'DELIVRD',
    ...(echoes && { SessionContext: token }),
  });

  it('reports end in the same states: by id or by token, in any order, twice, early', async () => {
    const reporter = REPORTERS.find(({ provider }) => provider === 'tencent') as Reporter;
    const scene = await sceneOf(store, reporter, { env: { TENCENT_SMS_PULL_SECONDS: '1' } });
    const { fakes, app } = scene;
    expect(app.callbacks).toBeNull();
    const expected: [user: User, outcome: string][] = [];
    // Of the message that is sent last, before it is.
    fakes.tencent.statuses.push(pulled({ id: '5000:11', token: '', url: '' }, 'SUCCESS', false));
    await eventually('it was pulled', () => outcomesIn(app).includes('early'));
    for (const echoes of [true, false]) {
      const rows: [words: string[], outcome: string][] = [
        [['SUCCESS'], 'DELIVERED'],
        [['SUCCESS', 'SUCCESS'], 'DELIVERED'],
        [['SUCCESS', 'FAIL'], 'DELIVERED'],
        [['FAIL', 'SUCCESS'], 'DELIVERED'],
        [['FAIL'], 'FAILED invalid_number'],
      ];
      for (const [words, outcome] of rows) {
        const { user, message } = await sent(scene);
        expected.push([user, outcome]);
        fakes.tencent.statuses.push(...words.map((word) => pulled(message, word, echoes)));
      }
    }
    const { user: last } = await sent(scene);
    expected.push([last, 'DELIVERED']);
    await eventually('all were pulled', () => reportsIn(app).length === 18);
    for (const [user, outcome] of expected) {
      const { delivery } = await user.record();
      expect(`${await statusOf(user)} ${delivery?.failure}`.trim()).toBe(outcome);
    }
  });
});

describe('without CALLBACK_PUBLIC_URL', () => {
  it('the port is closed, and no vendor is asked to report', async () => {
    const port = await freePort();
    const env = { CALLBACK_LISTEN: `127.0.0.1:${port}` };
    const { fakes, app } = await start('memory', { vendors: ['twilio'], env });
    expect(app.callbacks).toBeNull();
    const refused = new Promise((resolve) => {
      connect(port, '127.0.0.1')
        .once('connect', () => resolve('connected'))
        .once('error', resolve);
    });
    await expect(refused).resolves.toMatchObject({ code: 'ECONNREFUSED' });
    ok(await userOf({ fakes, app }).send());
    expect(fakes.twilio.sends.at(-1)?.statusCallback).toBeNull();
  });
});

describe('negative controls', () => {
  /** Takes every report for the vendor's own. */
  const gullible = (provider: Provider, { genuine }: Reporter): Provider => {
    const { reports } = provider;
    const read = reports?.read;
    if (reports === undefined || read === undefined) throw new Error('a provider that reads no reports');
    return { ...provider, reports: { ...reports, read: (request) => read(genuine(request)) } };
  };

  it.each(REPORTERS)(
    '$title: with the check of signatures switched off, forged reports are found',
    async (reporter) => {
      const vendor = await startVendorFakes();
      const config = loadConfig({ ...vendor.env(reporter.provider), ...reporter.env }, () => '');
      const opened = await openProviders(config, { now: Date.now });
      const providers = opened.map(({ provider }) => gullible(provider, reporter));
      const { app } = await sceneOf('memory', reporter, { providers });
      const scene = { reporter, fakes: vendor, app };
      for (const forge of Object.values(reporter.forgeries)) {
        const to = await sent(scene);
        await expect(forgedIsHarmless(scene, forge, to)).rejects.toThrow(/expected 20[04] to be 403/);
        expect(await statusOf(to.user)).toBe('DELIVERED');
      }
      for (const { provider } of opened) provider.close?.();
      await vendor.stop();
    },
  );

  it.each([
    ['delivered is not the last word', "named and known ~= 'delivered' and known ~= 'failed'", 'named'],
    ['the last report counts', "tried and known == 'unknown'", 'tried'],
  ])('with the rule off that says which report counts (%s), orders are found that end wrong', async (_, rule, off) => {
    const fakes = await startVendorFakes();
    const [reporter] = REPORTERS as [Reporter];
    const app = await stage.startVirtual({
      plant: without('report', { [rule]: off }),
      configured: true,
      env: { ...PRODUCTION, ...fakes.env('twilio'), ...reporter.env, REDIS_URL: stage.redis.url },
    });
    services.push({ fakes, app, searched: 0 });
    const outcomes = await outcomesOfOrders({ reporter, fakes, app }, ['sent', 'undelivered', 'delivered']);
    expect(outcomes.filter((outcome) => !outcome.endsWith('DELIVERED'))).not.toEqual([]);
    expect(outcomes.filter((outcome) => outcome.endsWith('DELIVERED'))).not.toEqual([]);
  });
});

afterAll(async () => {
  let searched = 0;
  for (const { app, fakes } of services) {
    const sms = fakes.received();
    const secrets: Record<string, string> = { ...CREDENTIALS, 'callback token': CALLBACK_TOKEN };
    secrets['public host'] = new URL(PUBLIC_URL).hostname;
    Object.assign(secrets, NUMBERS_IN_REPORTS);
    for (const [n, { to }] of sms.entries()) secrets[`phone ${n}`] = to;
    for (const [n, token] of tokensAt(fakes).entries()) secrets[`report token ${n}`] = token;
    const codes = new Set(sms.map(({ code }) => code));
    searched += Object.keys(secrets).length + codes.size;
    for (const seen of [app.log(), JSON.stringify(app.events), await (await fetch(`${app.ops}/metrics`)).text()]) {
      expect(leaksIn(seen, secrets)).toEqual([]);
      // Six digits turn up by chance within longer numbers.
      expect((seen.match(/(?<![\d.])\d{6}(?![\d.])/g) ?? []).filter((digits) => codes.has(digits))).toEqual([]);
    }
  }
  expect(searched).toBeGreaterThan(1_000);
  figure(`${searched} codes, phones, report tokens and credentials searched in ${services.length} logs, none shown`);
});

function tokensAt({ twilio, tencent, webhook }: VendorFakes): string[] {
  const urls = twilio.sends.map(({ statusCallback }) => URL.parse(statusCallback ?? '')?.searchParams.get('t'));
  const contexts = tencent.sends.map(({ sessionContext }) => sessionContext);
  return [...urls, ...contexts, ...webhook.messages.map((message) => message.report_token)].filter(
    (token) => typeof token === 'string',
  );
}
