/** Guesses belong to the phone, not to the code: whoever asks for new codes gets no new guesses, and no stranger costs any. */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { RunningApp } from '../support/app.ts';
import { ok, type Protocol } from '../support/clients.ts';
import { createStage, figure, without } from './stage.ts';
import { createUser, tally, type User } from './user.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const { checkCode } = VerificationService.method;

const stage = createStage();
const { clock } = stage;

const TOKENS = { auth: 'token-of-auth', shop: 'token-of-shop' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const callers = Object.entries(TOKENS).map(([name, token]) => `${name}: {tokens: [${sha256(token)}]}`);
const env = { COUNTERSIGN_CALLERS: `{${callers.join(', ')}}` };

/** Nothing but the guess budget limits sends. */
const unlimited = (resend: string) => `
limits:
  resendIntervalSeconds: 0
  windows: { phone_hour: null, phone_day: null, huge: { limit: 1000, seconds: 60 } }
purposes:
  login: { resend: ${resend} }
  register: { resend: ${resend} }
`;

describe('the budget of a day', () => {
  /** Keeps asking for codes and guessing wrongly for `ms`, in turns over the apps and protocols. */
  async function attack(apps: readonly RunningApp[], { ms, burst }: { ms: number; burst: number }) {
    const phone = stage.phone();
    const attackers = apps.flatMap((app) =>
      (['grpc', 'json', 'binary', 'grpc-web'] as const).map((protocol) =>
        createUser(app, { phone, protocol, token: TOKENS.auth }),
      ),
    );
    const comparedAt: number[] = [];
    const refusals: string[] = [];
    let sends = 0;
    const end = clock.now() + ms;
    for (let turn = 0; clock.now() < end; turn++) {
      const attacker = attackers[turn % attackers.length] as User;
      const answer = await attacker.send();
      if (answer.status === 'OK') {
        sends += 1;
        const wrong = Array.from({ length: burst }, (_, n) => attacker.wrong(n + 1));
        const guesses = wrong.map((code, n) =>
          (attackers[(turn + n) % attackers.length] as User).verdict(code, { verificationId: attacker.id }),
        );
        for (const verdict of await Promise.all(guesses)) if (verdict === 'WRONG_CODE') comparedAt.push(clock.now());
        clock.pass(2 * MINUTE);
      } else {
        refusals.push(String(answer.details.ErrorInfo?.reason));
        clock.pass(20 * MINUTE);
      }
    }
    return { comparedAt, sends, refusals: tally(refusals) };
  }

  const fullest = (times: readonly number[]) =>
    Math.max(...times.map((start) => times.filter((time) => time >= start && time < start + DAY).length));

  it.each([
    { resend: 'same', burst: 4 },
    { resend: 'new', burst: 4 },
    { resend: 'same', burst: 30 },
    { resend: 'new', burst: 30 },
  ])('$burst wrong guesses, resend ($resend), repeat: exactly 20 compared in 24 h', async ({ resend, burst }) => {
    const start = { env, file: unlimited(resend) };
    const apps = [await stage.startVirtual(start), await stage.startVirtual(start)];
    const { comparedAt, sends, refusals } = await attack(apps, { ms: DAY, burst });
    expect(comparedAt).toHaveLength(20);
    expect(Object.keys(refusals)).toEqual(['GUESS_BUDGET']);
    figure(
      `${burst} guesses a code, resend ${resend}: ${comparedAt.length} compared in 24 h, ${sends} codes, 2 servers`,
    );
  });

  it('in no 24 hours of three days more than 20, and 20 again in each', async () => {
    const start = { env, file: unlimited('new') };
    const apps = [await stage.startVirtual(start), await stage.startVirtual(start)];
    const { comparedAt } = await attack(apps, { ms: 3 * DAY, burst: 4 });
    expect(fullest(comparedAt)).toBe(20);
    expect(comparedAt.length).toBeGreaterThanOrEqual(56);
    figure(`3 days of attack: ${comparedAt.length} compared, at most ${fullest(comparedAt)} in any 24 h`);
  });

  it('with the default limits too', async () => {
    const { comparedAt, refusals } = await attack([await stage.startVirtual({ env })], { ms: DAY, burst: 4 });
    expect(comparedAt).toHaveLength(20);
    expect(refusals.GUESS_BUDGET).toBeGreaterThan(0);
  });

  it('negative control: a new code that forgets the failures is guessed without end', async () => {
    const plant = without('send', {
      'record.mac = bound_mac(mac, record)': "record.mac = bound_mac(mac, record)\n  redis.call('DEL', failures_key)",
    });
    const { comparedAt } = await attack([await stage.startVirtual({ env, file: unlimited('new'), plant })], {
      ms: 2 * HOUR,
      burst: 4,
    });
    expect(comparedAt.length).toBeGreaterThan(200);
    figure(`failures forgotten with the code: ${comparedAt.length} compared in 2 h`);
  });

  it('the refusal says how long, RateStatus explains it, and it ends to the millisecond', async () => {
    const app = await stage.startVirtual({ env, file: unlimited('new') });
    const user = createUser(app, { phone: stage.phone(), protocol: 'grpc', token: TOKENS.auth });
    const first = clock.now();
    for (let code = 0; code < 4; code++) {
      ok(await user.send());
      for (let n = 1; n <= 5; n++) expect(await user.verdict(user.wrong(n))).toBe('WRONG_CODE');
      clock.pass(HOUR);
    }
    const refused = await user.send();
    expect(refused).toMatchObject({
      status: 'RESOURCE_EXHAUSTED',
      details: {
        ErrorInfo: { reason: 'GUESS_BUDGET' },
        RetryInfo: { retryDelay: '72000s' },
        QuotaFailure: { violations: [{ quotaId: 'guess_budget', quotaValue: '20' }] },
      },
    });
    expect(await user.status()).toMatchObject({
      canSend: false,
      canCheck: false,
      blockedBy: 'guess_budget',
      retryAfter: { seconds: 72_000n },
      guessBudget: { limit: 20, used: 20, remaining: 0, retryAfter: { seconds: 72_000n } },
    });
    clock.pass(first + DAY - clock.now() - 1);
    expect((await user.send()).status).toBe('RESOURCE_EXHAUSTED');
    clock.pass(1);
    ok(await user.send());
    // The five of the first hour have left the window, and no more.
    expect(await user.record()).toMatchObject({ attemptsRemaining: 5 });
    expect((await user.status()).guessBudget).toMatchObject({ used: 15, remaining: 5 });
  });

  it('only success clears it', async () => {
    const app = await stage.startVirtual({ env, file: unlimited('new') });
    const user = createUser(app, { phone: stage.phone(), protocol: 'json', token: TOKENS.auth });
    for (let code = 0; code < 4; code++) {
      ok(await user.send());
      for (let n = 1; n <= 4; n++) expect(await user.verdict(user.wrong(n))).toBe('WRONG_CODE');
    }
    expect((await user.status()).guessBudget).toMatchObject({ used: 16, remaining: 4 });
    expect(await user.verdict(user.code())).toBe('APPROVED');
    expect((await user.status()).guessBudget).toMatchObject({ used: 0, remaining: 20 });
  });
});

describe('a stranger', () => {
  interface Stranger {
    readonly who: string;
    readonly guess: Parameters<User['check']>[1];
    readonly token: string;
    /** By bare phone number instead of by an id. */
    readonly byPhone?: true;
  }
  const MINE = { client: { sessionId: 'mine' } };
  const THEIRS = { client: { sessionId: 'theirs' } };
  const strangers: readonly Stranger[] = [
    { who: 'another caller with the id', token: TOKENS.shop, guess: MINE },
    { who: 'another caller by phone', token: TOKENS.shop, guess: MINE, byPhone: true },
    { who: 'another purpose with the id', token: TOKENS.auth, guess: { ...MINE, purpose: 'register' } },
    { who: 'another purpose by phone', token: TOKENS.auth, guess: { ...MINE, purpose: 'register' }, byPhone: true },
    { who: 'another session with the id', token: TOKENS.auth, guess: THEIRS },
    { who: 'another session by phone', token: TOKENS.auth, guess: THEIRS, byPhone: true },
    { who: 'no session with the id', token: TOKENS.auth, guess: {} },
    { who: 'no session by phone', token: TOKENS.auth, guess: {}, byPhone: true },
  ];

  let app: RunningApp;
  beforeAll(async () => {
    app = await stage.startVirtual({ env, file: unlimited('new') });
  });

  async function intrude(of: RunningApp, { guess, token, byPhone }: Stranger, protocol: Protocol) {
    const owner = createUser(of, { phone: stage.phone(), protocol: 'grpc', token: TOKENS.auth });
    ok(await owner.send(MINE));
    const target = byPhone ? { phone: owner.phone } : { verificationId: owner.id };
    const client = of.client(protocol);
    const verdicts: string[] = [];
    // The right code is among them.
    for (let n = 0; n < 30; n++) {
      const code = owner.wrong(n === 29 ? 0 : n + 1);
      const answer = ok(await client.call(checkCode, { purpose: 'login', ...target, code, ...guess }, { token }));
      verdicts.push(answer.result === CheckResult.NOT_FOUND ? 'NOT_FOUND' : 'told');
    }
    return { owner, verdicts: tally(verdicts) };
  }

  for (const protocol of ['grpc', 'json'] as const) {
    it.each(strangers)(`$who burns nothing over ${protocol}, and the owner can still verify`, async (stranger) => {
      const { owner, verdicts } = await intrude(app, stranger, protocol);
      expect(verdicts).toEqual({ NOT_FOUND: 30 });
      expect(await owner.record()).toMatchObject({ attempts: 0, attemptsRemaining: 5 });
      expect((await owner.status()).guessBudget).toMatchObject({ used: 0, remaining: 20, attemptsRemaining: 5 });
      expect(await owner.verdict(owner.code(), MINE)).toBe('APPROVED');
    });
  }

  it('without the id burns at most 3 of the guesses of a code that names no session', async () => {
    const owner = createUser(app, { phone: stage.phone(), protocol: 'grpc', token: TOKENS.auth });
    ok(await owner.send());
    const byPhone = { verificationId: '', phone: owner.phone };
    const verdicts = Array.from({ length: 30 }, (_, n) => owner.verdict(owner.wrong(n + 1), byPhone));
    expect(tally(await Promise.all(verdicts))).toEqual({ WRONG_CODE: 3, EXHAUSTED: 27 });
    expect(await owner.record()).toMatchObject({ attempts: 3, attemptsRemaining: 2 });
    expect(await owner.verdict(owner.code())).toBe('APPROVED');
  });

  it('negative control: a check that looks at no session lets another session burn and use the code', async () => {
    const plant = without('check', { "record.session ~= '' and record.session ~= session": 'false' });
    const open = await stage.startVirtual({ env, file: unlimited('new'), plant });
    const { owner, verdicts } = await intrude(open, strangers[4] as Stranger, 'grpc');
    expect(verdicts).toEqual({ told: 30 });
    expect(await owner.record()).toMatchObject({ attempts: 5 });
    expect(await owner.verdict(owner.code(), MINE)).toBe('EXHAUSTED');
  });

  it('negative control: keys without caller and purpose let both burn the code', async () => {
    const plant = (name: string, lua: string) =>
      ['send', 'check', 'status'].includes(name) ? `KEYS[1] = string.gsub(KEYS[1], ':v:.*', ':v:all')\n${lua}` : lua;
    const open = await stage.startVirtual({ env, file: unlimited('new'), plant });
    for (const index of [0, 2]) {
      const { owner, verdicts } = await intrude(open, strangers[index] as Stranger, 'json');
      expect(verdicts.told).toBeGreaterThan(0);
      expect((await owner.record()).attempts).toBeGreaterThan(0);
    }
  });
});
