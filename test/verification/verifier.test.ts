import { beforeEach, describe, expect, it } from 'vitest';
import type { Caller } from '../../src/domain/caller.ts';
import { createKeyring } from '../../src/domain/keyring.ts';
import { PLAIN_MESSAGE } from '../../src/domain/policy.ts';
import { Refused } from '../../src/domain/refusal.ts';
import type { CallFacts, Event } from '../../src/event.ts';
import { createDispatch } from '../../src/sms/dispatch.ts';
import type { Message, Provider, SendResult } from '../../src/sms/provider.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import type { VerifierParts } from '../../src/verification/parts.ts';
import type { Call, CheckCodeInput, SendCodeInput, SendCodeOutput } from '../../src/verification/types.ts';
import { createVerifier } from '../../src/verification/verifier.ts';

const PHONE = '+14155550123';
const MINUTE = 60_000;
const accepted: SendResult = { kind: 'accepted', messageId: 'm-1', segments: 1 };

let time: number;
let messages: Message[];
let events: Event[];
let scheduled: { task: () => void; ms: number }[];
let answer: SendResult;
let operations: string[];
let failing: Set<string>;
let linked: [messageId: string, token: string][];
let told: [messageId: string, at: number][];

beforeEach(() => {
  time = 1_800_000_000_000;
  messages = [];
  events = [];
  scheduled = [];
  answer = accepted;
  operations = [];
  failing = new Set();
  linked = [];
  told = [];
});

const AWAY = { reason: 'STORE_UNAVAILABLE', retryAfterMs: 1_000 } as const;

/** The real store in memory, counted. In `failing`: settle does not get through, of the others the reply is lost. */
function countedStore(): Store {
  const store = createMemoryStore({ now: () => time });
  const counted =
    <A, R>(name: string, operation: (argument: A) => Promise<R>) =>
    async (argument: A): Promise<R> => {
      operations.push(name);
      if (failing.has(name) && name === 'settle') throw new Refused(AWAY);
      const reply = await operation(argument);
      if (failing.has(name)) throw new Refused(AWAY);
      return reply;
    };
  return {
    ...store,
    send: counted('send', store.send),
    settle: counted('settle', store.settle),
    check: counted('check', store.check),
    cancel: counted('cancel', store.cancel),
    status: counted('status', store.status),
  };
}

function start(changes: Partial<VerifierParts> = {}, name = 'fake') {
  const provider: Provider = {
    name,
    async send(message) {
      messages.push(message);
      return answer;
    },
  };
  const emit = (event: Event) => void events.push(event);
  let bytes = 0;
  const rules = { digits: 6, lifeMs: 5 * MINUTE, guesses: 5, guessesByPhone: 3, resend: 'same' } as const;
  const purpose = { ...rules, message: PLAIN_MESSAGE };
  const purposes = ['register', 'login', 'reset_password'].map((each) => [each, { name: each, ...purpose }] as const);
  return createVerifier({
    store: countedStore(),
    dispatch: createDispatch({
      providers: new Map([[name, provider]]),
      route: () => [{ provider: name, sender: {} }],
      emit,
      clock: () => 0,
    }),
    keyring: createKeyring({ current: Buffer.alloc(32, 1), previous: null }),
    purposes: new Map(purposes),
    limits: { cooldownMs: MINUTE, windows: [{ name: 'phone_hour', limit: 5, windowMs: 60 * MINUTE }] },
    phones: { defaultRegion: 'US', refusedTypes: new Set() },
    brand: 'Acme',
    random: (length) => Buffer.alloc(length, ++bytes),
    emit,
    schedule: (task, ms) => void scheduled.push({ task, ms }),
    testCode: () => null,
    link: async (delivery, token) => void linked.push([delivery.messageId, token]),
    feedback: (delivery, at) => void told.push([delivery.messageId, at]),
    discloseCodes: false,
    ...changes,
  });
}

