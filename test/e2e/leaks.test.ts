import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { leaksIn, type Secrets } from './leaks.ts';
import { CREDENTIALS, VENDOR_TEXT } from './vendors.ts';

describe('negative controls: each secret is found in each form', () => {
  const secrets: Secrets = {
    code: '437061',
    'phone in China': '+8613812345678',
    'phone in the USA': '+14155550123',
    'auth token': CREDENTIALS.authToken,
    'API secret': CREDENTIALS.apiKeySecret,
    'Basic header': Buffer.from(`${CREDENTIALS.accountSid}:${CREDENTIALS.authToken}`).toString('base64'),
    'TC3 signature': randomBytes(32).toString('hex'),
    'webhook secret': CREDENTIALS.webhookSecret,
    'callback token': CREDENTIALS.callbackToken,
    'vendor text': VENDOR_TEXT,
  };
  const within = (before: string, encoding: 'base64' | 'base64url') => (value: string) =>
    Buffer.from(`${before}${value} and so on`).toString(encoding);

  it.each<[form: string, of: (value: string) => string]>([
    ['as it is', (value) => value],
    ['without + and country code', (value) => value.replace(/^\+(86|1)/, '')],
    ['in JSON in a string', (value) => JSON.stringify(JSON.stringify({ value }))],
    ['URL-encoded', (value) => encodeURIComponent(value)],
    ['as in a form', (value) => `${new URLSearchParams({ value })}`],
    ['in base64', within('', 'base64')],
    ['in base64, shifted by one byte', within('1', 'base64')],
    ['in base64, shifted by two', within('12', 'base64')],
    ['in base64url', within('', 'base64url')],
    ['in base64url, shifted by one byte', within('1', 'base64url')],
    ['in base64url, shifted by two', within('12', 'base64url')],
    ['in hex', (value) => Buffer.from(value).toString('hex')],
  ])('%s', (_, form) => {
    for (const [name, value] of Object.entries(secrets)) {
      const line = (what: string) => `{"level":"warn","vendor_code":"20003","x":"a ${what}","time":1800000000123}\n`;
      expect(leaksIn(line('b'), secrets), name).toEqual([]);
      const found = leaksIn(line(form(value)), { [name]: value });
      expect(found, name).not.toEqual([]);
    }
  });

  it('a code is no part of a longer number, and none of a random id', () => {
    const { code = '' } = secrets;
    const ids = [`1${code}`, `${code}0`, `Zkq${code}voNSksKz9Dk_VTRUFFG9ZUikcPmV1fQIltRtua`];
    for (const id of ids) expect(leaksIn(`{"id":"${id}"}`, { code })).toEqual([]);
    for (const word of [code, `G-${code}`, `code=${code}&`, `id_${code}`]) {
      expect(leaksIn(`{"x":"${word}"}`, { code })).not.toEqual([]);
    }
  });
});
