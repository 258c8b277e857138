import { beforeEach, describe, expect, it } from 'vitest';
import { DOUBTFUL_AGAIN_MS, SENDING_MS, SETTLE_RETRIES_MS } from '../../src/domain/deadlines.ts';
import { Refused } from '../../src/domain/refusal.ts';
import type { SendResult } from '../../src/sms/provider.ts';
import type { SendCodeInput } from '../../src/verification/types.ts';
import {
  AWAY,
  accepted,
  auth,
  call,
  chargedSends,
  checkRequest,
  createStage,
  keyring,
  MINUTE,
  PHONE,
  refusal,
  type Stage,
  sendRequest,
} from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});

describe('sendCode', () => {
  it.each(['register', 'login', 'reset_password'])('then checkCode approves %s, once', async (purpose) => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest({ purpose }), call());
    expect(sent).toMatchObject({
      phoneMasked: expect.stringMatching(/\*+0123$/),
      expiresAt: stage.time + 5 * MINUTE,
      resendAt: stage.time + MINUTE,
      sendsRemaining: 4,
      delivery: { provider: 'fake', messageId: 'm-1', status: 'accepted' },
      test: false,
      code: '',
    });
    expect(stage.messages).toHaveLength(1);
    expect(stage.messages[0]).toMatchObject({
      to: PHONE,
      minutes: 5,
      purpose,
      text: expect.stringContaining(stage.lastCode()),
    });
    const request = checkRequest(sent, stage.lastCode(), { purpose });
    expect(await verifier.checkCode(request, call())).toMatchObject({ result: 'approved', verifiedAt: stage.time });
    expect(await verifier.checkCode(request, call())).toEqual({ result: 'not_found' });
  });

  it('counts two numbers of one handset as one phone, and sends to the one that was given', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest({ phone: '+972599123456' }), call());
    expect(stage.messages.map(({ to }) => to)).toEqual(['+972599123456']);
    expect(await refusal(verifier.sendCode(sendRequest({ phone: '+970599123456' }), call()))).toMatchObject({
      reason: 'COOLDOWN',
    });
    const byPhone = { verificationId: '', phone: '+970599123456' };
    expect(await verifier.checkCode(checkRequest(sent, stage.lastCode(), byPhone), call())).toMatchObject({
      result: 'approved',
    });
  });

  it('writes the text in the language of the locale, with the brand', async () => {
    const verifier = stage.start();
    await verifier.sendCode(sendRequest({ locale: 'zh-CN' }), call());
    expect(stage.messages[0]?.text).toMatch(/验证码/);
    expect(stage.messages[0]?.text).toContain('Acme');
  });

  it('repeats the stored answer for a repeated request id, and sends once', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    const again = call();
    expect(await verifier.sendCode(sendRequest({ requestId: 'r1' }), again)).toEqual(sent);
    expect(stage.messages).toHaveLength(1);
    expect(again.facts.outcome).toBe('replayed');
  });

  it.each<[string, Partial<SendCodeInput>]>([
    ['another purpose', { purpose: 'register' }],
    ['another locale', { locale: 'zh' }],
    ['other variables', { variables: { name: 'Bob' } }],
    ['another session', { client: { sessionId: 's2', ip: '', deviceId: '', userAgent: '' } }],
  ])('refuses a request id that comes again with %s', async (_, changes) => {
    const verifier = stage.start();
    await verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    const second = verifier.sendCode(sendRequest({ requestId: 'r1', ...changes }), call());
    expect(await refusal(second)).toEqual({ reason: 'REQUEST_ID_REUSED' });
  });

  it('names the same session differently at every phone, so that sessions cannot be followed through the store', async () => {
    const sessions: string[] = [];
    const store = stage.countedStore();
    const send: typeof store.send = (command) => {
      sessions.push(command.session);
      return store.send(command);
    };
    const verifier = stage.start({ store: { ...store, send } });
    const client = { sessionId: 's1', ip: '', deviceId: '', userAgent: '' };
    for (const phone of [PHONE, '+14155550124']) await verifier.sendCode(sendRequest({ phone, client }), call());
    expect(new Set(sessions).size).toBe(2);
    expect(sessions.join()).not.toContain('s1');
  });

  it('repeats a call while the first is under way: UNAVAILABLE, until its process is known to be lost', async () => {
    const verifier = stage.start();
    stage.failing.add('settle');
    const first = await verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    const repeated = () => verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    const lost = [];
    for (let process = 0; process < 2; process++) {
      expect(await refusal(repeated())).toEqual({ reason: 'SEND_UNDER_WAY', retryAfterMs: 1_000 });
      stage.time += SENDING_MS - 1;
      expect(await refusal(repeated())).toEqual({ reason: 'SEND_UNDER_WAY', retryAfterMs: 1 });
      stage.time += 1;
      lost.push(await repeated());
    }
    expect(lost).toMatchObject([{ delivery: { status: 'accepted' } }, { delivery: { status: 'unknown' } }]);
    expect(lost.map(({ verificationId }) => verificationId)).toEqual([first.verificationId, first.verificationId]);
    expect(stage.messages.map(({ code }) => code)).toEqual([stage.lastCode(), stage.lastCode()]);
  });

  it('charges and answers OK when it was maybe sent: the code is valid', async () => {
    const verifier = stage.start();
    stage.answer = { kind: 'unknown', category: 'timeout', vendorCode: '' };
    const sent = await verifier.sendCode(sendRequest(), call());
    expect(sent.delivery.status).toBe('unknown');
    expect(await verifier.checkCode(checkRequest(sent, stage.lastCode()), call())).toMatchObject({
      result: 'approved',
    });
    expect(await refusal(verifier.sendCode(sendRequest(), call()))).toMatchObject({ reason: 'COOLDOWN' });
  });

  it('sends nothing when the store is in doubt, and gives the maybe-charge back when it answers again', async () => {
    const verifier = stage.start();
    stage.failing.add('send').add('settle');
    const request = sendRequest({ requestId: 'r1' });
    expect(await refusal(verifier.sendCode(request, call()))).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    expect(stage.messages).toEqual([]);
    await Promise.all(stage.tracked.map((work) => work.catch(() => undefined)));
    expect(stage.events.filter(({ type }) => type === 'settle_failed')).toMatchObject([{ refund: true, attempt: 0 }]);
    stage.failing.clear();
    expect(await chargedSends(verifier)).toBe(1);
    await stage.scheduled[0]?.task();
    expect(await chargedSends(verifier)).toBe(0);
    expect((await verifier.sendCode(request, call())).sendsRemaining).toBe(4);
    expect(stage.messages).toHaveLength(1);
  });

  it('gives a maybe-charge back a second time: a reservation can come late, on a connection that was given up', async () => {
    const store = stage.countedStore();
    const verifier = stage.start({ store });
    const late: (() => Promise<unknown>)[] = [];
    const send: typeof store.send = async (command) => {
      late.push(() => store.send(command));
      throw new Refused(AWAY);
    };
    const first = stage.start({ store: { ...store, send } });
    expect(await refusal(first.sendCode(sendRequest({ requestId: 'r1' }), call()))).toMatchObject({
      reason: 'STORE_UNAVAILABLE',
    });
    await Promise.all(stage.tracked.map((work) => work.catch(() => undefined)));
    await late[0]?.();
    expect(await chargedSends(verifier)).toBe(1);
    expect(stage.scheduled.map(({ delayMs }) => delayMs)).toEqual([DOUBTFUL_AGAIN_MS]);
    await stage.scheduled[0]?.task();
    expect(await chargedSends(verifier)).toBe(0);
    expect(stage.scheduled).toHaveLength(1);
  });

  it('tries to settle again, each time after a longer pause, and ends when the store stays away', async () => {
    const verifier = stage.start();
    stage.failing.add('settle');
    await verifier.sendCode(sendRequest(), call());
    for (let retry = 0; retry < 30; retry++) await stage.scheduled[retry]?.task();
    expect(stage.scheduled.map(({ delayMs }) => delayMs)).toEqual(SETTLE_RETRIES_MS);
    expect(stage.events.filter(({ type }) => type === 'settle_failed')).toMatchObject(
      [0, ...SETTLE_RETRIES_MS.keys()].map((_, attempt) => ({ refund: false, attempt })),
    );
  });

  it('is work that a stop waits for, until the outcome is recorded', async () => {
    const sent = Promise.withResolvers<void>();
    const link = () => sent.promise;
    const answer = stage.start({ link }).sendCode(sendRequest(), call());
    expect(stage.tracked).toHaveLength(1);
    sent.resolve();
    expect(await stage.tracked[0]).toBe(await answer);
  });

  it('gives nothing back when the store surely did nothing', async () => {
    const refusal = { ...AWAY, untouched: true };
    const verifier = stage.start({
      store: { ...stage.countedStore(), send: () => Promise.reject(new Refused(refusal)) },
    });
    await expect(verifier.sendCode(sendRequest(), call())).rejects.toThrow('STORE_UNAVAILABLE');
    expect(stage.operations).toEqual([]);
    expect(stage.scheduled).toEqual([]);
  });

  it('answers OK when the SMS went out but the store could not be told, and tells it later', async () => {
    const verifier = stage.start();
    stage.failing.add('settle');
    const sent = await verifier.sendCode(sendRequest(), call());
    expect(sent.delivery.status).toBe('accepted');
    expect(stage.scheduled.map(({ delayMs }) => delayMs)).toEqual([100]);
  });

  it.each([
    ['the caller gave up', 5_000, 'CANCELED'],
    ['the deadline passed', 0, 'DEADLINE'],
  ])('sends and charges nothing when %s before the provider was called', async (_, remaining, reason) => {
    const verifier = stage.start();
    const late = call(auth, AbortSignal.abort(), remaining);
    expect(await refusal(verifier.sendCode(sendRequest(), late))).toEqual({ reason });
    expect(stage.messages).toEqual([]);
    expect(await chargedSends(verifier)).toBe(0);
  });

  it('sends and charges nothing when the deadline leaves a provider no time', async () => {
    const verifier = stage.start();
    const late = call(auth, new AbortController().signal, 400);
    expect(await refusal(verifier.sendCode(sendRequest(), late))).toEqual({ reason: 'DEADLINE' });
    expect(stage.messages).toEqual([]);
    expect(await chargedSends(verifier)).toBe(0);
  });

  it('shows the code only for the console provider of a development server', async () => {
    const shown = await stage
      .start({ disclosesCode: (provider) => provider === 'console' }, 'console')
      .sendCode(sendRequest(), call());
    expect(shown.code).toBe(stage.lastCode());
    expect(
      (await stage.start({ disclosesCode: (provider) => provider === 'console' }).sendCode(sendRequest(), call())).code,
    ).toBe('');
    expect((await stage.start({}, 'console').sendCode(sendRequest(), call())).code).toBe('');
  });

  it('refuses number types before anything is charged', async () => {
    const verifier = stage.start({ phones: { defaultRegion: 'GB', refusedTypes: new Set(['landline']) } });
    const landline = sendRequest({ phone: '+442079460000' });
    const premium = sendRequest({ phone: '+449098790000' });
    for (const request of [landline, premium]) {
      expect(await refusal(verifier.sendCode(request, call()))).toMatchObject({ reason: 'NUMBER_TYPE_REFUSED' });
    }
    expect(stage.operations).toEqual([]);
  });
});

