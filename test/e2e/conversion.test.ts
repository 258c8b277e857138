/** An approval is told to the vendor whose message it was, once, and nobody waits for it. */
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { VerificationState } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { RunningApp } from '../support/app.ts';
import { ok } from '../support/clients.ts';
import { eventually } from '../support/wait.ts';
import { misbehave } from './fault-vendors.ts';
import { metric } from './meter.ts';
import { REPORTERS } from './reporters.ts';
import { createStage } from './stage.ts';
import { createUser, type User } from './user.ts';
import { CALLER, PRODUCTION, type ProviderName, startVendorFakes, type VendorFakes } from './vendor-fakes.ts';

const stage = createStage();
const FEEDBACK = { TENCENT_SMS_FEEDBACK: 'on' };

interface Service {
  readonly fakes: VendorFakes;
  readonly app: RunningApp;
  user(phone?: string): User;
}

const open: VendorFakes[] = [];
afterAll(() => Promise.all(open.map((fakes) => fakes.stop())));
afterEach(() => {
  for (const { twilio, tencent, webhook, 'twilio-verify': verify } of open) {
    twilio.behave(null);
    verify.behave(null);
    tencent.misbehave(null);
    webhook.behave(null);
  }
});

async function start(
  vendors: readonly ProviderName[],
  { env = {}, file }: { env?: Record<string, string>; file?: string } = {},
): Promise<Service> {
  const fakes = await startVendorFakes();
  open.push(fakes);
  const app = await stage.start({
    configured: true,
    env: { ...PRODUCTION, ...fakes.env(...vendors), SMS_RESEND_INTERVAL_SECONDS: '0', ...env },
    ...(file !== undefined && { file }),
  });
  const user = (phone = stage.phone()) => createUser(fakes.delivering(app), { protocol: 'grpc', phone, ...CALLER });
  return { fakes, app, user };
}

/** What each vendor was told, as ids of messages. */
function toldTo({
  twilio,
  tencent,
  webhook,
  'twilio-verify': verify,
}: VendorFakes): Record<ProviderName, readonly string[]> {
  return {
    twilio: twilio.feedback.map(({ messageSid }) => messageSid),
    tencent: tencent.conversions.map(({ SerialNo }) => SerialNo),
    'twilio-verify': verify.updates.flatMap(({ verification, status }) => {
      if (status !== 'approved') return [];
      const [attempt] = verify.verifications.find(({ sid }) => sid === verification)?.attemptSids ?? [];
      return [`${attempt}.${verification}`];
    }),
    webhook: webhook.approvals,
  };
}

const conversionsIn = ({ events }: RunningApp) => events.filter(({ type }) => type === 'conversion');

async function sentTo(user: User): Promise<string> {
  const { delivery } = ok(await user.send());
  return delivery?.messageId ?? '';
}

const nothing = { twilio: [], tencent: [], 'twilio-verify': [], webhook: [] };

