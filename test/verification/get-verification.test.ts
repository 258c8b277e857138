import { beforeEach, describe, expect, it } from 'vitest';
import { call, checkRequest, createStage, keyring, MINUTE, PHONE, refusal, type Stage, sendRequest } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});

describe('getVerification and cancelVerification', () => {
  it('show the record, by id or by phone', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const byId = { verificationId: sent.verificationId, phone: '', region: '', purpose: 'login' };
    const record = await verifier.getVerification(byId, call());
    expect(record).toMatchObject({ state: 'pending', sends: 1, attempts: 0, delivery: { messageId: 'm-1' } });
    expect(await verifier.getVerification({ ...byId, verificationId: '', phone: PHONE }, call())).toEqual(record);
    expect(await verifier.cancelVerification(byId, call())).toMatchObject({ state: 'canceled' });
  });

  it('show an approval of the phone under no other id', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    await verifier.checkCode(checkRequest(sent, stage.lastCode()), call());
    const other = keyring.verificationId(keyring.phoneKey(PHONE), Buffer.alloc(16, 9).toString('base64url'));
    const byId = { verificationId: other, phone: '', region: '', purpose: 'login' };
    expect(await refusal(verifier.getVerification(byId, call()))).toEqual({ reason: 'VERIFICATION_NOT_FOUND' });
  });

  it('remember for 30 days that a phone was verified', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    await verifier.checkCode(checkRequest(sent, stage.lastCode()), call());
    const approvedAt = stage.time;
    stage.time += MINUTE;
    await verifier.sendCode(sendRequest(), call());
    stage.time += 29 * 24 * 60 * MINUTE;
    const byPhone = { verificationId: '', phone: PHONE, region: '', purpose: 'login' };
    const found = await verifier.getVerification(byPhone, call());
    expect(found).toMatchObject({ verificationId: '', state: 'approved', approvedAt, phoneVerifiedAt: approvedAt });
    stage.time += 24 * 60 * MINUTE;
    expect(await refusal(verifier.getVerification(byPhone, call()))).toEqual({ reason: 'VERIFICATION_NOT_FOUND' });
  });
});