describe('what providers say', () => {
  const failures: [SendResult, object][] = [
    [
      { kind: 'rejected', category: 'invalid_number', vendorCode: '', status: 'INVALID_ARGUMENT' },
      { reason: 'INVALID_FIELDS', violations: [{ field: 'phone', rule: 'refused_number' }] },
    ],
    [{ kind: 'rejected', category: 'blocked', vendorCode: '' }, { reason: 'DESTINATION_REFUSED' }],
    [
      {
        kind: 'rejected',
        category: 'rate_limited',
        vendorCode: '',
        status: 'RESOURCE_EXHAUSTED',
        retryAfterMs: 30_000,
      },
      { reason: 'PROVIDER_LIMIT', retryAfterMs: 30_000 },
    ],
    [
      { kind: 'unavailable', category: 'transient', vendorCode: '', retryAfterMs: 7_000 },
      { reason: 'DELIVERY_UNAVAILABLE', retryAfterMs: 7_000 },
    ],
    [
      { kind: 'unavailable', category: 'credentials', vendorCode: '', status: 'INTERNAL' },
      { reason: 'DELIVERY_MISCONFIGURED' },
    ],
  ];

  it.each(failures)('%j becomes %j, and charges nothing', async (failure, refused) => {
    const verifier = stage.start();
    stage.answer = failure;
    const request = sendRequest({ requestId: 'r-1' });
    expect(await refusal(verifier.sendCode(request, call()))).toEqual(refused);
    expect(await chargedSends(verifier)).toBe(0);
    stage.answer = accepted;
    expect((await verifier.sendCode(request, call())).sendsRemaining).toBe(4);
    expect(stage.messages).toHaveLength(2);
    expect(await chargedSends(verifier)).toBe(1);
  });

  it('of a code that is sent again promises what is left of its life', async () => {
    const verifier = stage.start();
    await verifier.sendCode(sendRequest(), call());
    stage.time += 61_000;
    await verifier.sendCode(sendRequest(), call());
    expect(stage.messages.map(({ minutes }) => minutes)).toEqual([5, 3]);
    expect(stage.messages[1]?.code).toBe(stage.messages[0]?.code);
    expect(stage.messages[1]?.text).toContain('3 minutes');
  });

  it('of an accepted message leads its reports back to the send', async () => {
    await stage.start().sendCode(sendRequest(), call());
    expect(stage.linked).toEqual([['m-1', stage.messages[0]?.reportToken]]);
    expect(keyring.parseReportToken(stage.messages[0]?.reportToken ?? '')).toMatchObject({
      phoneKey: keyring.phoneKey(PHONE),
      caller: 'auth',
      purpose: 'login',
      sendId: stage.messages[0]?.sendId,
    });
  });

  it('is answered by telling them of the approval, once', async () => {
    const verifier = stage.start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const right = checkRequest(sent, stage.lastCode(), { requestId: 'c-1' });
    await verifier.checkCode(checkRequest(sent, stage.wrongCode()), call());
    expect(stage.approved).toEqual([]);
    await verifier.checkCode(right, call());
    await verifier.checkCode(right, call());
    expect(stage.approved).toEqual([['m-1', stage.time]]);
  });
});