const auth: Caller = { name: 'auth', purposes: 'all' };

function call(caller = auth, signal = new AbortController().signal, remaining = 10_000): Call & { facts: CallFacts } {
  return { caller, signal, remainingMs: () => remaining, facts: {} };
}

function sendRequest(changes: Partial<SendCodeInput> = {}): SendCodeInput {
  const empty = { region: '', locale: '', requestId: '', captchaToken: '', variables: {} };
  return { phone: PHONE, purpose: 'login', ...empty, ...changes };
}

function checkRequest(sent: SendCodeOutput, code: string, changes: Partial<CheckCodeInput> = {}): CheckCodeInput {
  const empty = { phone: '', region: '', requestId: '' };
  return { verificationId: sent.verificationId, purpose: 'login', code, ...empty, ...changes };
}

const lastCode = () => messages.at(-1)?.code ?? '';
const wrongCode = () => String((Number(lastCode()) + 1) % 1_000_000).padStart(6, '0');

async function refusal(promise: Promise<unknown>) {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Refused)) throw error;
  return error.refusal;
}

describe('sendCode', () => {
  it.each(['register', 'login', 'reset_password'])('then checkCode approves %s, once', async (purpose) => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest({ purpose }), call());
    expect(sent).toMatchObject({
      phoneMasked: expect.stringMatching(/\*+0123$/),
      expiresAt: time + 5 * MINUTE,
      resendAt: time + MINUTE,
      sendsRemaining: 4,
      delivery: { provider: 'fake', messageId: 'm-1', status: 'accepted' },
      test: false,
      code: '',
    });
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatchObject({ to: PHONE, minutes: 5, purpose, text: expect.stringContaining(lastCode()) });
    const request = checkRequest(sent, lastCode(), { purpose });
    expect(await verifier.checkCode(request, call())).toMatchObject({ result: 'approved', verifiedAt: time });
    expect(await verifier.checkCode(request, call())).toEqual({ result: 'not_found' });
  });

  it('writes the text in the language of the locale, with the brand', async () => {
    const verifier = start();
    await verifier.sendCode(sendRequest({ locale: 'zh-CN' }), call());
    expect(messages[0]?.text).toMatch(/验证码/);
    expect(messages[0]?.text).toContain('Acme');
  });

  it('repeats the stored answer for a repeated request id, and sends once', async () => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    const again = call();
    expect(await verifier.sendCode(sendRequest({ requestId: 'r1' }), again)).toEqual(sent);
    expect(messages).toHaveLength(1);
    expect(again.facts.outcome).toBe('replayed');
  });

  it.each<[string, Partial<SendCodeInput>]>([
    ['another purpose', { purpose: 'register' }],
    ['another locale', { locale: 'zh' }],
    ['other variables', { variables: { name: 'Bob' } }],
    ['another session', { client: { sessionId: 's2', ip: '', deviceId: '', userAgent: '' } }],
  ])('refuses a request id that comes again with %s', async (_, changes) => {
    const verifier = start();
    await verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    const second = verifier.sendCode(sendRequest({ requestId: 'r1', ...changes }), call());
    expect(await refusal(second)).toEqual({ reason: 'REQUEST_ID_REUSED' });
  });

  it('answers SENDING while the first call is under way, and UNKNOWN when its process was lost', async () => {
    const verifier = start();
    failing.add('settle');
    await verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    time += 14_999;
    const repeated = () => verifier.sendCode(sendRequest({ requestId: 'r1' }), call());
    expect((await repeated()).delivery.status).toBe('sending');
    time += 1;
    expect((await repeated()).delivery.status).toBe('unknown');
    expect(messages).toHaveLength(1);
  });

  it.each<[SendResult, object]>([
    [{ kind: 'unavailable', category: 'transient', vendorCode: '503' }, { reason: 'DELIVERY_UNAVAILABLE' }],
    [{ kind: 'rejected', category: 'invalid_number', vendorCode: '21211' }, { reason: 'DESTINATION_REFUSED' }],
  ])('charges nothing when surely nothing was sent (%o)', async (result, expected) => {
    const verifier = start();
    answer = result;
    const request = sendRequest({ requestId: 'r1' });
    expect(await refusal(verifier.sendCode(request, call()))).toMatchObject(expected);
    answer = accepted;
    expect((await verifier.sendCode(request, call())).sendsRemaining).toBe(4);
  });

  it('charges and answers OK when it was maybe sent: the code is valid', async () => {
    const verifier = start();
    answer = { kind: 'unknown', category: 'timeout', vendorCode: '' };
    const sent = await verifier.sendCode(sendRequest(), call());
    expect(sent.delivery.status).toBe('unknown');
    expect(await verifier.checkCode(checkRequest(sent, lastCode()), call())).toMatchObject({ result: 'approved' });
    expect(await refusal(verifier.sendCode(sendRequest(), call()))).toMatchObject({ reason: 'COOLDOWN' });
  });

  it('sends nothing when the store is in doubt, and gives the maybe-charge back when it answers again', async () => {
    const verifier = start();
    failing.add('send').add('settle');
    const request = sendRequest({ requestId: 'r1' });
    expect(await refusal(verifier.sendCode(request, call()))).toMatchObject({ reason: 'STORE_UNAVAILABLE' });
    expect(messages).toHaveLength(0);
    await expect.poll(() => scheduled).toHaveLength(1);
    failing.clear();
    scheduled[0]?.task();
    expect((await verifier.sendCode(request, call())).sendsRemaining).toBe(4);
    expect(events.filter(({ type }) => type === 'settle_failed')).toMatchObject([{ refund: true, attempt: 0 }]);
  });

  it('gives nothing back when the store surely did nothing', async () => {
    const refusal = { ...AWAY, untouched: true };
    const verifier = start({ store: { ...countedStore(), send: () => Promise.reject(new Refused(refusal)) } });
    await expect(verifier.sendCode(sendRequest(), call())).rejects.toThrow('STORE_UNAVAILABLE');
    expect(operations).toEqual([]);
    expect(scheduled).toEqual([]);
  });

  it('answers OK when the SMS went out but the store could not be told, and tells it later', async () => {
    const verifier = start();
    failing.add('settle');
    const sent = await verifier.sendCode(sendRequest(), call());
    expect(sent.delivery.status).toBe('accepted');
    expect(scheduled.map(({ ms }) => ms)).toEqual([100]);
  });

  it.each([
    ['the caller gave up', 5_000, 'CANCELED'],
    ['the deadline passed', 0, 'DEADLINE'],
  ])('sends and charges nothing when %s before the provider was called', async (_, remaining, reason) => {
    const verifier = start();
    const late = call(auth, AbortSignal.abort(), remaining);
    expect(await refusal(verifier.sendCode(sendRequest(), late))).toEqual({ reason });
    expect(messages).toHaveLength(0);
    expect((await verifier.sendCode(sendRequest(), call())).sendsRemaining).toBe(4);
  });

  it('sends and charges nothing when the deadline leaves a provider no time', async () => {
    const verifier = start();
    const late = call(auth, new AbortController().signal, 400);
    expect(await refusal(verifier.sendCode(sendRequest(), late))).toEqual({ reason: 'DEADLINE' });
    expect(messages).toHaveLength(0);
    expect((await verifier.sendCode(sendRequest(), call())).sendsRemaining).toBe(4);
  });

  it('shows the code only for the console provider of a development server', async () => {
    const shown = await start({ discloseCodes: true }, 'console').sendCode(sendRequest(), call());
    expect(shown.code).toBe(lastCode());
    expect((await start({ discloseCodes: true }).sendCode(sendRequest(), call())).code).toBe('');
    expect((await start({}, 'console').sendCode(sendRequest(), call())).code).toBe('');
  });

  it('refuses number types before anything is charged', async () => {
    const verifier = start({ phones: { defaultRegion: 'GB', refusedTypes: new Set(['landline']) } });
    const landline = sendRequest({ phone: '+442079460000' });
    const premium = sendRequest({ phone: '+449098790000' });
    for (const request of [landline, premium]) {
      expect(await refusal(verifier.sendCode(request, call()))).toMatchObject({ reason: 'NUMBER_TYPE_REFUSED' });
    }
    expect(operations).toEqual([]);
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
    const verifier = start();
    answer = failure;
    const request = sendRequest({ requestId: 'r-1' });
    expect(await refusal(verifier.sendCode(request, call()))).toEqual(refused);
    answer = accepted;
    expect((await verifier.sendCode(request, call())).sendsRemaining).toBe(4);
  });

  it('of a code that is sent again promises what is left of its life', async () => {
    const verifier = start();
    await verifier.sendCode(sendRequest(), call());
    time += 61_000;
    await verifier.sendCode(sendRequest(), call());
    expect(messages.map(({ minutes }) => minutes)).toEqual([5, 3]);
    expect(messages[1]?.code).toBe(messages[0]?.code);
    expect(messages[1]?.text).toContain('3 minutes');
  });

  it('of an accepted message leads its reports back to the send', async () => {
    await start().sendCode(sendRequest(), call());
    expect(linked).toEqual([['m-1', messages[0]?.reportToken]]);
    const keyring = createKeyring({ current: Buffer.alloc(32, 1), previous: null });
    expect(keyring.parseReportToken(messages[0]?.reportToken ?? '')).toMatchObject({
      phoneKey: keyring.phoneKey(PHONE),
      caller: 'auth',
      purpose: 'login',
      sendId: messages[0]?.sendId,
    });
  });

  it('is answered by telling them of the approval, once', async () => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const right = checkRequest(sent, lastCode(), { requestId: 'c-1' });
    await verifier.checkCode(checkRequest(sent, wrongCode()), call());
    expect(told).toEqual([]);
    await verifier.checkCode(right, call());
    await verifier.checkCode(right, call());
    expect(told).toEqual([['m-1', time]]);
  });
});

