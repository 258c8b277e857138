import { beforeEach, describe, expect, it } from 'vitest';
import type { CallFacts } from '../../src/event.ts';
import type { Verifier } from '../../src/verification/verifier.ts';
import { AWAY, auth, call, checkRequest, createStage, PHONE, refusal, type Stage, sendRequest } from './stage.ts';

let stage: Stage;
let verifier: Verifier;
beforeEach(() => {
  stage = createStage();
  verifier = stage.start();
});

/** What the call's log line will say. */
async function factsOf(run: (made: ReturnType<typeof call>) => Promise<unknown>): Promise<CallFacts> {
  const made = call();
  await run(made).catch(() => undefined);
  return made.facts;
}

const MASKED = '****0123';
const OTHER = '+14155550124';
const byPhone = { verificationId: '', phone: PHONE, region: '', purpose: 'login' };

describe('the log line of SendCode', () => {
  const send = (changes = {}) => factsOf((made) => verifier.sendCode(sendRequest(changes), made));

  it('says what was sent, by whom, to which masked phone', async () => {
    const made = call();
    const { verificationId } = await verifier.sendCode(sendRequest(), made);
    const sent = { purpose: 'login', phone: MASKED, verificationId, outcome: 'sent', provider: 'fake' };
    expect(made.facts).toEqual(sent);
  });

  it('says that it was maybe sent', async () => {
    stage.answer = { kind: 'unknown', category: 'timeout', vendorCode: '' };
    expect(await send()).toMatchObject({ outcome: 'maybe_sent', provider: 'fake' });
  });

  it('says that a request came again', async () => {
    await send({ requestId: 'r-1' });
    const repeated = await send({ requestId: 'r-1' });
    expect(repeated).toMatchObject({ outcome: 'replayed', verificationId: expect.any(String) });
    expect(repeated).not.toHaveProperty('provider');
  });

  it('says that the store was away', async () => {
    stage.failing.add('send');
    expect(await send()).toEqual({ purpose: 'login', phone: MASKED, outcome: 'store_unavailable' });
  });

  it('names the phone of a send that a limit refused, and no verification', async () => {
    await send();
    expect(await send()).toEqual({ purpose: 'login', phone: MASKED });
  });

  it('names no purpose that is not configured, whoever asks', async () => {
    const shop = { name: 'shop', purposes: new Set(['login']) };
    const heard = [
      { caller: auth, expected: 'register, login, reset_password' },
      { caller: shop, expected: 'login' },
    ];
    for (const { caller, expected } of heard) {
      const made = call(caller);
      expect(await refusal(verifier.sendCode(sendRequest({ purpose: 'x' }), made))).toMatchObject({
        reason: 'INVALID_FIELDS',
        violations: [{ field: 'purpose', rule: 'unknown_purpose', expected }],
      });
      expect(made.facts).toEqual({});
    }
  });

  it('names a purpose that the caller may not use', async () => {
    const made = call({ name: 'shop', purposes: new Set(['register']) });
    await verifier.sendCode(sendRequest(), made).catch(() => undefined);
    expect(made.facts).toEqual({ purpose: 'login' });
  });
});

describe('the log line of CheckCode', () => {
  it.each<[what: string, tries: number, outcome: string]>([
    ['wrong', 1, 'wrong_code'],
    ['exhausted', 6, 'exhausted'],
  ])('says by id that the code was %s', async (_, tries, outcome) => {
    const sent = await verifier.sendCode(sendRequest(), call());
    const guess = () => factsOf((made) => verifier.checkCode(checkRequest(sent, stage.wrongCode()), made));
    for (let i = 1; i < tries; i++) await guess();
    expect(await guess()).toEqual({ purpose: 'login', verificationId: sent.verificationId, outcome });
  });

  it('says by phone which verification it was, although the caller does not learn it', async () => {
    const sent = await verifier.sendCode(sendRequest(), call());
    const wrong = { ...byPhone, code: stage.wrongCode(), requestId: '', variables: {} };
    expect(await factsOf((made) => verifier.checkCode(wrong, made))).toEqual({
      purpose: 'login',
      phone: MASKED,
      verificationId: sent.verificationId,
      outcome: 'wrong_code',
    });
  });

  it('says that there was nothing to check', async () => {
    const request = { ...byPhone, code: '123456', requestId: '', variables: {} };
    expect(await factsOf((made) => verifier.checkCode(request, made))).toEqual({
      purpose: 'login',
      phone: MASKED,
      outcome: 'not_found',
    });
  });
});

describe('the log line of the others', () => {
  it('of RateStatus says whether a code can be sent, and what is in the way', async () => {
    const status = () => factsOf((made) => verifier.rateStatus(byPhone, made));
    expect(await status()).toEqual({ purpose: 'login', phone: MASKED, outcome: 'can_send' });
    await verifier.sendCode(sendRequest(), call());
    expect(await status()).toMatchObject({ outcome: 'blocked_by_cooldown' });
  });

  it('of GetVerification and CancelVerification says the state', async () => {
    const { verificationId } = await verifier.sendCode(sendRequest(), call());
    const byId = { verificationId, phone: '', region: '', purpose: 'login' };
    expect(await factsOf((made) => verifier.getVerification(byId, made))).toEqual({
      purpose: 'login',
      verificationId,
      outcome: 'pending',
    });
    expect(await factsOf((made) => verifier.cancelVerification(byId, made))).toMatchObject({ outcome: 'canceled' });
    expect(await factsOf((made) => verifier.getVerification({ ...byPhone, phone: OTHER }, made))).toEqual({
      purpose: 'login',
      phone: '****0124',
    });
  });
});

describe('a call that the store did not answer', () => {
  it('is refused as the store says, and sends nothing', async () => {
    stage.failing.add('send').add('check').add('status').add('cancel');
    const sent = { verificationId: Buffer.alloc(33, 1).toString('base64url'), phone: '', region: '', purpose: 'login' };
    const calls = [
      verifier.sendCode(sendRequest(), call()),
      verifier.checkCode({ ...sent, code: '123456', requestId: '', variables: {} }, call()),
      verifier.rateStatus(byPhone, call()),
      verifier.getVerification(sent, call()),
      verifier.cancelVerification(sent, call()),
    ];
    for (const each of calls) expect(await refusal(each)).toEqual(AWAY);
    expect(stage.messages).toEqual([]);
  });
});
