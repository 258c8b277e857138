/** The cases by which the service is known, over a real Redis and through real clients. Time is turned by hand. */
import { timestampMs } from '@bufbuild/protobuf/wkt';
import { beforeAll, describe, expect, it, test } from 'vitest';
import {
  type CheckCodeResponse,
  CheckResult,
  VerificationState,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import type { RunningApp } from '../support/app.ts';
import { type Answer, ok, type Protocol } from '../support/clients.ts';
import type { VirtualOptions } from '../support/virtual-redis.ts';
import { eventually } from '../support/wait.ts';
import { createStage, without } from './stage.ts';
import { createUser, tally, type User } from './user.ts';

const EDGES = ['grpc', 'json'] as const;
const PURPOSES = ['register', 'login', 'reset_password'];
const SECOND = 1_000;
const MINUTE = 60 * SECOND;

const stage = createStage();
const { clock } = stage;

function refusal(answer: Answer<unknown>) {
  if (answer.status === 'OK') throw new Error('it was not refused');
  const { status, details } = answer;
  return { status, reason: details.ErrorInfo?.reason, retryDelay: details.RetryInfo?.retryDelay, details };
}
const violations = (answer: Answer<unknown>) => refusal(answer).details.BadRequest?.fieldViolations;
/** Null while it is refused. */
const resultOf = (answer: Answer<CheckCodeResponse>) => (answer.status === 'OK' ? answer.message.result : null);
const cooldown = (retryDelay: string) => ({ status: 'RESOURCE_EXHAUSTED', reason: 'COOLDOWN', retryDelay });
const hourly = (retryDelay: string) => ({ status: 'RESOURCE_EXHAUSTED', reason: 'PHONE_LIMIT', retryDelay });

interface SeedCase {
  readonly name: string;
  /** Rejects when the promise is broken. */
  play(user: (purpose?: string) => User): Promise<void>;
  /** The protection, switched off: then the same play must fail. */
  readonly control: NonNullable<VirtualOptions['plant']>;
  /** In what the failure says. */
  readonly red: string;
}

/** The code stays where it was when it is right. */
const REUSABLE = without('check', { "end_code(record, 'approved')": '' });

const USED_TWICE = "expected 'APPROVED' to be 'NOT_FOUND'";

const CASES: readonly SeedCase[] = [
  ...PURPOSES.map((purpose) => ({
    name: `happy path for ${purpose}: sent, checked, approved once`,
    play: async (someone: (purpose: string) => User) => {
      const user = someone(purpose);
      const sent = ok(await user.send());
      expect(sent).toMatchObject({ code: '', test: false, sendsRemaining: 4, delivery: { provider: 'inbox' } });
      expect(sent.phoneMasked).toBe(`****${user.phone.slice(-4)}`);
      expect(user.code()).toMatch(/^[0-9]{6}$/);
      clock.pass(SECOND);
      const { verifiedAt, ...approved } = ok(await user.check(user.code()));
      expect(approved).toMatchObject({ result: CheckResult.APPROVED, verificationId: sent.verificationId });
      expect(verifiedAt && timestampMs(verifiedAt)).toBe(clock.now());
      expect(await user.verdict(user.code())).toBe('NOT_FOUND');
      expect(await user.record()).toMatchObject({ state: VerificationState.APPROVED, purpose, sends: 1 });
    },
    control: REUSABLE,
    red: USED_TWICE,
  })),
  {
    name: 'cooldown: refused to the millisecond, counted down and explained, then sent',
    play: async (someone) => {
      const user = someone();
      ok(await user.send());
      expect(refusal(await user.send())).toMatchObject(cooldown('60s'));
      clock.pass(20 * SECOND);
      expect(refusal(await user.send())).toMatchObject(cooldown('40s'));
      expect(await user.status()).toMatchObject({
        canSend: false,
        canCheck: true,
        blockedBy: 'cooldown',
        retryAfter: { seconds: 40n },
        cooldown: { active: true, level: 1 },
      });
      clock.pass(40 * SECOND - 1);
      expect(refusal(await user.send())).toMatchObject(cooldown('0.001s'));
      clock.pass(1);
      expect(await user.status()).toMatchObject({ canSend: true, blockedBy: '' });
      ok(await user.send());
      expect(user.received()).toBe(2);
    },
    control: without('send', { 'if by then': 'if false then' }),
    red: 'it was not refused',
  },
  {
    name: 'hourly limit: 5 in any hour, sliding with the clock',
    play: async (someone) => {
      const user = someone();
      for (let sent = 0; sent < 5; sent++) {
        ok(await user.send());
        clock.pass(11 * MINUTE);
      }
      expect(refusal(await user.send())).toMatchObject(hourly('300s'));
      clock.pass(5 * MINUTE - 1);
      expect(refusal(await user.send())).toMatchObject(hourly('0.001s'));
      clock.pass(1);
      ok(await user.send());
      // The second leaves the window 11 minutes after the first did, not with it.
      clock.pass(10 * MINUTE);
      expect(refusal(await user.send())).toMatchObject(hourly('60s'));
      expect(await user.status()).toMatchObject({ canSend: false, blockedBy: 'phone_hour' });
      clock.pass(MINUTE);
      ok(await user.send());
      expect(user.received()).toBe(7);
    },
    // A window that empties all at once.
    control: without('send', {
      'count_after(times, now - window_ms)': 'count_after(times, now - now % window_ms)',
    }),
    red: 'it was not refused',
  },
  {
    name: 'expiry: the right code counts until 5 minutes are over, not a millisecond longer',
    play: async (someone) => {
      const early = someone();
      const { expiresAt } = ok(await early.send());
      expect(expiresAt && timestampMs(expiresAt)).toBe(clock.now() + 5 * MINUTE);
      clock.pass(5 * MINUTE - 1);
      expect(await early.verdict(early.code())).toBe('APPROVED');
      const late = someone();
      ok(await late.send());
      clock.pass(5 * MINUTE);
      expect(await late.verdict(late.code())).toBe('NOT_FOUND');
      expect(await late.record()).toMatchObject({
        state: VerificationState.EXPIRED,
        attempts: 0,
        attemptsRemaining: 0,
      });
      expect(await late.status()).toMatchObject({ canCheck: false });
    },
    control: without('check', { ' or now >= record.expires': '' }),
    red: USED_TWICE,
  },
  {
    name: 'concurrent checks: one of 50 is approved',
    play: async (someone) => {
      const user = someone();
      ok(await user.send());
      const verdicts = await Promise.all(Array.from({ length: 50 }, () => user.verdict(user.code())));
      expect(tally(verdicts)).toEqual({ APPROVED: 1, NOT_FOUND: 49 });
    },
    control: REUSABLE,
    red: '{ APPROVED: 5, EXHAUSTED: 45 }',
  },
  {
    name: 'wrong code: charged, counted down, exhausted after 5, the right one included',
    play: async (someone) => {
      const [careful, hasty] = [someone('login'), someone('register')];
      ok(await careful.send());
      ok(await hasty.send());
      expect(ok(await careful.check(careful.wrong()))).toMatchObject({
        result: CheckResult.WRONG_CODE,
        attemptsRemaining: 4,
      });
      expect(await careful.verdict(careful.code())).toBe('APPROVED');
      for (const left of [4, 3, 2, 1, 0]) {
        expect(ok(await hasty.check(hasty.wrong(left + 1)))).toMatchObject({
          result: CheckResult.WRONG_CODE,
          attemptsRemaining: left,
        });
      }
      expect(await hasty.verdict(hasty.code())).toBe('EXHAUSTED');
      expect(await hasty.record()).toMatchObject({ state: VerificationState.EXHAUSTED, attempts: 5 });
    },
    control: without('check', { 'record.attempts = record.attempts + 1': '' }),
    red: 'attemptsRemaining: 3',
  },
  {
    name: 'already consumed: the code and the id are good for nothing more, a resend makes another',
    play: async (someone) => {
      const user = someone();
      ok(await user.send());
      const [id, code] = [user.id, user.code()];
      expect(await user.verdict(code)).toBe('APPROVED');
      clock.pass(MINUTE);
      expect(await user.verdict(code)).toBe('NOT_FOUND');
      ok(await user.send());
      expect(user.id).not.toBe(id);
      expect(await user.verdict(code, { verificationId: id })).toBe('NOT_FOUND');
      expect(await user.verdict(user.code())).toBe('APPROVED');
    },
    control: REUSABLE,
    red: USED_TWICE,
  },
];

let app: RunningApp;
beforeAll(async () => {
  app = await stage.startVirtual();
});

const users = (of: RunningApp, protocol: Protocol) => (purpose?: string) =>
  createUser(of, { protocol, phone: stage.phone(), ...(purpose !== undefined && { purpose }) });

describe.each(EDGES)('over %s', (protocol) => {
  const actors = (of: RunningApp) => users(of, protocol);

  it.each(CASES)('$name', async ({ play }) => {
    await play(actors(app));
  });

  it.each([
    ['nothing', '', 'REQUIRED'],
    ['text', 'call me', 'NOT_A_PHONE'],
    ['a country without a number', '+1', 'IMPOSSIBLE_PHONE'],
    ['too short', '+1415555', 'IMPOSSIBLE_PHONE'],
    ['an unassigned country', '+9991234567', 'IMPOSSIBLE_PHONE'],
    ['an extension', '+14155550123 ext. 9', 'EXTENSION_NOT_ALLOWED'],
    ['two numbers', '+14155550123, +14155550124', 'NOT_A_PHONE'],
  ])('invalid phone, %s: refused field by field, nothing sent, nothing stored', async (_, phone, reason) => {
    const before = app.inbox.messages.length;
    const answer = await createUser(app, { protocol, phone }).send({ purpose: '' });
    expect(refusal(answer)).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
    expect(violations(answer)).toMatchObject([
      { field: 'phone', reason },
      { field: 'purpose', reason: 'REQUIRED' },
    ]);
    expect(app.inbox.messages).toHaveLength(before);
    expect(await stage.checkKeys()).toBe(0);
  });

  it.each(['', '12345', '1234567', '12345a', '12 456', '１２３４５６', '-12345', '1e4567'])(
    'invalid code format, "%s": refused and not counted as a guess',
    async (code) => {
      const user = actors(app)();
      ok(await user.send());
      const answer = await user.check(code);
      expect(refusal(answer)).toMatchObject({ status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' });
      expect(violations(answer)).toMatchObject([{ field: 'code', reason: code === '' ? 'REQUIRED' : 'NOT_N_DIGITS' }]);
      expect(await user.record()).toMatchObject({ attempts: 0, attemptsRemaining: 5 });
      expect(await user.verdict(user.code())).toBe('APPROVED');
    },
  );

  type Proxied = Awaited<ReturnType<typeof stage.startProxied>>;
  const away: [how: string, leave: (app: Proxied) => void, comeBack: (app: Proxied) => void][] = [
    ['gone', ({ proxy }) => [proxy.refuse(), proxy.cut()], ({ proxy }) => proxy.accept()],
    ['silent', ({ proxy }) => proxy.stall('requests'), ({ proxy }) => proxy.resume('requests')],
    ['mute', ({ proxy }) => proxy.stall('replies'), ({ proxy }) => proxy.resume('replies')],
  ];
  test.each(away)('Redis away (%s): UNAVAILABLE, nothing sent, nothing approved', async (_, leave, comeBack) => {
    const app = await stage.startProxied({ env: { REDIS_COMMAND_TIMEOUT_MS: '400' } });
    const [waiting, fresh] = [actors(app)(), actors(app)()];
    await eventually('a code is sent', async () => ok(await waiting.send()));
    const check = () => waiting.check(waiting.code(), { requestId: 'the-guess' });
    leave(app);
    const away = { status: 'UNAVAILABLE', reason: 'STORE_UNAVAILABLE' };
    const answers = await Promise.all([check(), fresh.send()]);
    expect(answers.map(refusal)).toMatchObject([away, away]);

    comeBack(app);
    expect(await eventually('the check is answered', async () => resultOf(await check()))).toBe(CheckResult.APPROVED);
    await eventually('the send is given back', async () => (await fresh.status()).canSend);
    expect(fresh.received()).toBe(0);
  });

  it.each(['unavailable', 'rejected'] as const)(
    'provider away (%s): nothing charged, the user can try again at once',
    async (kind) => {
      const user = actors(app)();
      app.inbox.answer(async () => ({ kind, category: 'transient', vendorCode: '503' }));
      const answer = refusal(await user.send({ requestId: 'r-1' }));
      if (kind === 'rejected')
        expect(answer).toMatchObject({ status: 'FAILED_PRECONDITION', reason: 'DESTINATION_REFUSED' });
      else expect(answer).toMatchObject({ status: 'UNAVAILABLE', reason: 'DELIVERY_UNAVAILABLE', retryDelay: '5s' });
      const status = await user.status();
      expect(status).toMatchObject({ canSend: true, canCheck: false, cooldown: { active: false, level: 0 } });
      expect(status.limits.map(({ used }) => used)).toEqual([0, 0]);
      app.inbox.answer(async () => ({ kind: 'accepted', messageId: 'm', segments: 1 }));
      expect(ok(await user.send({ requestId: 'r-1' })).sendsRemaining).toBe(4);
      expect(await user.verdict(user.code())).toBe('APPROVED');
    },
  );
});

describe('negative controls: each case fails without its protection', () => {
  it.each(CASES)('$name', async ({ play, control, red }) => {
    const planted = await stage.startVirtual({ plant: control });
    await expect(play(users(planted, 'grpc'))).rejects.toThrow(red);
  });

  it('provider away, and nothing is given back', async () => {
    const planted = await stage.startVirtual({
      plant: without('settle', { 'for _ = 1, 3 do table.remove(sends, charged) end': '' }),
    });
    const user = users(planted, 'grpc')();
    planted.inbox.answer(async () => ({ kind: 'unavailable', category: 'transient', vendorCode: '503' }));
    expect(refusal(await user.send())).toMatchObject({ reason: 'DELIVERY_UNAVAILABLE' });
    expect(refusal(await user.send())).toMatchObject(cooldown('60s'));
  });
});
