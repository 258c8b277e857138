import BaseTwilio from 'twilio/lib/base/BaseTwilio.js';
import RequestClient from 'twilio/lib/base/RequestClient.js';
import VerifyBase from 'twilio/lib/rest/VerifyBase.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTwilioVerifyFake, type TwilioVerifyFake, type TwilioVerifyFakeOptions } from './twilio-verify-fake.ts';

const ACCOUNT = { accountSid: `AC${'5'.repeat(32)}`, authToken: 'auth-token-of-the-account' };
const API_KEY = { sid: `SK${'7'.repeat(32)}`, secret: 'secret-of-the-api-key' };
const serviceSid = `VA${'3'.repeat(32)}`;
const templateSid = `HJ${'d'.repeat(32)}`;
const TO = '+15558675310';

let fake: TwilioVerifyFake;
let now: number;
let verify: VerifyBase['v2'];

beforeEach(() => start());
afterEach(() => fake.stop());

async function start(options: Partial<TwilioVerifyFakeOptions> = {}): Promise<void> {
  await fake?.stop();
  now = Date.UTC(2026, 10, 21, 9, 30);
  const templateSids = [templateSid];
  fake = await startTwilioVerifyFake({
    ...ACCOUNT,
    apiKey: API_KEY,
    serviceSid,
    templateSids,
    clock: () => now,
    ...options,
  });
  verify = verifyAs(API_KEY.sid, API_KEY.secret);
}

/** The real SDK, led to the fake. */
function verifyAs(username: string, password: string): VerifyBase['v2'] {
  class Client extends RequestClient {
    override request<T>(request: RequestClient.RequestOptions<T>) {
      return super.request({ ...request, uri: request.uri.replace('https://verify.twilio.com', fake.url) });
    }
  }
  const { accountSid } = ACCOUNT;
  const options = { accountSid, httpClient: new Client(), region: '', edge: '' };
  return new VerifyBase(new BaseTwilio.Client(username, password, options)).v2;
}

const send = (customCode = '493817', more: object = {}, to = TO) =>
  verify.services(serviceSid).verifications.create({ to, channel: 'sms', customCode, ...more });
const approve = (sid: string) => verify.services(serviceSid).verifications(sid).update({ status: 'approved' });
const cancel = (sid: string) => verify.services(serviceSid).verifications(sid).update({ status: 'canceled' });
const refusal = (status: number, code: number) => expect.objectContaining({ status, code });

describe('a verification', () => {
  it('carries the code of the caller, and names the attempt', async () => {
    const { sid, status, valid, sendCodeAttempts } = await send('493817', { locale: 'pt-BR', appHash: 'He42w354ol9' });
    expect({ status, valid }).toEqual({ status: 'pending', valid: false });
    expect(sid).toMatch(/^VE[\da-f]{32}$/);
    const [{ attempt_sid: attemptSid }] = sendCodeAttempts;
    expect(fake.messages).toEqual([{ to: TO, code: '493817', locale: 'pt-BR', verificationSid: sid, attemptSid }]);
    expect(fake.sends[0]).toMatchObject({ customCode: '493817', appHash: 'He42w354ol9', username: API_KEY.sid });
  });

  it('is one per number for 10 minutes, then another', async () => {
    const first = await send();
    now += 599_999;
    const second = await send();
    expect(second.sid).toBe(first.sid);
    expect(second.sendCodeAttempts.map((each) => each.attempt_sid)).toHaveLength(2);
    now += 1;
    expect((await send()).sid).not.toBe(first.sid);
    expect(fake.verifications.map(({ status }) => status)).toEqual(['expired', 'pending']);
  });

  it('keeps its first code, or takes the newest', async () => {
    await send('111111');
    await send('222222');
    expect(fake.messages.map(({ code }) => code)).toEqual(['111111', '111111']);
    await start({ pendingCode: 'newest' });
    await send('111111');
    await send('222222');
    expect(fake.messages.map(({ code }) => code)).toEqual(['111111', '222222']);
  });

  it('makes way for another code when it is canceled, by its number too', async () => {
    await send('111111');
    await cancel(TO);
    await send('222222');
    expect(fake.messages.at(-1)?.code).toBe('222222');
    expect(fake.updates).toEqual([{ verification: TO, status: 'canceled' }]);
  });

  it('takes five SMS', async () => {
    for (let i = 0; i < 5; i++) await send();
    await expect(send()).rejects.toEqual(refusal(429, 60203));
    now += 600_000;
    await send();
  });

  it('is approved once, and not too late', async () => {
    const { sid, sendCodeAttempts } = await send();
    expect(await approve(sid)).toMatchObject({ status: 'approved', valid: true });
    await expect(approve(sid)).rejects.toEqual(refusal(404, 20404));
    const attempt = await verify.verificationAttempts(sendCodeAttempts[0].attempt_sid).fetch();
    expect(attempt).toMatchObject({ conversionStatus: 'converted', channelData: { status: 'confirmed' } });
    const late = await send();
    now += 600_000;
    await expect(approve(late.sid)).rejects.toEqual(refusal(404, 20404));
  });
});

