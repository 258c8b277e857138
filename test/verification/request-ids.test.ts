/** What makes two requests the same: the caller's request id, with all that the answer depends on. */
import { beforeEach, describe, expect, it } from 'vitest';
import type { CheckCommand, RequestKey } from '../../src/store/store.ts';
import type { CheckCodeInput, SendCodeInput, SendCodeOutput } from '../../src/verification/types.ts';
import type { Verifier } from '../../src/verification/verifier.ts';
import { auth, call, checkRequest, createStage, keyring, PHONE, refusal, type Stage, sendRequest } from './stage.ts';

let stage: Stage;
let verifier: Verifier;
beforeEach(() => {
  stage = createStage();
  verifier = stage.start();
});

const inSession = (sessionId: string) => ({ client: { sessionId, ip: '', deviceId: '', userAgent: '' } });
const REUSED = { reason: 'REQUEST_ID_REUSED' };

describe('a SendCode with a request id that was used', () => {
  const send = (changes: Partial<SendCodeInput>) =>
    verifier.sendCode(sendRequest({ requestId: 'r-1', ...changes }), call());

  it.each<[what: string, first: Partial<SendCodeInput>, second: Partial<SendCodeInput>]>([
    ['variables in another order', { variables: { a: '1', b: '2' } }, { variables: { b: '2', a: '1' } }],
    ['the phone in another spelling', {}, { phone: '(415) 555-0123' }],
    ['another captcha token', { captchaToken: 'a' }, { captchaToken: 'b' }],
    ['another address and device', {}, { client: { sessionId: '', ip: '1.2.3.4', deviceId: 'd', userAgent: 'u' } }],
    ['the locale in another spelling', { locale: 'zh_CN' }, { locale: 'zh-CN' }],
  ])('is the same request with %s', async (_, first, second) => {
    expect(await send(first)).toEqual(await send(second));
    expect(stage.messages).toHaveLength(1);
  });

  it.each<[what: string, first: Partial<SendCodeInput>, second: Partial<SendCodeInput>]>([
    ['a variable of another name', { variables: { a: '1' } }, { variables: { b: '1' } }],
    ['values that changed places', { variables: { a: '1', b: '2' } }, { variables: { a: '2', b: '1' } }],
    ['a session where there was none', {}, inSession('s')],
  ])('is refused with %s', async (_, first, second) => {
    await send(first);
    expect(await refusal(send(second))).toEqual(REUSED);
  });

  it('is another request for another phone, and for another caller', async () => {
    verifier = stage.start({ limits: { cooldownMs: 0, windows: [] } });
    await send({});
    await send({ phone: '+14155550124' });
    await verifier.sendCode(sendRequest({ requestId: 'r-1', purpose: 'login' }), call({ ...auth, name: 'shop' }));
    expect(stage.messages).toHaveLength(3);
  });

  it('is another request under another request id', async () => {
    verifier = stage.start({ limits: { cooldownMs: 0, windows: [] } });
    await send({});
    await send({ requestId: 'r-2' });
    expect(stage.messages).toHaveLength(2);
  });

  it('is known to the store by a name that is not its own, the same in every version of the program', async () => {
    const asked: (RequestKey | null)[] = [];
    const store = stage.countedStore();
    const record: typeof store.send = (command) => {
      asked.push(command.request);
      return store.send(command);
    };
    verifier = stage.start({ store: { ...store, send: record } });
    await send({ variables: { b: '2', a: '1' } });
    const phoneKey = keyring.phoneKey(PHONE);
    expect(asked).toEqual([
      {
        hash: keyring.fingerprint('send request', phoneKey, ['r-1']),
        content: keyring.fingerprint('send content', phoneKey, ['login', '', 'en', 'a', '1', 'b', '2']),
      },
    ]);
  });

  it('shows no code again that was entered since, and no life that it has left', async () => {
    verifier = stage.start({ disclosesCode: () => true });
    const sent = await send({});
    await verifier.checkCode(checkRequest(sent, sent.code), call());
    expect(await send({})).toEqual({ ...sent, code: '', expiresAt: stage.time });
  });

  it('shows a code again that was only printed', async () => {
    verifier = stage.start({ disclosesCode: (provider) => provider === 'console' }, 'console');
    const sent = await send({});
    expect(await send({})).toEqual(sent);
    expect(sent.code).toBe(stage.lastCode());
  });
});

