/** Phones, codes, tokens and sessions go through every path there is, and come out nowhere but in the SMS. */
import { createHash } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CheckCodeRequestSchema,
  ErrorReasonSchema,
  VerificationService,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import type { Provider } from '../../src/sms/provider.ts';
import { frame, rawGrpc, rawHttp, SERVICE } from '../rpc/edges.ts';
import { ok, PROTOCOLS, type Protocol } from '../support/clients.ts';
import { keysUnder } from '../support/keys.ts';
import { changePacked } from '../support/packed.ts';
import { eventually } from '../support/wait.ts';
import { leaksIn, type Secrets } from './leaks.ts';
import { type SpiedApp, startSpied } from './spy.ts';
import { createStage, figure, ownRedis } from './stage.ts';
import { createUser, type User } from './user.ts';

const { sendCode, checkCode, rateStatus, getVerification, cancelVerification } = VerificationService.method;

// Not the shared one: these tests break records in it.
const redis = await ownRedis();
const stage = createStage(redis);

const apps: SpiedApp[] = [];
afterEach(async () => {
  for (const app of apps.splice(0)) await app.stop();
});

const TOKENS = { auth: 'sentinel-token-of-auth', clerk: 'sentinel-token-of-clerk', nobody: 'sentinel-token-of-nobody' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const COUNTERSIGN_CALLERS = `
auth: { tokens: [${sha256(TOKENS.auth)}] }
clerk: { tokens: [${sha256(TOKENS.clerk)}], purposes: [register] }
`;
/** What end users and their devices say of themselves. */
const CLIENT = {
  ip: '2001:db8:5e:11:e1::1',
  deviceId: 'sentinel-device',
  userAgent: 'sentinel-user-agent/1.0',
  sessionId: 'sentinel-session',
};
const WORDS = {
  requestId: 'sentinel-request-id',
  captchaToken: 'sentinel-captcha-token',
  variable: 'sentinel variable',
};
const OTHER_SESSION = 'sentinel-session-of-another';

const start = async (format: string, file?: string): Promise<SpiedApp> => {
  // 8 digits, so that no code turns up by chance.
  const env = {
    COUNTERSIGN_CALLERS,
    LOG_FORMAT: format,
    LOG_LEVEL: 'trace',
    SMS_CODE_DIGITS: '8',
    ADMISSION_SENDS: String(PLACES),
  };
  const app = await startSpied(stage, { env, ...(file !== undefined && { file }) });
  apps.push(app);
  return app;
};

/** For sends at once. */
const PLACES = 2;

/** Everything that must show nowhere; phones and codes are added as they come up. */
function sentinels(): Record<string, string> {
  const tokens = Object.entries(TOKENS).map(([name, token]) => [`token of ${name}`, token]);
  return Object.fromEntries([...tokens, ...Object.entries({ ...CLIENT, ...WORDS, OTHER_SESSION })]);
}

async function expectClean(app: SpiedApp, secrets: Secrets): Promise<number> {
  const all: Record<string, string> = { ...secrets };
  for (const [n, { to, code }] of app.inbox.messages.entries())
    Object.assign(all, { [`phone ${n}`]: to, [`code ${n}`]: code });
  const seen = await app.seen();
  for (const [place, text] of Object.entries(seen)) {
    expect(text.length, place).toBeGreaterThan(0);
    expect(leaksIn(text, all), place).toEqual([]);
  }
  return Object.keys(all).length;
}

const ACCEPT = async () => ({ kind: 'accepted', messageId: 'm-1', segments: 1 }) as const;

/** The life of a code over one protocol, and every refusal on its way. */
async function livesAndRefusals(app: SpiedApp, protocol: Protocol, secrets: Record<string, string>): Promise<void> {
  const client = app.client(protocol);
  const user = (name: string) => {
    const one = createUser(app, { protocol, phone: stage.phone(), token: TOKENS.auth });
    secrets[`phone of ${name} over ${protocol}`] = one.phone;
    return one;
  };
  const wrong = (of: User, n: number) => {
    const code = of.wrong(n);
    secrets[`guess ${n} over ${protocol}`] = code;
    return code;
  };
  const mine = { client: CLIENT };
  const auth = { token: TOKENS.auth };

  const ann = user('Ann');
  const { requestId, captchaToken, variable } = WORDS;
  const request = { requestId, captchaToken, variables: { name: variable }, locale: 'zh-CN', ...mine };
  ok(await ann.send(request));
  ok(await ann.send(request));
  await ann.send({ ...request, locale: 'en', variables: {} });
  await ann.send(mine);
  await ann.status();
  await ann.verdict(wrong(ann, 1), { requestId, ...mine });
  await ann.verdict(wrong(ann, 2), { requestId, ...mine });
  await ann.verdict(ann.code(), { client: { sessionId: OTHER_SESSION } });
  await ann.verdict(wrong(ann, 3), { verificationId: '', phone: ann.phone, ...mine });
  expect(await ann.verdict(ann.code(), mine)).toBe('APPROVED');
  await ann.verdict(ann.code(), mine);
  await ann.record();
  await client.call(getVerification, { phone: ann.phone, purpose: 'login' }, auth);
  await client.call(cancelVerification, { verificationId: ann.id, purpose: 'login' }, auth);
  await client.call(getVerification, { verificationId: ann.id, purpose: 'register' }, auth);

  // Who may not.
  const login = { phone: ann.phone, purpose: 'login', code: ann.code(), ...mine };
  for (const token of [undefined, TOKENS.nobody, TOKENS.clerk]) {
    const options = token === undefined ? {} : { token };
    for (const method of [sendCode, checkCode, rateStatus] as const)
      await client.call(method as typeof checkCode, login, options);
  }

  // What is not a request.
  const [phone, code] = [ann.phone, ann.code()];
  await client.call(
    sendCode,
    {
      phone: `${phone} ext. 5`,
      region: phone,
      purpose: phone,
      locale: phone,
      requestId: `${code}\n`,
      client: { ip: phone, deviceId: code.repeat(20), userAgent: phone.repeat(50), sessionId: code.repeat(20) },
      captchaToken: phone.repeat(500),
      variables: { [phone]: `https://${code}` },
    },
    auth,
  );
  await client.call(checkCode, { verificationId: code, phone, purpose: code, code: `${code}0` }, auth);
  await client.call(checkCode, { verificationId: phone, purpose: 'login', code: `${code}0` }, auth);
  await client.call(cancelVerification, { verificationId: `${phone}${code}`, purpose: phone }, auth);
  const tollFree = '+18002345678';
  secrets['a toll-free number'] = tollFree;
  await client.call(sendCode, { phone: tollFree, purpose: 'login' }, auth);

  // Vendors that fail, and quote what they were given.
  for (const kind of ['unavailable', 'rejected', 'unknown'] as const) {
    app.inbox.answer(async () => ({ kind, category: 'transient', vendorCode: 'E503' }));
    await user(`a user whose SMS is ${kind}`).send(mine);
  }
  for (const status of ['INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED', 'INTERNAL'] as const) {
    app.inbox.answer(async () => ({ kind: 'rejected', category: 'unknown', vendorCode: 'E400', status }));
    await user(`a user whose vendor means ${status}`).send(mine);
  }
  app.inbox.answer(async (message) => {
    throw new Error(`could not send ${JSON.stringify(message)}`);
  });
  await user('a user whose vendor throws').send(mine);
  app.inbox.answer(ACCEPT);

  // A send that finds no place.
  const placed = Promise.withResolvers<void>();
  app.inbox.answer(async () => {
    await placed.promise;
    return ACCEPT();
  });
  const hanging = Array.from({ length: PLACES }, (_, n) => user(`a user in place ${n}`));
  const sends = hanging.map((one) => one.send(mine));
  await eventually('all places are taken', () => hanging.every((one) => one.received() > 0), { everyMs: 2 });
  expect((await user('a user without a place').send(mine)).status).toBe('RESOURCE_EXHAUSTED');
  placed.resolve();
  for (const sent of await Promise.all(sends)) ok(sent);
  app.inbox.answer(ACCEPT);

  // A call that is repeated while it is under way, and after a failover.
  const kate = user('Kate');
  const repeated = { ...mine, requestId: `again-over-${protocol}` };
  const taken = Promise.withResolvers<void>();
  app.inbox.answer(async () => {
    await taken.promise;
    return ACCEPT();
  });
  const first = kate.send(repeated);
  await eventually('the first is under way', () => kate.received() > 0, { everyMs: 2 });
  expect((await kate.send(repeated)).status).toBe('UNAVAILABLE');
  taken.resolve();
  ok(await first);
  app.inbox.answer(ACCEPT);
  for await (const key of keysUnder(redis.client, 'cs')) {
    if (key.includes(':v:')) await changePacked(redis.client, key, 'record', { replication_id: '0'.repeat(16) });
  }
  expect((await kate.send(repeated)).status).toBe('ABORTED');

  // A store that breaks, and one that is away.
  const eve = user('Eve');
  ok(await eve.send(mine));
  for await (const key of keysUnder(redis.client, 'cs')) {
    if (key.includes(':v:')) await redis.client.set(key, 'broken', 'PX', 60_000);
  }
  expect(await eve.verdict(eve.code(), mine)).toBe('INTERNAL');
  await redis.clear();
  app.proxy.refuse();
  app.proxy.cut();
  expect(await eve.verdict(eve.code(), mine)).toBe('UNAVAILABLE');
  expect((await eve.send(mine)).status).toBe('UNAVAILABLE');
  await app.proxy.accept();
  await eventually('the store is back', async () => (await eve.verdict(wrong(eve, 5), mine)) !== 'UNAVAILABLE');
}

/** What the libraries refuse before any code of ours, and what no client library sends. */
async function strayBytes(app: SpiedApp, { phone, code }: { phone: string; code: string }): Promise<void> {
  const token = { authorization: `Bearer ${TOKENS.auth}` };
  const json = { 'content-type': 'application/json', ...token };
  const url = `${app.http}${SERVICE}/CheckCode`;
  const good = toBinary(CheckCodeRequestSchema, create(CheckCodeRequestSchema, { phone, code, purpose: 'login' }));
  const bodies = [
    `{"phone":"${phone}","code":${code}}`,
    `{"phone":"${phone}","code":"${code}"`,
    `"${phone}"`,
    `${phone}`.repeat(3_000),
  ];
  for (const body of bodies) await rawHttp(url, { headers: json, body });
  await rawHttp(url, { headers: { ...json, 'content-type': phone.slice(1) }, body: code });
  await rawHttp(url, { headers: { ...json, 'content-encoding': 'none-such' }, body: phone });
  await rawHttp(url, { headers: { ...json, authorization: `Basic ${code}` }, body: phone });
  await rawHttp(url, { headers: { ...json, 'connect-timeout-ms': phone }, body: `{"code":"${code}"}` });
  await rawHttp(`${app.http}${SERVICE}/${code}`, { headers: json, body: phone });
  await rawHttp(`${app.http}/${phone}?code=${code}`, { headers: json, body: phone });
  await rawHttp(`${url}?message={"phone":"${phone}","code":"${code}"}&encoding=json`, {
    method: 'GET',
    headers: token,
  });
  const grpc = (path: string, headers: object, body: Buffer) =>
    rawGrpc(app.grpc, { ':path': path, ...token, ...headers }, body);
  const check = async (headers: object, body: Buffer) => {
    const answer = await grpc(`${SERVICE}/CheckCode`, headers, body);
    const details = Buffer.from(String(answer.headers['grpc-status-details-bin'] ?? ''), 'base64').toString('latin1');
    app.heard({ ...answer, details });
  };
  await check({}, frame(Buffer.from(phone + code)));
  await check({}, frame(good, true));
  await check({}, frame(Buffer.alloc(20_000, phone)));
  await check({}, Buffer.from(phone));
  await check({ 'grpc-encoding': 'none-such' }, frame(good));
  await check({ 'grpc-timeout': phone }, frame(good));
  await check({ authorization: `Basic ${code}` }, frame(good));
  // Here grpc-js tells callers the path that they asked for; nobody else hears of it.
  await grpc(`${SERVICE}/${code}`, {}, frame(good));
  await grpc(`/${phone}/${code}`, {}, frame(good));
  // Callers whose time is up.
  app.proxy.stall('replies');
  const late = JSON.stringify({ phone, code, purpose: 'login', client: CLIENT });
  const timedOut = rawHttp(url, { headers: { ...json, 'connect-timeout-ms': '50' }, body: late });
  await check({ 'grpc-timeout': '50m' }, frame(good));
  expect((await timedOut).body).toContain('DEADLINE');
  app.proxy.resume('replies');
  // A caller who hangs up before anything is sent.
  app.proxy.forget();
  app.proxy.stall('replies');
  const gone = new AbortController();
  const call = fetch(`${app.http}${SERVICE}/SendCode`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify({ phone, purpose: 'login', client: CLIENT }),
    signal: gone.signal,
  });
  await eventually('Redis was asked', () => app.proxy.commands().length > 0, { everyMs: 2 });
  gone.abort();
  await expect(call).rejects.toThrow();
  // Takes the same way, and is answered after the hang-up has arrived.
  await rawHttp(`${app.http}/`, {});
  app.proxy.resume('replies');
}

