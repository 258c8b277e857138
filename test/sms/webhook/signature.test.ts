import { describe, expect, test } from 'vitest';
import { isSigned, signatureHeaders, webhookKey } from '../../../src/sms/webhook/signature.ts';

/** The test vector of the specification's own libraries. */
const VECTOR = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const key = webhookKey(VECTOR.secret);
const body = Buffer.from(VECTOR.body);
const now = VECTOR.timestamp * 1000;
const headers = signatureHeaders(key, VECTOR);

test('signatures are those of the specification', () => {
  expect(headers).toEqual({
    'webhook-id': VECTOR.id,
    'webhook-timestamp': '1614265330',
    'webhook-signature': VECTOR.signature,
  });
});

test('a secret without whsec_ is its own bytes', () => {
  const plain = 'a secret of plain characters';
  const encoded = `whsec_${Buffer.from(plain).toString('base64')}`;
  expect(signatureHeaders(webhookKey(plain), VECTOR)).toEqual(signatureHeaders(webhookKey(encoded), VECTOR));
});

test.each([
  ['23 bytes of text', 'x'.repeat(23)],
  ['23 bytes in base64', `whsec_${Buffer.alloc(23).toString('base64')}`],
  ['no base64 after whsec_', `whsec_${'-'.repeat(40)}`],
  ['nothing', ''],
])('%s are no secret, and the error does not show them', (_, secret) => {
  let message = '';
  try {
    webhookKey(secret);
  } catch (error) {
    message = String(error);
  }
  expect(message).toContain('webhook secret');
  if (secret !== '') expect(message).not.toContain(secret.slice(0, 20));
});

describe('what is signed is genuine', () => {
  test.each([
    ['as it is', {}, 0],
    ['5 minutes late', {}, 300_999],
    ['5 minutes early', {}, -300_000],
    ['among other signatures', { 'webhook-signature': `v1,AAAA v1a,xyz ${VECTOR.signature} v2,AAAA` }, 0],
  ])('%s', (_, changed, late) => {
    expect(isSigned(key, { headers: { ...headers, ...changed }, body, now: now + late })).toBe(true);
  });
});

describe('anything else is not', () => {
  test.each([
    ['another body', {}, '{"test": 2432232315}', 0],
    ['another id', { 'webhook-id': 'msg_other' }, VECTOR.body, 0],
    ['another timestamp', { 'webhook-timestamp': '1614265331' }, VECTOR.body, 0],
    ['another spelling of the timestamp', { 'webhook-timestamp': '01614265330' }, VECTOR.body, 0],
    ['no number as timestamp', { 'webhook-timestamp': 'now' }, VECTOR.body, 0],
    ['no signature', { 'webhook-signature': undefined }, VECTOR.body, 0],
    ['no id', { 'webhook-id': undefined }, VECTOR.body, 0],
    ['an empty id', { 'webhook-id': '' }, VECTOR.body, 0],
    ['no timestamp', { 'webhook-timestamp': undefined }, VECTOR.body, 0],
    [
      'the signature under another version',
      { 'webhook-signature': VECTOR.signature.replace('v1', 'v2') },
      VECTOR.body,
      0,
    ],
    ['the beginning of the signature', { 'webhook-signature': VECTOR.signature.slice(0, 20) }, VECTOR.body, 0],
    ['a bare version', { 'webhook-signature': 'v1,' }, VECTOR.body, 0],
    ['too late', {}, VECTOR.body, 301_000],
    ['too early', {}, VECTOR.body, -301_000],
  ])('%s', (_, changed, text, late) => {
    const given = { ...headers, ...changed };
    expect(isSigned(key, { headers: given, body: Buffer.from(text), now: now + late })).toBe(false);
  });

  test('another secret', () => {
    const other = signatureHeaders(webhookKey(`whsec_${Buffer.alloc(24).toString('base64')}`), VECTOR);
    expect(isSigned(key, { headers: other, body, now })).toBe(false);
  });

  test('an id and a timestamp that run into each other', () => {
    const shifted = signatureHeaders(key, { ...VECTOR, id: 'msg.1' });
    expect(isSigned(key, { headers: shifted, body, now })).toBe(false);
  });
});
