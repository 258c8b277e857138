import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import ApiBase from 'twilio/lib/rest/ApiBase.js';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Provider } from '../../../src/sms/provider.ts';
import { createTwilioClient } from '../../../src/sms/twilio/client.ts';
import { patienceWith } from '../../support/patience.ts';
import { created201, startTwilioFake, type TwilioFake, twilioError } from '../../support/twilio-fake.ts';
import { eventually } from '../../support/wait.ts';
import { ACCOUNT, API_KEY, gist, MESSAGE, MESSAGE_SID, NEVER, providerOf } from './fixture.ts';

let fake: TwilioFake;
let provider: Provider;

beforeEach(async () => {
  fake = await startTwilioFake({ ...ACCOUNT, apiKey: API_KEY });
  provider = providerOf(fake.url);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  provider.close?.();
  await fake.stop();
});

describe('a message as Twilio gets it', () => {
  it('has recipient, text, sender and validity, says what it is for, and nothing else', async () => {
    expect(await provider.send(MESSAGE, NEVER)).toEqual({
      kind: 'accepted',
      messageId: `SM${'0'.repeat(31)}1`,
      segments: 1,
    });
    expect(fake.sends.map(({ form }) => form)).toEqual([
      {
        To: '+15558675310',
        Body: 'Acme: 493817 is your login code.',
        From: '+15557122661',
        ValidityPeriod: '300',
        MessageIntent: 'otp',
      },
    ]);
    expect(fake.sends).toMatchObject([{ username: ACCOUNT.accountSid }]);
  });

  it.each([
    [5, 300],
    [0.5, 30],
    [0, 1],
    [10_000, 36_000],
  ])('with a life of %d minutes is given up after %d seconds', async (minutes, seconds) => {
    expect(gist(await provider.send({ ...MESSAGE, minutes }, NEVER))).toBe('accepted');
    expect(fake.sends).toMatchObject([{ validityPeriod: seconds }]);
  });

  it('keeps every character of its text', async () => {
    const text = 'Ihr Code: 493817 & mehr +%\n验证码 🔑\n@acme.example #493817';
    await provider.send({ ...MESSAGE, text }, NEVER);
    expect(fake.sends).toMatchObject([{ body: text }]);
  });

  it.each([
    ['the provider’s number', {}, {}, '+15557122661', null],
    ['the provider’s messaging service', { messagingServiceSid: 'MG1' }, {}, null, 'MG1'],
    ['the route’s number', { messagingServiceSid: 'MG1' }, { from: 'ACME' }, 'ACME', null],
    ['the route’s messaging service', {}, { messagingServiceSid: 'MG2' }, null, 'MG2'],
    ['of both of a route, the messaging service', {}, { from: 'ACME', messagingServiceSid: 'MG2' }, null, 'MG2'],
  ])('comes from %s', async (_, options, sender, from, messagingServiceSid) => {
    const other = providerOf(fake.url, options);
    expect(gist(await other.send({ ...MESSAGE, sender }, NEVER))).toBe('accepted');
    expect(fake.sends).toMatchObject([{ from, messagingServiceSid }]);
    other.close?.();
  });

  it('is not sent without a sender', async () => {
    const anonymous = providerOf(fake.url, { from: undefined });
    expect(await anonymous.send(MESSAGE, NEVER)).toMatchObject({
      kind: 'unavailable',
      category: 'sender',
      vendorCode: 'sender',
      actor: 'operator',
    });
    expect(fake.connections.accepted).toBe(0);
  });

  it('asks for reports where they can reach us, and leads them back by its token', async () => {
    const reporting = providerOf(fake.url, { statusCallback: 'https://cb.example/hooks/twilio' });
    await reporting.send(MESSAGE, NEVER);
    expect(fake.sends).toMatchObject([{ statusCallback: 'https://cb.example/hooks/twilio?t=token_of-the-report' }]);
    expect([reporting.reports?.byMessageId, provider.reports]).toEqual([false, undefined]);
    reporting.close?.();
  });

  it('is sent with the API key, where there is one, in the name of the account', async () => {
    const keyed = providerOf(fake.url, { apiKey: API_KEY });
    expect(gist(await keyed.send(MESSAGE, NEVER))).toBe('accepted');
    expect(fake.sends).toMatchObject([{ username: API_KEY.sid }]);
    keyed.close?.();
  });

  it('goes below the path of the base URL', async () => {
    const proxied = providerOf(`${fake.url}/proxied/`);
    expect(gist(await proxied.send(MESSAGE, NEVER))).toBe('unavailable configuration 20404');
    expect(fake.requests[0]?.path).toBe(`/proxied/2010-04-01/Accounts/${ACCOUNT.accountSid}/Messages.json`);
    proxied.close?.();
  });

  it('has an unknown number of segments while a messaging service does not know it, else as many as Twilio says', async () => {
    const pooled = providerOf(fake.url, { messagingServiceSid: 'MG1' });
    expect(await pooled.send(MESSAGE, NEVER)).toMatchObject({ segments: null });
    fake.behave(created201({ sid: MESSAGE_SID, status: 'queued', num_segments: '3' }));
    expect(await provider.send(MESSAGE, NEVER)).toEqual({ kind: 'accepted', messageId: MESSAGE_SID, segments: 3 });
    pooled.close?.();
  });
});

