/** What the suites of the Twilio provider share: an account, a message, and the search for what must not leave. */
import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Message, SendResult } from '../../../src/sms/provider.ts';
import { createTwilioProvider, type TwilioOptions } from '../../../src/sms/twilio/provider.ts';

export const ACCOUNT = { accountSid: `AC${'5'.repeat(32)}`, authToken: 'auth-token-of-the-account' };
export const API_KEY = { sid: `SK${'7'.repeat(32)}`, secret: 'secret-of-the-api-key' };
export const MESSAGE_SID = `SM${'a'.repeat(32)}`;

export const MESSAGE: Message = {
  to: '+15558675310',
  region: 'US',
  text: 'Acme: 493817 is your login code.',
  code: '493817',
  minutes: 5,
  purpose: 'login',
  locale: 'en',
  variables: {},
  sendId: 'send-1',
  reportToken: 'token_of-the-report',
  sender: {},
};

export const NEVER = new AbortController().signal;

export function providerOf(baseUrl: string, options: Partial<TwilioOptions> = {}) {
  return createTwilioProvider({
    ...ACCOUNT,
    from: '+15557122661',
    baseUrl,
    maxSockets: 20,
    failOverBlocked: false,
    feedback: false,
    ...options,
  });
}

/** Of a send: `accepted`, or kind, category and vendor code. Fails when a secret comes along. */
export function gist(result: SendResult): string {
  expectNoSecrets(result);
  return result.kind === 'accepted' ? 'accepted' : `${result.kind} ${result.category} ${result.vendorCode}`;
}

const SECRETS = [
  ACCOUNT.authToken,
  API_KEY.secret,
  Buffer.from(`${ACCOUNT.accountSid}:${ACCOUNT.authToken}`).toString('base64'),
  MESSAGE.code,
  MESSAGE.to.slice(1),
  'vendor t',
];

export function expectNoSecrets(value: unknown): void {
  const text = JSON.stringify(value) + inspect(value, { depth: 20, showHidden: true });
  expect(SECRETS.filter((secret) => text.includes(secret))).toEqual([]);
}