describe('a test number', () => {
  const testing = () => start({ testCode: (e164) => (e164 === PHONE ? '12345678' : null) });

  it('gets no SMS, is charged nothing, and has its code, cut to the digits of the purpose', async () => {
    const verifier = testing();
    for (let i = 0; i < 12; i++) {
      const sent = await verifier.sendCode(sendRequest(), call());
      expect(sent).toMatchObject({ test: true, code: '', resendAt: time, sendsRemaining: 5 });
      expect(sent.delivery).toMatchObject({ provider: 'test', status: 'delivered' });
      expect((await verifier.checkCode(checkRequest(sent, '123456'), call())).result).toBe('approved');
      expect((await verifier.checkCode(checkRequest(sent, '123456'), call())).result).toBe('not_found');
    }
    expect(messages).toEqual([]);
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
    expect(linked).toEqual([]);
  });

  it('leaves every other number alone', async () => {
    const sent = await testing().sendCode(sendRequest({ phone: '+14155550124' }), call());
    expect(sent.test).toBe(false);
    expect(messages).toHaveLength(1);
  });
});

describe('limits', () => {
  it('refuse with the reason, the limit and the time to wait', async () => {
    const verifier = start();
    await verifier.sendCode(sendRequest(), call());
    expect(await refusal(verifier.sendCode(sendRequest(), call()))).toEqual({
      reason: 'COOLDOWN',
      retryAfterMs: MINUTE,
    });
    for (const step of [1, 1, 2, 5]) {
      time += step * MINUTE;
      await verifier.sendCode(sendRequest(), call());
    }
    time += 10 * MINUTE;
    expect(await refusal(verifier.sendCode(sendRequest(), call()))).toEqual({
      reason: 'PHONE_LIMIT',
      limit: 'phone_hour',
      max: 5,
      windowMs: 60 * MINUTE,
      retryAfterMs: 41 * MINUTE,
    });
  });

  it('count every way of writing a number as one phone', async () => {
    const verifier = start();
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
    const verifier = start({
      limits: { cooldownMs: 0, windows: [{ name: 'all', limit: 1_000, windowMs: MINUTE }] },
    });
    let compared = 0;
    let refused: unknown;
    while (refused === undefined && compared < 100) {
      const sent = await verifier.sendCode(sendRequest(), call()).catch((error: Refused) => {
        refused = error.refusal;
      });
      for (let i = 0; sent && i < 5; i++) {
        const { result } = await verifier.checkCode(checkRequest(sent, wrongCode()), call());
        if (result === 'wrong_code') compared += 1;
      }
    }
    expect(compared).toBe(20);
    expect(refused).toMatchObject({ reason: 'GUESS_BUDGET', max: 20 });
    const status = await verifier.rateStatus({ phone: PHONE, region: '', purpose: 'login' }, call());
    expect(status).toMatchObject({ canSend: false, blockedBy: 'guess_budget', guessBudget: { remaining: 0 } });
  });
});