describe('a test number', () => {
  const testing = () => stage.start({ testCode: (e164) => (e164 === PHONE ? '12345678' : null) });

  it('gets no SMS, is charged nothing, and has its code, cut to the digits of the purpose', async () => {
    const verifier = testing();
    for (let i = 0; i < 12; i++) {
      const sent = await verifier.sendCode(sendRequest(), call());
      expect(sent).toMatchObject({ test: true, code: '', resendAt: stage.time, sendsRemaining: 5 });
      expect(sent.delivery).toMatchObject({ provider: 'test', status: 'delivered' });
      expect((await verifier.checkCode(checkRequest(sent, '123456'), call())).result).toBe('approved');
      expect((await verifier.checkCode(checkRequest(sent, '123456'), call())).result).toBe('not_found');
    }
    expect(stage.messages).toEqual([]);
    const status = await verifier.rateStatus({ phone: PHONE, region: '', purpose: 'login' }, call());
    expect(status).toMatchObject({ canSend: true, limits: [{ used: 0 }], guessBudget: { used: 0 } });
  });

  it('still counts the guesses of each code', async () => {
    const verifier = testing();
    const sent = await verifier.sendCode(sendRequest(), call());
    for (let i = 0; i < 5; i++) await verifier.checkCode(checkRequest(sent, '000000'), call());
    expect((await verifier.checkCode(checkRequest(sent, '123456'), call())).result).toBe('exhausted');
  });

  it('says so in the call’s record, on a repeated request id too, and tells no vendor', async () => {
    const verifier = testing();
    const first = call();
    const sent = await verifier.sendCode(sendRequest({ requestId: 'r-1' }), first);
    expect(first.facts.outcome).toBe('test');
    expect(await verifier.sendCode(sendRequest({ requestId: 'r-1' }), call())).toEqual(sent);
    await verifier.checkCode(checkRequest(sent, '123456'), call());
    expect(stage.linked).toEqual([]);
  });

  it('is an ordinary number again after its last day', async () => {
    const end = stage.time + MINUTE;
    const verifier = stage.start({ testCode: (_, now) => (now < end ? '12345678' : null) });
    expect((await verifier.sendCode(sendRequest(), call())).test).toBe(true);
    stage.time = end;
    expect((await verifier.sendCode(sendRequest(), call())).test).toBe(false);
    expect(stage.messages).toHaveLength(1);
  });

  it('leaves every other number alone', async () => {
    const sent = await testing().sendCode(sendRequest({ phone: '+14155550124' }), call());
    expect(sent.test).toBe(false);
    expect(stage.messages).toHaveLength(1);
  });
});