describe.each(['twilio', 'tencent', 'twilio-verify', 'webhook'] as const)('%s', (provider) => {
  it('is told once of a message whose code was entered, whatever else comes before and after', async () => {
    const { fakes, app, user: newUser } = await start([provider], { env: FEEDBACK });
    const user = newUser();
    const messageId = await sentTo(user);
    expect(messageId).not.toBe('');
    // Wrong guesses are none of its business.
    expect(await user.verdict(user.wrong(1), { requestId: 'wrong' })).toBe('WRONG_CODE');
    expect(await user.verdict(user.wrong(1), { requestId: 'wrong' })).toBe('WRONG_CODE');
    expect(await user.verdict(user.code(), { requestId: 'right' })).toBe('APPROVED');
    await eventually('it was told', () => conversionsIn(app).length > 0, { everyMs: 2 });
    // The same verdict, replayed, and a guess at what is used.
    expect(await user.verdict(user.code(), { requestId: 'right' })).toBe('APPROVED');
    expect(await user.verdict(user.code())).toBe('NOT_FOUND');
    await app.stop();
    expect(toldTo(fakes)).toEqual({ ...nothing, [provider]: [messageId] });
    expect(conversionsIn(app)).toEqual([{ type: 'conversion', provider, ok: true, vendorCode: '' }]);
  });

  it('is told of the last of the messages that carried the code', async () => {
    const { fakes, app, user: newUser } = await start([provider], { env: FEEDBACK });
    const user = newUser();
    await sentTo(user);
    const last = await sentTo(user);
    expect(await user.verdict(user.code())).toBe('APPROVED');
    await app.stop();
    expect(toldTo(fakes)).toEqual({ ...nothing, [provider]: [last] });
  });

  it.each([
    ['delivered', 1],
    ['failed', 0],
  ] as const)('that reported the message as %s is told %d times', async (word, times) => {
    const reporter = REPORTERS.find((each) => each.provider === provider);
    const env = reporter?.env ?? { TWILIO_VERIFY_POLL_SECONDS: '1' };
    const { fakes, app, user: newUser } = await start([provider], { env: { ...FEEDBACK, ...env } });
    const user = newUser();
    const messageId = await sentTo(user);
    if (reporter === undefined) await settled(fakes, app, { messageId, word });
    else await reporter.tell(fakes, reporter.latest(fakes), { word: reporter[word], via: String(app.callbacks) });
    expect(await user.verdict(user.code())).toBe('APPROVED');
    await app.stop();
    expect(toldTo(fakes)).toEqual({ ...nothing, [provider]: Array(times).fill(messageId) });
  });

  it('is not told of what it maybe sent, nor of test numbers', async () => {
    const number = '+14155550199';
    const {
      fakes,
      app,
      user: newUser,
    } = await start([provider], {
      env: {
        ...FEEDBACK,
        SMS_TEST_NUMBERS: `{"${number}": {code: "123456", until: 2999-01-01}}`,
        SMS_TEST_NUMBERS_IN_PRODUCTION: 'on',
      },
    });
    const tester = newUser(number);
    ok(await tester.send());
    expect(await tester.verdict('123456')).toBe('APPROVED');
    misbehave(fakes, provider, { do: 'close_after' });
    const user = newUser();
    expect(await sentTo(user)).toBe('');
    const code = provider === 'webhook' ? codeInLost(fakes) : user.code();
    expect(await user.verdict(code)).toBe('APPROVED');
    await app.stop();
    expect(toldTo(fakes)).toEqual(nothing);
    expect(conversionsIn(app)).toEqual([]);
  });

  it('neither delays nor fails an approval when it never answers', async () => {
    const { fakes, app, user: newUser } = await start([provider], { env: FEEDBACK });
    const user = newUser();
    await sentTo(user);
    const { requests } = provider === 'tencent' ? fakes.tencent.server : fakes[provider];
    const before = requests.length;
    if (provider === 'tencent') fakes.tencent.misbehave({ do: 'hang' });
    else fakes[provider].behave({ do: 'hang' });
    expect(await user.verdict(user.code())).toBe('APPROVED');
    await eventually('it was asked', () => requests.length > before, { everyMs: 2 });
    expect((await user.record()).state).toBe(VerificationState.APPROVED);
    expect(conversionsIn(app), 'nothing waited for it').toEqual([]);
  });

  it('that is gone fails no approval; the failure is counted and logged', async () => {
    const { fakes, app, user: newUser } = await start([provider], { env: FEEDBACK });
    const user = newUser();
    await sentTo(user);
    const code = user.code();
    await (provider === 'tencent' ? fakes.tencent.server : fakes[provider]).stop();
    expect(await user.verdict(code)).toBe('APPROVED');
    await eventually('it was tried', () => conversionsIn(app).length > 0, { everyMs: 2 });
    expect(conversionsIn(app)).toMatchObject([{ provider, ok: false }]);
    expect(await metric(app, 'countersign_conversions_total', { provider, ok: 'false' })).toBe(1);
    expect(app.log()).toContain('conversion feedback failed');
  });
});

/** Verify does not call: it is asked. */
async function settled(fakes: VendorFakes, app: RunningApp, { messageId, word }: { messageId: string; word: string }) {
  fakes['twilio-verify'].settle(messageId.slice(0, 34), { status: word });
  await eventually('it was asked', () => app.events.some(({ type }) => type === 'report'));
}

/** The fake gateway counts only what it answered. */
function codeInLost({ webhook }: VendorFakes): string {
  return JSON.parse(webhook.requests.at(-1)?.body ?? '{}').code;
}

it('after a failover only the vendor that took the message is told', async () => {
  const env = { ...FEEDBACK, SMS_ROUTES: '[{providers: [twilio, tencent]}]' };
  const { fakes, app, user: newUser } = await start(['twilio', 'tencent'], { env });
  fakes.twilio.behave({ do: 'close_after' });
  const user = newUser();
  const messageId = await sentTo(user);
  expect(messageId).toBe('5000:1');
  expect(await user.verdict(user.code())).toBe('APPROVED');
  await app.stop();
  expect(toldTo(fakes)).toEqual({ ...nothing, tencent: [messageId] });
});

it('a gateway is told of codes that are entered at the same time together, of each once', async () => {
  const { fakes, app, user: newUser } = await start(['webhook']);
  const users = Array.from({ length: 20 }, () => newUser());
  const messageIds = await Promise.all(users.map(sentTo));
  const codes = users.map((user) => user.code());
  const before = fakes.webhook.requests.length;
  const verdicts = await Promise.all(users.map((user, index) => user.verdict(codes[index] ?? '')));
  expect(new Set(verdicts)).toEqual(new Set(['APPROVED']));
  await app.stop();
  expect(fakes.webhook.approvals.toSorted()).toEqual(messageIds.toSorted());
  expect(conversionsIn(app)).toHaveLength(20);
  expect(fakes.webhook.requests.length - before, 'one, unless the machine is very slow').toBeLessThan(10);
});

it.each([
  ['twilio', { TWILIO_FEEDBACK: 'off' }],
  ['tencent', {}],
] as const)('%s is told nothing where that is not switched on', async (provider, env) => {
  const { fakes, app, user: newUser } = await start([provider], { env });
  const user = newUser();
  await sentTo(user);
  expect(await user.verdict(user.code())).toBe('APPROVED');
  await app.stop();
  expect(toldTo(fakes)).toEqual(nothing);
  expect(fakes.twilio.sends.every(({ provideFeedback }) => !provideFeedback)).toBe(true);
});