describe('where it goes is settled by the configuration', () => {
  it('api.twilio.com without a base URL, whatever region and edge the environment names', async () => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', ({ url }, socket) => {
      asked.push(url ?? '');
      socket.destroy();
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`);
    vi.stubEnv('TWILIO_REGION', 'ie1');
    vi.stubEnv('TWILIO_EDGE', 'dublin');
    const distant = providerOf('', { baseUrl: undefined });
    // The proxy made no tunnel, so nothing was sent.
    const leaving = new AbortController();
    proxy.once('connect', () => leaving.abort());
    expect(gist(await distant.send(MESSAGE, leaving.signal))).toBe('unavailable timeout timeout');
    expect(asked).toEqual(['api.twilio.com:443']);
    distant.close?.();
    proxy.close();
  });

  it('an account SID that is none fails the start, and is not repeated', () => {
    const build = () => providerOf(fake.url, { accountSid: API_KEY.sid });
    expect(build).toThrow('twilio.accountSid (TWILIO_ACCOUNT_SID) must begin with AC');
    expect(build).not.toThrow(API_KEY.sid);
  });
});

/** The negative control of the fake: it must tell right credentials from wrong ones. */
describe('credentials', () => {
  it.each([
    ['a wrong token', { authToken: 'wrong' }],
    ['a wrong secret of the API key', { apiKey: { ...API_KEY, secret: 'wrong' } }],
  ])('%s is refused', async (_, options) => {
    const stranger = providerOf(fake.url, options);
    expect(gist(await stranger.send(MESSAGE, NEVER))).toBe('unavailable credentials 20003');
    stranger.close?.();
  });

  it('another account is not found', async () => {
    const stranger = providerOf(fake.url, { accountSid: `AC${'6'.repeat(32)}`, apiKey: API_KEY });
    expect(gist(await stranger.send(MESSAGE, NEVER))).toBe('unavailable configuration 20404');
    stranger.close?.();
  });
});

describe('feedback', () => {
  const conversion = { messageId: MESSAGE_SID, at: 0 };

  it('is asked for and given only where it is switched on', async () => {
    const telling = providerOf(fake.url, { feedback: true });
    await telling.send(MESSAGE, NEVER);
    expect(await telling.converted?.([conversion], NEVER)).toEqual({ ok: true });
    expect(fake.sends).toMatchObject([{ provideFeedback: true }]);
    expect(fake.feedback).toEqual([{ messageSid: MESSAGE_SID, outcome: 'confirmed' }]);
    expect(provider.converted).toBeUndefined();
    telling.close?.();
  });

  it('that fails is told in a word', async () => {
    const telling = providerOf(fake.url, { feedback: true });
    fake.behave(twilioError(404, 20404));
    expect(await telling.converted?.([conversion], NEVER)).toEqual({ ok: false, vendorCode: '20404' });
    fake.behave({ do: 'hang' });
    const leaving = patienceWith({ do: 'hang' }, fake);
    expect(await telling.converted?.([conversion], leaving)).toEqual({
      ok: false,
      vendorCode: 'timeout',
    });
    const result = await telling.converted?.([{ ...conversion, messageId: '../escape?' }], NEVER);
    expect(result).toEqual({ ok: false, vendorCode: 'network' });
    telling.close?.();
  });
});

describe('connections', () => {
  it('1,000 sends, 50 at once, share as many as the limit allows', async () => {
    const waiting = Array.from({ length: 1_000 }, (_, n) => ({ ...MESSAGE, to: `+1555867${n + 1_000}` }));
    const worker = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        expect((await provider.send(next, NEVER)).kind).toBe('accepted');
      }
    };
    await Promise.all(Array.from({ length: 50 }, worker));
    expect(new Set(fake.sends.map(({ to }) => to)).size).toBe(1_000);
    expect(fake.connections.accepted).toBeLessThanOrEqual(20);
  });

  it('one is enough for sends in a row, and closing ends it', async () => {
    for (let sent = 0; sent < 20; sent += 1) expect(gist(await provider.send(MESSAGE, NEVER))).toBe('accepted');
    expect(fake.connections).toMatchObject({ accepted: 1, open: 1 });
    provider.close?.();
    await eventually('no connection is left', () => fake.connections.open === 0);
  });

  it('closing leaves a send under way alone', async () => {
    fake.behave({ do: 'trickle', status: 201, body: JSON.stringify({ sid: MESSAGE_SID }), everyMs: 1 });
    const sending = provider.send(MESSAGE, NEVER);
    await eventually('Twilio has the message', () => fake.sends.length === 1);
    provider.close?.();
    expect(gist(await sending)).toBe('accepted');
  });
});

it('the SDK keeps no copy of the last message, and no credentials with it', async () => {
  const client = createTwilioClient({ ...ACCOUNT, baseUrl: fake.url, maxSockets: 1 });
  const { httpClient } = client.sdk;
  const { messages } = new ApiBase(client.sdk).v2010.account;
  const create = () => client.run({ signal: NEVER }, () => messages.create({ to: MESSAGE.to, from: '+1555' }));
  await expect(create()).rejects.toThrow();
  fake.behave({ do: 'reset_after' });
  await expect(create()).rejects.toThrow();
  expect(fake.sends).toHaveLength(2);
  expect([httpClient.lastRequest, httpClient.lastResponse]).toEqual([undefined, undefined]);
  client.close();
});