describe('checkCode', () => {
  it('answers wrong, exhausted and not found as values', async () => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const wrong = () => verifier.checkCode(checkRequest(sent, wrongCode()), call());
    expect(await wrong()).toEqual({
      result: 'wrong_code',
      verificationId: sent.verificationId,
      attemptsRemaining: 4,
    });
    for (let i = 0; i < 4; i++) await wrong();
    expect(await verifier.checkCode(checkRequest(sent, lastCode()), call())).toMatchObject({ result: 'exhausted' });
  });

  it('refuses other content under one request id, and repeats a verdict', async () => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const guess = (code: string) => verifier.checkCode(checkRequest(sent, code, { requestId: 'g1' }), call());
    const verdict = await guess(wrongCode());
    expect(await guess(wrongCode())).toEqual(verdict);
    expect(await refusal(guess(lastCode()))).toEqual({ reason: 'REQUEST_ID_REUSED' });
  });

  it('approves by phone, too, and tells guessers no id', async () => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const byPhone = checkRequest(sent, lastCode(), { verificationId: '', phone: '(415) 555-0123' });
    expect(await verifier.checkCode({ ...byPhone, code: wrongCode() }, call())).toEqual({
      result: 'wrong_code',
      verificationId: '',
      attemptsRemaining: 2,
    });
    const facts = call();
    expect(await verifier.checkCode(byPhone, facts)).toMatchObject({ verificationId: sent.verificationId });
    expect(facts.facts).toMatchObject({ outcome: 'approved', verificationId: sent.verificationId });
  });

  it('approves only in the session that asked for the code', async () => {
    const verifier = start();
    const client = { sessionId: 'mine', ip: '', deviceId: '', userAgent: '' };
    const sent = await verifier.sendCode(sendRequest({ client }), call());
    const other = checkRequest(sent, lastCode(), { client: { ...client, sessionId: 'other' } });
    expect(await verifier.checkCode(other, call())).toEqual({ result: 'not_found' });
    const own = checkRequest(sent, lastCode(), { client });
    expect(await verifier.checkCode(own, call())).toMatchObject({ result: 'approved' });
  });
});

