import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/sms/provider.ts';
import type { TwilioVerifyOptions } from '../../../src/sms/twilio-verify/provider.ts';
import {
  startTwilioVerifyFake,
  type TwilioVerifyFake,
  type TwilioVerifyFakeOptions,
} from '../../support/twilio-verify-fake.ts';
import { ACCOUNT, API_KEY, gist, MESSAGE, NEVER } from '../twilio/fixture.ts';
import { FIRST_ID, providerOf, SERVICE_SID, TEMPLATE_SID } from './fixture.ts';

const APP_HASH = 'He42w354ol9';
const MINUTE_MS = 60_000;

let fake: TwilioVerifyFake;
let provider: Provider;
let now: number;

async function start(fakeOptions: Partial<TwilioVerifyFakeOptions> = {}, options: Partial<TwilioVerifyOptions> = {}) {
  await stop();
  now = Date.UTC(2026, 10, 21, 9, 30);
  const account = { ...ACCOUNT, apiKey: API_KEY, serviceSid: SERVICE_SID, templateSids: [TEMPLATE_SID] };
  fake = await startTwilioVerifyFake({ ...account, clock: () => now, ...fakeOptions });
  provider = providerOf(fake.url, { now: () => now, ...options });
}

async function stop(): Promise<void> {
  provider?.close?.();
  await fake?.stop();
}

beforeEach(() => start());
afterEach(stop);

const send = (code: string, signal = NEVER) => provider.send({ ...MESSAGE, code }, signal);
const approve = (messageId: string) => provider.converted?.([{ messageId, at: now }], NEVER);
const idOf = (result: Awaited<ReturnType<typeof send>>) => (result.kind === 'accepted' ? result.messageId : '');

describe('a message', () => {
  it('is a verification with our code; its text, sender and number of segments are Twilio’s', async () => {
    expect(await provider.send(MESSAGE, NEVER)).toEqual({ kind: 'accepted', messageId: FIRST_ID, segments: null });
    expect(fake.sends.map(({ form }) => form)).toEqual([
      { To: MESSAGE.to, Channel: 'sms', CustomCode: '493817', Locale: 'en' },
    ]);
    expect(fake.messages).toMatchObject([{ to: MESSAGE.to, code: '493817' }]);
  });

  it('by a template and with an app hash, where they are set', async () => {
    await start({}, { templateSid: TEMPLATE_SID, appHash: APP_HASH });
    expect(gist(await provider.send(MESSAGE, NEVER))).toBe('accepted');
    // Nobody said in which languages the template exists.
    expect(fake.sends[0]).toMatchObject({ templateSid: TEMPLATE_SID, appHash: APP_HASH, locale: null });
  });

  it('is sent with the auth token, or with an API key in its place', async () => {
    await provider.send(MESSAGE, NEVER);
    const keyed = providerOf(fake.url, { apiKey: API_KEY, authToken: undefined });
    await keyed.send(MESSAGE, NEVER);
    keyed.close?.();
    expect(fake.sends.map(({ username }) => username)).toEqual([ACCOUNT.accountSid, API_KEY.sid]);
  });

  it('of which the signal fired before is not sent', async () => {
    expect(gist(await send('493817', AbortSignal.abort()))).toBe('unavailable timeout timeout');
    expect(fake.connections.accepted).toBe(0);
  });
});

describe('the language is one that Verify has, else Verify chooses', () => {
  it.each([
    ['en', 'en'],
    ['en-GB', 'en'],
    ['de-AT', 'de'],
    ['pt-BR', 'pt-BR'],
    ['pt-PT', 'pt'],
    ['zh-Hans-CN', 'zh-CN'],
    ['zh_HK', 'zh-HK'],
    ['no', 'nb'],
    ['nn-NO', 'nb'],
    ['fil', 'tl'],
    ['in', 'id'],
    ['cy', null],
    ['sw-KE', null],
  ])('%s: %s', async (locale, asked) => {
    expect(gist(await provider.send({ ...MESSAGE, locale }, NEVER))).toBe('accepted');
    expect(fake.sends[0]?.locale).toBe(asked);
  });

  it.each([
    ['sw-KE', 'sw'],
    ['en', null],
  ])('of a template with the languages sw and de, %s: %s', async (locale, asked) => {
    await start({}, { templateSid: TEMPLATE_SID, locales: ['sw', 'de'] });
    expect(gist(await provider.send({ ...MESSAGE, locale }, NEVER))).toBe('accepted');
    expect(fake.sends[0]?.locale).toBe(asked);
  });
});

// Twilio's documents leave open which code an SMS has when another one came for a pending verification.
describe.each(['first', 'newest'] as const)('with a Verify that keeps the %s code of a verification', (pendingCode) => {
  beforeEach(() => start({ pendingCode }));

  it('a phone gets the code of the last send, whichever was pending', async () => {
    for (const code of ['111111', '222222', '222222', '333333']) {
      expect(gist(await send(code))).toBe('accepted');
      now += MINUTE_MS;
    }
    expect(fake.messages.map(({ code }) => code)).toEqual(['111111', '222222', '222222', '333333']);
  });

  it('ten sends within ten minutes do not use up a verification (60203)', async () => {
    for (let sent = 0; sent < 10; sent++) expect(gist(await send('493817'))).toBe('accepted');
  });

  it('an approval is told for the code that was entered last, and comes too late for the one before', async () => {
    const first = idOf(await send('111111'));
    const second = idOf(await send('222222'));
    expect(await approve(first)).toEqual({ ok: false, vendorCode: 'too_late' });
    expect(await approve(second)).toEqual({ ok: true });
    expect(fake.verifications.map(({ status }) => status)).toEqual(['canceled', 'approved']);
  });
});

it('negative control: a send that cancels nothing lets a phone get the code before', async () => {
  await start({ pendingCode: 'first' });
  await send('111111');
  const { body, path, headers } = fake.requests.at(-1) ?? { body: '', path: '', headers: {} };
  const { authorization = '', 'content-type': type = '' } = headers;
  await fetch(`${fake.url}${path}`, {
    method: 'POST',
    body: body.replace('111111', '222222'),
    headers: { authorization, 'content-type': type },
  });
  expect(fake.messages.map(({ code }) => code)).toEqual(['111111', '111111']);
});

describe('an approval', () => {
  it('is told to Twilio, which wants to know it of codes that are not its own', async () => {
    expect(await approve(idOf(await provider.send(MESSAGE, NEVER)))).toEqual({ ok: true });
    expect(fake.updates.at(-1)).toEqual({ verification: FIRST_ID.split('.')[1], status: 'approved' });
  });

  it.each([
    ['twice', async (id: string) => void (await approve(id))],
    [
      'after ten minutes',
      async () => {
        now += 10 * MINUTE_MS;
      },
    ],
  ])('%s comes too late, which is an error for nobody', async (_, before) => {
    const id = idOf(await provider.send(MESSAGE, NEVER));
    await before(id);
    expect(await approve(id)).toEqual({ ok: false, vendorCode: 'too_late' });
  });

  it('that Twilio refuses says why', async () => {
    const id = idOf(await provider.send(MESSAGE, NEVER));
    fake.behave({ do: 'reset_after' });
    expect(await approve(id)).toEqual({ ok: false, vendorCode: 'reset' });
  });
});

it('one connection serves sends in a row, and closing ends it', async () => {
  for (let sent = 0; sent < 5; sent++) expect(gist(await provider.send(MESSAGE, NEVER))).toBe('accepted');
  expect(fake.connections).toMatchObject({ accepted: 1, open: 1 });
  provider.close?.();
  await expect.poll(() => fake.connections.open).toBe(0);
});