describe('an attempt', () => {
  it('tells what became of the SMS', async () => {
    const { sendCodeAttempts, sid } = await send();
    const attemptSid = sendCodeAttempts[0].attempt_sid;
    const read = async () => (await verify.verificationAttempts(attemptSid).fetch()).channelData;
    expect(await read()).toMatchObject({ message_status: 'queued', error_code: null, verification_sid: sid });
    fake.settle(attemptSid, { status: 'undelivered', errorCode: '30008' });
    expect(await read()).toMatchObject({ message_status: 'undelivered', error_code: '30008' });
    expect(fake.polls).toEqual([`/v2/Attempts/${attemptSid}`, `/v2/Attempts/${attemptSid}`]);
    await expect(verify.verificationAttempts(`VL${'0'.repeat(32)}`).fetch()).rejects.toEqual(refusal(404, 20404));
  });

  it('is in the list, page by page, newest first', async () => {
    for (const digit of [1, 2, 3]) await send('493817', {}, `+1555867531${digit}`);
    const listed = await verify.verificationAttempts.list({ verifyServiceSid: serviceSid, pageSize: 2 });
    expect(listed.map(({ channelData }) => channelData.to.at(-1))).toEqual(['3', '2', '1']);
    expect(fake.polls).toHaveLength(2);
    const later = await verify.verificationAttempts.list({ dateCreatedAfter: new Date(now + 1000) });
    expect(later).toEqual([]);
  });

  it('can be asked for 100 times a minute', async () => {
    await start({ pollsPerMinute: 2 });
    const poll = () => verify.verificationAttempts.list({});
    await poll();
    await poll();
    expect(fake.polls).toHaveLength(2);
    await expect(verify.verificationAttempts(`VL${'0'.repeat(32)}`).fetch()).rejects.toEqual(refusal(429, 20429));
    now += 60_000;
    await poll();
  });
});

describe('it refuses', () => {
  it.each([
    ['no number', () => send('493817', {}, '0171'), 400, 60200],
    ['a code that is too short', () => send('123'), 400, 60200],
    ['a channel that is not SMS', () => send('493817', { channel: 'call' }), 400, 60200],
    ['a template that is unknown', () => send('493817', { templateSid: `HJ${'e'.repeat(32)}` }), 404, 60228],
    ['a language that is unknown', () => send('493817', { locale: 'en-GB' }), 404, 20404],
  ])('%s', async (_, call, status, code) => {
    await expect(call()).rejects.toEqual(refusal(status, code));
    expect(fake.messages).toEqual([]);
    expect(fake.sends).toHaveLength(1);
  });

  it('codes of the caller where the service does not allow them', async () => {
    fake.allowCustomCodes(false);
    await expect(send()).rejects.toEqual(refusal(403, 60204));
    fake.allowCustomCodes(true);
    await send();
  });

  it.each([
    [60220, 400],
    [60410, 403],
    [60605, 403],
    [60212, 429],
    [60205, 403],
  ])('what %i stands for', async (code, status) => {
    fake.refuse('+1555', code);
    await expect(send()).rejects.toEqual(refusal(status, code));
    await send('493817', {}, '+4915123456789');
    fake.refuse('+1555', null);
    await send();
  });

  it('whoever does not sign in', async () => {
    verify = verifyAs(ACCOUNT.accountSid, 'wrong');
    await expect(send()).rejects.toEqual(refusal(401, 20003));
    verify = verifyAs(ACCOUNT.accountSid, ACCOUNT.authToken);
    await send();
  });

  it('services of others', async () => {
    const others = verify.services(`VA${'4'.repeat(32)}`).verifications;
    await expect(others.create({ to: TO, channel: 'sms' })).rejects.toEqual(refusal(404, 20404));
  });
});
