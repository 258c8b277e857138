import { beforeEach, describe, expect, it } from 'vitest';
import type { CheckCodeInput } from '../../src/verification/types.ts';
import { call, checkRequest, createStage, PHONE, refusal, type Stage, sendRequest } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});

describe('checkCode', () => {
  it('answers wrong, exhausted and not found as values', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const wrong = () => verifier.checkCode(checkRequest(sent, stage.wrongCode()), call());
    expect(await wrong()).toEqual({
      result: 'wrong_code',
      verificationId: sent.verificationId,
      attemptsRemaining: 4,
    });
    for (let i = 0; i < 4; i++) await wrong();
    expect(await verifier.checkCode(checkRequest(sent, stage.lastCode()), call())).toMatchObject({
      result: 'exhausted',
    });
  });

  it('refuses other content under one request id, and repeats a verdict', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const guess = (code: string) => verifier.checkCode(checkRequest(sent, code, { requestId: 'g1' }), call());
    const verdict = await guess(stage.wrongCode());
    expect(await guess(stage.wrongCode())).toEqual(verdict);
    expect(await refusal(guess(stage.lastCode()))).toEqual({ reason: 'REQUEST_ID_REUSED' });
  });

  it.each<[string, Partial<CheckCodeInput>]>([
    ['another session', { client: { sessionId: 'other', ip: '', deviceId: '', userAgent: '' } }],
    ['the phone in place of the id', { verificationId: '', phone: PHONE }],
    ['another purpose', { purpose: 'register' }],
  ])('refuses a request id that comes again with %s', async (_, changes) => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const guess = checkRequest(sent, stage.wrongCode(), { requestId: 'g1' });
    await verifier.checkCode(guess, call());
    expect(await refusal(verifier.checkCode({ ...guess, ...changes }, call()))).toEqual({
      reason: 'REQUEST_ID_REUSED',
    });
  });

  it('takes the request id that a send had', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    const guess = checkRequest(sent, stage.lastCode(), { requestId: 'r1' });
    expect(await verifier.checkCode(guess, call())).toMatchObject({ result: 'approved' });
  });

  it('approves by phone, too, and tells guessers no id', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const byPhone = checkRequest(sent, stage.lastCode(), { verificationId: '', phone: '(415) 555-0123' });
    expect(await verifier.checkCode({ ...byPhone, code: stage.wrongCode() }, call())).toEqual({
      result: 'wrong_code',
      verificationId: '',
      attemptsRemaining: 2,
    });
    const facts = call();
    expect(await verifier.checkCode(byPhone, facts)).toMatchObject({ verificationId: sent.verificationId });
    expect(facts.facts).toMatchObject({ outcome: 'approved', verificationId: sent.verificationId });
  });

  it('approves only in the session that asked for the code', async () => {
    const verifier = stage.start();
    const client = { sessionId: 'mine', ip: '', deviceId: '', userAgent: '' };
    const sent = await verifier.sendCode(sendRequest({ client }), call());
    const other = checkRequest(sent, stage.lastCode(), { client: { ...client, sessionId: 'other' } });
    expect(await verifier.checkCode(other, call())).toEqual({ result: 'not_found' });
    const own = checkRequest(sent, stage.lastCode(), { client });
    expect(await verifier.checkCode(own, call())).toMatchObject({ result: 'approved' });
  });
});
