import { beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../src/domain/caller.ts';
import { call, checkRequest, createStage, PHONE, refusal, type Stage, sendRequest } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});

describe('a caller', () => {
  const shop: Caller = { name: 'shop', purposes: new Set(['login']) };

  it('may not use a foreign purpose: no operation asks the store', async () => {
    const verifier = stage.start();
    const id = Buffer.alloc(33).toString('base64url');
    const target = { verificationId: id, phone: '', region: '', purpose: 'register' };
    const attempts = [
      verifier.sendCode(sendRequest({ purpose: 'register' }), call(shop)),
      verifier.checkCode({ ...target, code: '123456', requestId: '', variables: {} }, call(shop)),
      verifier.rateStatus({ phone: PHONE, region: '', purpose: 'register' }, call(shop)),
      verifier.getVerification(target, call(shop)),
      verifier.cancelVerification(target, call(shop)),
    ];
    for (const attempt of attempts) expect(await refusal(attempt)).toMatchObject({ reason: 'PURPOSE_NOT_ALLOWED' });
    expect(stage.operations).toEqual([]);
  });

  it('hears of its own purposes only, when it asks for one that does not exist', async () => {
    const verifier = stage.start();
    const target = { verificationId: Buffer.alloc(33).toString('base64url'), phone: '', region: '', purpose: 'lgin' };
    const attempts = (caller?: Caller) => [
      verifier.sendCode(sendRequest({ purpose: 'lgin' }), call(caller)),
      verifier.checkCode({ ...target, code: '123456', requestId: '', variables: {} }, call(caller)),
      verifier.rateStatus({ phone: PHONE, region: '', purpose: 'lgin' }, call(caller)),
      verifier.getVerification(target, call(caller)),
      verifier.cancelVerification(target, call(caller)),
    ];
    const heard = (expected: string) => [{ field: 'purpose', rule: 'unknown_purpose', expected }];
    for (const attempt of attempts(shop)) {
      expect(await refusal(attempt)).toEqual({ reason: 'INVALID_FIELDS', violations: heard('login') });
    }
    for (const attempt of attempts()) {
      expect(await refusal(attempt)).toMatchObject({ violations: heard('register, login, reset_password') });
    }
  });

  it('finds nothing under another caller’s id', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const target = { verificationId: sent.verificationId, phone: '', region: '', purpose: 'login' };
    const notFound = { reason: 'VERIFICATION_NOT_FOUND' };
    expect(await verifier.checkCode(checkRequest(sent, stage.lastCode()), call(shop))).toEqual({ result: 'not_found' });
    expect(await refusal(verifier.getVerification(target, call(shop)))).toEqual(notFound);
    expect(await refusal(verifier.cancelVerification(target, call(shop)))).toEqual(notFound);
    expect(await verifier.checkCode(checkRequest(sent, stage.lastCode()), call())).toMatchObject({
      result: 'approved',
    });
  });
});