describe('a CheckCode with a request id that was used', () => {
  const id = { requestId: 'r-1' };
  const check = (sent: SendCodeOutput, code: string, changes: Partial<CheckCodeInput> = {}) =>
    verifier.checkCode(checkRequest(sent, code, { ...id, ...changes }), call());

  it('has nothing to do with the SendCode that used it', async () => {
    const sent = await verifier.sendCode(sendRequest(id), call());
    expect(await check(sent, stage.wrongCode())).toMatchObject({ result: 'wrong_code', attemptsRemaining: 4 });
    expect(await verifier.sendCode(sendRequest(id), call())).toEqual(sent);
  });

  it('repeats an approval', async () => {
    const sent = await verifier.sendCode(sendRequest(), call());
    const verdict = await check(sent, stage.lastCode());
    expect(verdict).toMatchObject({ result: 'approved' });
    stage.time += 1_000;
    expect(await check(sent, stage.lastCode())).toEqual(verdict);
  });

  it('by phone names what was checked as other versions of the program do', async () => {
    const asked: CheckCommand[] = [];
    const store = stage.countedStore();
    const check: typeof store.check = (command) => {
      asked.push(command);
      return store.check(command);
    };
    verifier = stage.start({ store: { ...store, check } });
    await verifier.checkCode(
      { ...id, verificationId: '', phone: PHONE, region: '', purpose: 'login', code: '123456', variables: {} },
      call(),
    );
    const phoneKey = keyring.phoneKey(PHONE);
    const codeMac = keyring.codeMac({ phoneKey, caller: 'auth', purpose: 'login', code: '123456' });
    expect(asked).toMatchObject([
      {
        nonce: null,
        session: '',
        request: { content: keyring.fingerprint('check content', phoneKey, ['login', '', '', codeMac, '']) },
      },
    ]);
  });

  it.each<[what: string, changes: Partial<CheckCodeInput>]>([
    ['another session', inSession('other')],
    ['the phone in place of the id', { verificationId: '', phone: PHONE }],
  ])('is refused with %s', async (_, changes) => {
    const sent = await verifier.sendCode(sendRequest(), call());
    await check(sent, stage.wrongCode());
    expect(await refusal(check(sent, stage.wrongCode(), changes))).toEqual(REUSED);
  });

  it('is the same request with an empty client as without one', async () => {
    const sent = await verifier.sendCode(sendRequest(), call());
    const verdict = await check(sent, stage.wrongCode());
    expect(await check(sent, stage.wrongCode(), inSession(''))).toEqual(verdict);
  });

  it('is another guess under another request id', async () => {
    const sent = await verifier.sendCode(sendRequest(), call());
    await check(sent, stage.wrongCode());
    expect(await check(sent, stage.wrongCode(), { requestId: 'r-2' })).toMatchObject({ attemptsRemaining: 3 });
  });

  it('without one counts every guess', async () => {
    const sent = await verifier.sendCode(sendRequest(), call());
    await check(sent, stage.wrongCode(), { requestId: '' });
    expect(await check(sent, stage.wrongCode(), { requestId: '' })).toMatchObject({ attemptsRemaining: 3 });
  });
});

describe('the session', () => {
  it('that no request names binds nothing: any session may enter the code', async () => {
    const sent = await verifier.sendCode(sendRequest(), call());
    const request = checkRequest(sent, stage.lastCode(), inSession('late'));
    expect(await verifier.checkCode(request, call())).toMatchObject({ result: 'approved' });
  });

  it('that asked for the code must be named: to name none is not enough', async () => {
    const sent = await verifier.sendCode(sendRequest(inSession('mine')), call());
    expect(await verifier.checkCode(checkRequest(sent, stage.lastCode()), call())).toEqual({ result: 'not_found' });
  });
});
