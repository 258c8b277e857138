/** Names that the store knows requests by. Another version of the program must find what this one has stored. */
import { describe, expect, it } from 'vitest';
import { PLAIN_MESSAGE, type PurposePolicy } from '../../src/domain/policy.ts';
import { locateId, requestKey, sessionKey } from '../../src/verification/slot.ts';
import { call, keyring, PHONE, refusal } from './stage.ts';

const phoneKey = keyring.phoneKey(PHONE);
const slot = { phoneKey, caller: 'auth', purpose: 'login' };
const fingerprint = (label: string, ...parts: string[]) => keyring.fingerprint(label, phoneKey, parts);
const login: PurposePolicy = {
  name: 'login',
  digits: 6,
  lifeMs: 300_000,
  guesses: 5,
  guessesByPhone: 3,
  resend: 'same',
  variablesRequired: false,
  message: PLAIN_MESSAGE,
};

describe('the idempotency key', () => {
  it.each(['send', 'check'] as const)(
    'of a %s is named by its request id, and its content by all that must be the same',
    (rpc) => {
      expect(requestKey(keyring, { rpc, slot, requestId: 'r-1', content: ['a', 'b'] })).toEqual({
        hash: fingerprint(`${rpc} request`, 'r-1'),
        content: fingerprint(`${rpc} content`, 'login', 'a', 'b'),
      });
    },
  );

  it('is none without a request id', () => {
    expect(requestKey(keyring, { rpc: 'send', slot, requestId: '', content: ['a'] })).toBeNull();
  });
});

describe('the session', () => {
  it('has a name of its own at every phone', () => {
    expect(sessionKey(keyring, phoneKey, 's-1')).toBe(fingerprint('session', 's-1'));
    expect(sessionKey(keyring, keyring.phoneKey('+14155550124'), 's-1')).not.toBe(fingerprint('session', 's-1'));
  });

  it('that a request does not name has no name', () => {
    expect(sessionKey(keyring, phoneKey, '')).toBe('');
  });
});

describe('a verification id', () => {
  it('leads to its slot, and is written down for the log', () => {
    const made = call();
    const nonce = Buffer.alloc(16, 7).toString('base64url');
    const id = keyring.verificationId(phoneKey, nonce);
    expect(locateId(id, login, { keyring, call: made })).toEqual({ slot, nonce });
    expect(made.facts).toEqual({ verificationId: id });
  });

  it('that is none is refused, and not written down', async () => {
    const made = call();
    const located = async () => locateId('none', login, { keyring, call: made });
    expect(await refusal(located())).toEqual({
      reason: 'INVALID_FIELDS',
      violations: [{ field: 'verification_id', rule: 'malformed_id' }],
    });
    expect(made.facts).toEqual({});
  });
});