const LIMITED = 'limits: { resendIntervalSeconds: 0, windows: { phone_hour: { limit: 1 }, phone_day: null } }';
const GUESSED =
  'limits: { resendIntervalSeconds: 0, windows: { phone_hour: null, phone_day: null, all: { limit: 100, seconds: 60 } } }';

describe.each(['json', 'pretty'])('everything, logged as %s at level trace', (format) => {
  it('shows no phone, code, token or session, whatever happened', async () => {
    const secrets = sentinels();
    const app = await start(format);
    for (const protocol of PROTOCOLS) await livesAndRefusals(app, protocol, secrets);
    const stray = { phone: stage.phone(), code: '60718293' };
    Object.assign(secrets, { 'stray phone': stray.phone, 'stray code': stray.code });
    await strayBytes(app, stray);

    const limited = await start(format, LIMITED);
    const guessed = await start(format, GUESSED);
    for (const protocol of PROTOCOLS) {
      const often = createUser(limited, { protocol, phone: stage.phone(), token: TOKENS.auth });
      ok(await often.send());
      expect((await often.send()).status).toBe('RESOURCE_EXHAUSTED');
      const wild = createUser(guessed, { protocol, phone: stage.phone(), token: TOKENS.auth });
      for (let code = 0; code < 4; code++) {
        ok(await wild.send());
        for (let n = 1; n <= 5; n++) await wild.verdict(wild.wrong(n));
      }
      expect((await wild.send()).status).toBe('RESOURCE_EXHAUSTED');
    }

    const all = [app, limited, guessed];
    const events = () => all.flatMap((one) => one.events).filter((event) => event.type === 'rpc');
    await eventually('the last call has ended', () => events().some(({ reason }) => reason === 'CANCELED'));
    // Every refusal there is was among them. What is refused on its headers has an event of its own.
    const reasons = new Set<string>(
      all.flatMap((one) => one.events).some(({ type }) => type === 'shed') ? ['OVERLOADED'] : [],
    );
    for (const { reason } of events()) if (reason !== null) reasons.add(reason);
    const known = ErrorReasonSchema.values.slice(1).map(({ localName }) => localName);
    expect([...reasons].sort()).toEqual(known.sort());

    let searched = 0;
    for (const one of all) searched += await expectClean(one, secrets);
    figure(`${format}: ${searched} secrets, ${events().length} calls with all ${known.length} refusals, nothing shown`);
  });
});

