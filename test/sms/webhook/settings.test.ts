/** The configuration takes the webhook secrets that signatures can be made with, and no others. */
import { expect, test } from 'vitest';
import { webhookKey } from '../../../src/sms/webhook/signature.ts';
import { mistakes, WEBHOOK } from '../../config/given.ts';

const base64 = (bytes: number) => Buffer.alloc(bytes, 0xfb).toString('base64');

function makesKey(secret: string): boolean {
  try {
    webhookKey(secret);
    return true;
  } catch {
    return false;
  }
}

const secrets: [what: string, secret: string, usable: boolean][] = [
  ['24 bytes of base64', `whsec_${base64(24)}`, true],
  ['25 bytes, two of padding', `whsec_${base64(25)}`, true],
  ['26 bytes, one of padding', `whsec_${base64(26)}`, true],
  ['26 bytes, the padding left out', `whsec_${base64(26).replace('=', '')}`, true],
  ['25 bytes, the padding left out', `whsec_${base64(25).replace('==', '')}`, false],
  ['25 bytes, half of the padding left out', `whsec_${base64(25).replace('==', '=')}`, false],
  ['padding without need', `whsec_${base64(24)}==`, false],
  ['a quartet of one character', `whsec_${base64(24)}A`, false],
  ['23 bytes', `whsec_${base64(23)}`, false],
  ['nothing after the prefix', 'whsec_', false],
  ['base64url', `whsec_${base64(24).replaceAll('+', '-').replaceAll('/', '_')}`, false],
  ['a line break at the end', `whsec_${base64(24)}\n`, false],
  ['no base64 at all', `whsec_${'!'.repeat(32)}`, false],
  ['24 characters without the prefix', 'a'.repeat(24), true],
  ['23 characters without the prefix', 'a'.repeat(23), false],
  ['8 characters of 3 bytes', '密'.repeat(8), true],
  ['7 characters of 3 bytes', '密'.repeat(7), false],
  ['the prefix in capitals, as text', `WHSEC_${'!'.repeat(18)}`, true],
];

test.each(secrets)('%s', (_, secret, usable) => {
  expect(makesKey(secret)).toBe(usable);
  expect(mistakes({ ...WEBHOOK, SMS_WEBHOOK_SECRET: secret })).toEqual(
    usable ? [] : ['SMS_WEBHOOK_SECRET: must be at least 24 bytes, in base64 after whsec_'],
  );
});