describe('a caller', () => {
  const shop: Caller = { name: 'shop', purposes: new Set(['login']) };

  it('may not use a foreign purpose: no operation asks the store', async () => {
    const verifier = start();
    const id = Buffer.alloc(33).toString('base64url');
    const target = { verificationId: id, phone: '', region: '', purpose: 'register' };
    const attempts = [
      verifier.sendCode(sendRequest({ purpose: 'register' }), call(shop)),
      verifier.checkCode({ ...target, code: '123456', requestId: '' }, call(shop)),
      verifier.rateStatus({ phone: PHONE, region: '', purpose: 'register' }, call(shop)),
      verifier.getVerification(target, call(shop)),
      verifier.cancelVerification(target, call(shop)),
    ];
    for (const attempt of attempts) expect(await refusal(attempt)).toMatchObject({ reason: 'PURPOSE_NOT_ALLOWED' });
    expect(operations).toEqual([]);
  });

  it('finds nothing under another caller’s id', async () => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const target = { verificationId: sent.verificationId, phone: '', region: '', purpose: 'login' };
    const notFound = { reason: 'VERIFICATION_NOT_FOUND' };
    expect(await verifier.checkCode(checkRequest(sent, lastCode()), call(shop))).toEqual({ result: 'not_found' });
    expect(await refusal(verifier.getVerification(target, call(shop)))).toEqual(notFound);
    expect(await refusal(verifier.cancelVerification(target, call(shop)))).toEqual(notFound);
    expect(await verifier.checkCode(checkRequest(sent, lastCode()), call())).toMatchObject({ result: 'approved' });
  });
});