describe('negative controls: a vendor adapter that puts secrets where they do not belong is found', () => {
  const cases: [place: 'log' | 'metrics' | 'answers' | 'redis', what: string, answer: Provider['send']][] = [
    ['answers', 'phone', async ({ to }) => ({ kind: 'accepted', messageId: `to ${to}`, segments: 1 })],
    ['redis', 'phone', async ({ to }) => ({ kind: 'accepted', messageId: `to ${to}`, segments: 1 })],
    ['log', 'code', async ({ code }) => ({ kind: 'unknown', category: 'timeout', vendorCode: code })],
    ['metrics', 'code', async ({ code }) => ({ kind: 'unknown', category: code as 'timeout', vendorCode: '' })],
  ];
  it.each(cases)('in the %s', async (place, what, answer) => {
    const app = await start('json');
    app.inbox.answer(answer);
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone(), token: TOKENS.auth });
    ok(await user.send());
    const found = leaksIn((await app.seen())[place], { phone: user.phone, code: user.code() });
    expect(found).toContain(`${what}, as it is`);
    await redis.clear();
  });

  it.each([
    ['URL-encoded', (value: string) => encodeURIComponent(value)],
    ['digit by digit', (value: string) => value.replace(/./g, (digit) => `%${digit.charCodeAt(0).toString(16)}`)],
    ['in base64', (value: string) => Buffer.from(`{"to":"${value}"}`).toString('base64')],
    ['in base64url, shifted', (value: string) => Buffer.from(`a${value}`).toString('base64url')],
    ['in hex', (value: string) => Buffer.from(value).toString('hex')],
    ['as a hash', (value: string) => sha256(value)],
    ['in groups', (value: string) => value.replace(/(\d{4})$/, '-$1').replace(/^(\+1...)(...)-/, '$1-$2-')],
  ])('in another form: %s', (_, form) => {
    expect(leaksIn(`...${form('+14155550123')}...`, { phone: '+14155550123' })).not.toEqual([]);
    expect(leaksIn(`...${form('60718293')}...`, { code: '60718293' })).not.toEqual([]);
    expect(leaksIn('nothing of the kind', { phone: '+14155550123', code: '60718293' })).toEqual([]);
  });
});
