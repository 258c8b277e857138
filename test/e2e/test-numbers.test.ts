/** Test numbers: a fixed code, no SMS, nothing charged, and every other number as before. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/load.ts';
import { DeliveryStatus, type RateStatusResponse } from '../../src/gen/countersign/v1/verification_pb.ts';
import { type AppOptions, type RunningApp, startApp } from '../support/app.ts';
import { ok, PROTOCOLS } from '../support/clients.ts';
import { metric } from './meter.ts';
import { createStage } from './stage.ts';
import { createUser, type User } from './user.ts';
import { CALLER, PRODUCTION, startVendorFakes, type VendorFakes } from './vendor-fakes.ts';

const stage = createStage();
const NUMBER = '+14155550199';
const CODE = '428571';
const UNTIL = '2027-02-01';
const LAST_MOMENT = Date.parse(UNTIL) - 1;
const PURPOSES = `
purposes: { login: {}, short: { digits: 4 } }
testNumbers: { "${NUMBER}": { code: "${CODE}", until: ${UNTIL} } }
`;

let fakes: VendorFakes;
beforeAll(async () => {
  fakes = await startVendorFakes();
});
afterAll(() => fakes.stop());

/** With all vendors, in production unless told otherwise, at the last moment before the number is like any other. */
const start = (options: AppOptions = {}): Promise<RunningApp> =>
  stage.start({
    configured: true,
    now: () => LAST_MOMENT,
    file: PURPOSES,
    ...options,
    env: { ...PRODUCTION, SMS_TEST_NUMBERS_IN_PRODUCTION: 'on', ...fakes.env('twilio', 'webhook'), ...options.env },
  });

const sent = () => fakes.received().length;
const used = ({ limits }: RateStatusResponse) => limits.map((limit) => limit.used);
const wrong = (n: number) => String(Number(CODE) + n);

describe.each(PROTOCOLS)('a test number, over %s', (protocol) => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await start();
  });
  const userOf = (purpose = 'login'): User => createUser(app, { protocol, phone: NUMBER, purpose, ...CALLER });

  it('gets no SMS, has a fixed code, and is flagged', async () => {
    const before = sent();
    const user = userOf();
    const answer = ok(await user.send());
    expect(answer).toMatchObject({ test: true, code: '' });
    expect(answer.delivery).toMatchObject({ provider: 'test', status: DeliveryStatus.DELIVERED, attempts: [] });
    expect((await user.record()).delivery).toMatchObject({ provider: 'test', status: DeliveryStatus.DELIVERED });
    expect(await user.verdict(CODE)).toBe('APPROVED');
    expect(await user.verdict(CODE)).toBe('NOT_FOUND');
    expect(sent()).toBe(before);
  });

  it('is charged nothing: 12 sends in a row, counted as tests, and RateStatus as if there had been none', async () => {
    const user = userOf();
    const counted = () => metric(app, 'countersign_sends_total', { outcome: 'test', provider: '' });
    const before = await counted();
    for (let n = 0; n < 12; n++) expect(ok(await user.send())).toMatchObject({ test: true });
    expect(await counted()).toBe(before + 12);
    const status = await user.status();
    expect(status).toMatchObject({ canSend: true, canCheck: true, blockedBy: '' });
    expect(used(status)).toEqual([0, 0]);
    expect(await user.verdict(CODE)).toBe('APPROVED');
  });

  it('counts wrong codes per code, and for no budget', async () => {
    const user = userOf();
    for (let code = 0; code < 6; code++) {
      ok(await user.send());
      const left: number[] = [];
      for (let n = 1; n <= 5; n++) left.push(ok(await user.check(wrong(n))).attemptsRemaining);
      expect(left).toEqual([4, 3, 2, 1, 0]);
      expect(await user.verdict(CODE)).toBe('EXHAUSTED');
    }
    ok(await user.send());
    expect((await user.status()).guessBudget).toMatchObject({ attemptsRemaining: 5 });
    expect(await user.verdict(CODE)).toBe('APPROVED');
  });

  it('of a purpose with fewer digits takes the first ones', async () => {
    const user = userOf('short');
    ok(await user.send());
    expect(await user.verdict(CODE.slice(-4))).toBe('WRONG_CODE');
    expect(await user.verdict(CODE.slice(0, 4))).toBe('APPROVED');
  });

  it('answers a repeated request_id as before, still flagged', async () => {
    const user = userOf();
    const first = ok(await user.send({ requestId: 'again' }));
    const again = ok(await user.send({ requestId: 'again' }));
    expect(again).toMatchObject({ test: true, verificationId: first.verificationId });
  });
});

it('other numbers get their SMS and are charged, as without test numbers', async () => {
  const app = await start();
  const user = createUser(fakes.delivering(app), { protocol: 'json', phone: stage.phone(), ...CALLER });
  const before = sent();
  expect(ok(await user.send()).test).toBe(false);
  expect(sent()).toBe(before + 1);
  expect(used(await user.status())).toEqual([1, 1]);
  expect((await user.send()).status).toBe('RESOURCE_EXHAUSTED');
  expect(await user.verdict(user.code())).toBe('APPROVED');
});

it('from its day on a number is like any other: SMS, limits, a code that nobody knows before', async () => {
  let now = LAST_MOMENT;
  const app = await start({ now: () => now });
  const user = createUser(fakes.delivering(app), { protocol: 'json', phone: NUMBER, ...CALLER });
  const before = sent();
  expect(ok(await user.send()).test).toBe(true);
  now += 1;
  expect(ok(await user.send())).toMatchObject({ test: false, delivery: { provider: 'twilio' } });
  expect(sent()).toBe(before + 1);
  expect(used(await user.status())).toEqual([1, 1]);
  expect((await user.send()).status).toBe('RESOURCE_EXHAUSTED');
  if (user.code() !== CODE) expect(await user.verdict(CODE)).toBe('WRONG_CODE');
  expect(await user.verdict(user.code())).toBe('APPROVED');
});

describe('in production', () => {
  it('test numbers are refused at start unless they are switched on, and the mistake shows neither number nor code', async () => {
    const starting = startApp({
      configured: true,
      file: PURPOSES,
      env: {
        ...PRODUCTION,
        ...fakes.env('twilio'),
        REDIS_URL: stage.redis.url,
        COUNTERSIGN_SECRET: 'a root secret that only tests use',
      },
    });
    await expect(starting).rejects.toThrow(ConfigError);
    await expect(starting).rejects.toThrow(/testNumbers.*refused in production.*SMS_TEST_NUMBERS_IN_PRODUCTION/);
    await expect(starting).rejects.not.toThrow(new RegExp(`${NUMBER.slice(1)}|${CODE}`));
  });
});

it('in development they need no switch', async () => {
  const app = await start({ env: { NODE_ENV: 'development', COUNTERSIGN_CALLERS: '' } });
  const user = createUser(app, { protocol: 'grpc', phone: NUMBER });
  expect(ok(await user.send())).toMatchObject({ test: true, code: '' });
  expect(await user.verdict(CODE)).toBe('APPROVED');
});

it('numbers and fixed codes show in no log', async () => {
  const app = await start({ env: { LOG_LEVEL: 'trace' } });
  const user = createUser(app, { protocol: 'grpc', phone: NUMBER, ...CALLER });
  ok(await user.send());
  await user.verdict(wrong(1));
  await user.verdict(CODE);
  expect(app.log()).toContain('approved');
  expect(app.log()).not.toMatch(new RegExp(`${NUMBER.slice(2)}|${CODE}`));
});