describe('getVerification and cancelVerification', () => {
  it('show the record, by id or by phone', async () => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest(), call());
    const byId = { verificationId: sent.verificationId, phone: '', region: '', purpose: 'login' };
    const record = await verifier.getVerification(byId, call());
    expect(record).toMatchObject({ state: 'pending', sends: 1, attempts: 0, delivery: { messageId: 'm-1' } });
    expect(await verifier.getVerification({ ...byId, verificationId: '', phone: PHONE }, call())).toEqual(record);
    expect(await verifier.cancelVerification(byId, call())).toMatchObject({ state: 'canceled' });
  });

  it('remember for 30 days that a phone was verified', async () => {
    const verifier = start();
    const sent = await verifier.sendCode(sendRequest(), call());
    await verifier.checkCode(checkRequest(sent, lastCode()), call());
    const approvedAt = time;
    time += MINUTE;
    await verifier.sendCode(sendRequest(), call());
    time += 29 * 24 * 60 * MINUTE;
    const byPhone = { verificationId: '', phone: PHONE, region: '', purpose: 'login' };
    const found = await verifier.getVerification(byPhone, call());
    expect(found).toMatchObject({ verificationId: '', state: 'approved', approvedAt, phoneVerifiedAt: approvedAt });
    time += 24 * 60 * MINUTE;
    expect(await refusal(verifier.getVerification(byPhone, call()))).toEqual({ reason: 'VERIFICATION_NOT_FOUND' });
  });
});

describe('rateStatus', () => {
  it('explains exactly what sendCode would refuse, and charges nothing', async () => {
    const verifier = start();
    const request = { phone: PHONE, region: '', purpose: 'login' };
    expect(await verifier.rateStatus(request, call())).toMatchObject({ canSend: true, canCheck: false, blockedBy: '' });
    await verifier.sendCode(sendRequest(), call());
    time += 20_000;
    const status = await verifier.rateStatus(request, call());
    expect(status).toEqual({
      canSend: false,
      canCheck: true,
      limits: [
        {
          name: 'phone_hour',
          limit: 5,
          used: 1,
          remaining: 4,
          windowMs: 60 * MINUTE,
          resetsAt: time - 20_000 + 60 * MINUTE,
          retryAfterMs: 0,
        },
      ],
      cooldown: { endsAt: time + 40_000, retryAfterMs: 40_000, level: 1 },
      guessBudget: { limit: 20, used: 0, remaining: 20, attemptsRemaining: 5, retryAfterMs: 0 },
      blockedBy: 'cooldown',
      retryAfterMs: 40_000,
    });
    expect(await refusal(verifier.sendCode(sendRequest(), call()))).toEqual({
      reason: 'COOLDOWN',
      retryAfterMs: status.retryAfterMs,
    });
  });
});