describe('limits', () => {
  it('refuse with the reason, the limit and the time to wait', async () => {
    const verifier = stage.start();
    await verifier.sendCode(sendRequest(), call());
    expect(await refusal(verifier.sendCode(sendRequest(), call()))).toEqual({
      reason: 'COOLDOWN',
      retryAfterMs: MINUTE,
    });
    for (const step of [1, 1, 2, 5]) {
      stage.time += step * MINUTE;
      await verifier.sendCode(sendRequest(), call());
    }
    stage.time += 10 * MINUTE;
    expect(await refusal(verifier.sendCode(sendRequest(), call()))).toEqual({
      reason: 'PHONE_LIMIT',
      limit: 'phone_hour',
      max: 5,
      windowMs: 60 * MINUTE,
      retryAfterMs: 41 * MINUTE,
    });
  });

  it('count every way of writing a number as one phone', async () => {
    const verifier = stage.start();
    await verifier.sendCode(sendRequest(), call());
    const spellings = [
      { phone: '(415) 555-0123' },
      { phone: '001 415 555 0123', region: 'DE' },
      { phone: '＋１４１５５５５０１２３' },
      { phone: '415.555.0123', region: 'US' },
    ];
    for (const spelling of spellings) {
      expect(await refusal(verifier.sendCode(sendRequest(spelling), call()))).toMatchObject({ reason: 'COOLDOWN' });
    }
  });

  it('of wrong guesses end in a refusal to send', async () => {
    const verifier = stage.start({
      limits: { cooldownMs: 0, windows: [{ name: 'all', limit: 1_000, windowMs: MINUTE }] },
    });
    let compared = 0;
    let refused: unknown;
    while (refused === undefined && compared < 100) {
      const sent = await verifier.sendCode(sendRequest(), call()).catch((error: Refused) => {
        refused = error.refusal;
      });
      for (let i = 0; sent && i < 5; i++) {
        const { result } = await verifier.checkCode(checkRequest(sent, stage.wrongCode()), call());
        if (result === 'wrong_code') compared += 1;
      }
    }
    expect(compared).toBe(20);
    expect(refused).toMatchObject({ reason: 'GUESS_BUDGET', max: 20 });
    const status = await verifier.rateStatus({ phone: PHONE, region: '', purpose: 'login' }, call());
    expect(status).toMatchObject({ canSend: false, blockedBy: 'guess_budget', guessBudget: { remaining: 0 } });
  });
});
