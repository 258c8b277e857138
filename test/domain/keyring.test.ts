import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { uniformDigits } from '../../src/domain/code.ts';
import { createKeyring } from '../../src/domain/keyring.ts';

const current = Buffer.alloc(32, 1);
const previous = Buffer.alloc(32, 2);
const keyring = createKeyring({ current, previous: null });
const rotated = createKeyring({ current: previous, previous: current });
const PHONE = '+14155550123';
const nonce = Buffer.alloc(16, 7).toString('base64url');

describe('the phone key', () => {
  it('is the same for one phone, another for another phone or secret, and no unkeyed hash', () => {
    const key = keyring.phoneKey(PHONE);
    expect(keyring.phoneKey(PHONE)).toBe(key);
    expect(keyring.phoneKey('+14155550124')).not.toBe(key);
    expect(rotated.phoneKey(PHONE)).not.toBe(key);
    expect(key).toMatch(/^[0-9a-f]{2}\.[\w-]{22}$/);
    for (const encoding of ['hex', 'base64url'] as const) {
      expect(createHash('sha256').update(PHONE).digest(encoding)).not.toContain(key.slice(3));
    }
  });
});

describe('a verification id', () => {
  const phoneKey = keyring.phoneKey(PHONE);
  const id = keyring.verificationId(phoneKey, nonce);

  it('leads back to its slot and nonce', () => {
    expect(id).toMatch(/^[\w-]{44}$/);
    expect(keyring.parseVerificationId(id)).toEqual({ phoneKey, nonce });
  });

  it('shows no common part for two verifications of one phone, but for the key id', () => {
    const ids = Array.from({ length: 200 }, () =>
      keyring.verificationId(phoneKey, randomBytes(16).toString('base64url')),
    );
    const columns = Array.from({ length: 33 }, (_, i) => new Set(ids.map((each) => Buffer.from(each, 'base64url')[i])));
    expect(columns[0]?.size).toBe(1);
    for (const column of columns.slice(1)) expect(column.size).toBeGreaterThan(50);
  });

  it('still leads to its slot after the secret was rotated', () => {
    expect(rotated.parseVerificationId(id)).toEqual({ phoneKey, nonce });
  });

  it.each([
    ['a changed bit', () => Buffer.from(id, 'base64url').map((byte, i) => (i === 20 ? byte ^ 1 : byte))],
    ['another nonce', () => Buffer.from(id, 'base64url').map((byte, i) => (i === 3 ? byte ^ 1 : byte))],
    ['an unknown key id', () => Buffer.from(id, 'base64url').map((byte, i) => (i === 0 ? byte ^ 255 : byte))],
  ])('with %s leads to another slot', (_, forge) => {
    const forged = keyring.parseVerificationId(Buffer.from(forge()).toString('base64url'));
    expect(forged?.phoneKey).not.toBe(phoneKey);
  });

  it.each(['', 'short', `${id}A`, id.slice(1), `${id.slice(0, -1)}=`, `${id.slice(0, 43)}\n`, '+'.repeat(44)])(
    'is not %j',
    (text) => {
      expect(keyring.parseVerificationId(text)).toBeNull();
    },
  );
});

describe('a code', () => {
  const phoneKey = keyring.phoneKey(PHONE);
  const input = { phoneKey, purpose: 'login', seed: nonce, digits: 6 };

  it('follows from seed, phone, purpose and secret, and from nothing less', () => {
    const code = keyring.code(input);
    expect(keyring.code(input)).toBe(code);
    const others = [
      keyring.code({ ...input, seed: Buffer.alloc(16, 8).toString('base64url') }),
      keyring.code({ ...input, purpose: 'register' }),
      keyring.code({ ...input, phoneKey: keyring.phoneKey('+14155550124') }),
      rotated.code({ ...input, phoneKey: rotated.phoneKey(PHONE) }),
    ];
    expect(others).not.toContain(code);
  });

  it('is the same after the secret was rotated, so that a late resend repeats it', () => {
    expect(rotated.code(input)).toBe(keyring.code(input));
  });

  it('has a MAC that is bound to phone, caller, purpose and code', () => {
    const mac = { phoneKey, caller: 'auth', purpose: 'login', code: '123456' };
    const macs = [
      mac,
      { ...mac, code: '123457' },
      { ...mac, caller: 'shop' },
      { ...mac, purpose: 'register' },
      { ...mac, phoneKey: keyring.phoneKey('+14155550124') },
    ].map((each) => keyring.codeMac(each));
    expect(new Set(macs).size).toBe(5);
  });

  it('fingerprints cannot be made equal by moving text between the parts', () => {
    expect(keyring.fingerprint('x', phoneKey, ['ab', 'c'])).not.toBe(keyring.fingerprint('x', phoneKey, ['a', 'bc']));
    expect(keyring.fingerprint('x', phoneKey, ['a', ''])).not.toBe(keyring.fingerprint('x', phoneKey, ['a']));
    expect(keyring.fingerprint('x', phoneKey, ['1:a,1:b'])).not.toBe(keyring.fingerprint('x', phoneKey, ['a', 'b']));
  });

  it.each([4, 5, 6, 7, 8])('of %i digits is uniform: every digit of every place, leading zeros kept', (digits) => {
    const rounds = 40_000;
    const counts = Array.from({ length: digits }, () => new Array<number>(10).fill(0));
    const codes = Array.from({ length: rounds }, () => uniformDigits(digits, () => randomBytes(16)));
    expect(codes.every((code) => code.length === digits)).toBe(true);
    for (const code of codes) {
      counts.forEach((place, i) => {
        place[Number(code[i])] = (place[Number(code[i])] ?? 0) + 1;
      });
    }
    for (const place of counts) {
      const expected = rounds / 10;
      const chiSquare = place.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // 9 degrees of freedom: beyond 40 once in about 130,000 places.
      expect(chiSquare).toBeLessThan(40);
    }
  });

  it('throws away words that would make low codes likelier', () => {
    const bound = Math.floor(2 ** 32 / 10 ** 6) * 10 ** 6;
    const block = Buffer.alloc(12);
    block.writeUInt32BE(2 ** 32 - 1, 0);
    block.writeUInt32BE(bound, 4);
    block.writeUInt32BE(bound - 1, 8);
    expect(uniformDigits(6, () => block)).toBe('999999');
  });

  it('reads on in the next block when one is used up', () => {
    const blocks = [Buffer.alloc(4, 255), Buffer.from([0, 0, 0, 42])];
    expect(uniformDigits(6, (n) => blocks[n] as Buffer)).toBe('000042');
  });
});

it('two secrets that share a key id are refused, since ids could not be told apart', () => {
  const idOf = (secret: Buffer) => createKeyring({ current: secret, previous: null }).phoneKey(PHONE).slice(0, 2);
  let twin = randomBytes(32);
  while (idOf(twin) !== idOf(current)) twin = randomBytes(32);
  expect(() => createKeyring({ current: twin, previous: current })).toThrow('key id');
});

describe('a report token', () => {
  const keyring = createKeyring({ current, previous: null });
  const sendId = randomBytes(12).toString('base64url');
  const nonce = randomBytes(16).toString('base64url');
  const about = { country: 'US', nonce };
  const send = { phoneKey: keyring.phoneKey(PHONE), caller: 'auth', purpose: 'login', sendId, ...about };
  const token = keyring.reportToken(send);

  it('leads back to its send, and is the same every time it is made', () => {
    expect(keyring.parseReportToken(token)).toEqual(send);
    expect(keyring.reportToken(send)).toBe(token);
  });

  it('shows neither phone, caller, purpose nor country, and fits a URL with the longest names', () => {
    const bytes = Buffer.from(token, 'base64url').toString('latin1');
    for (const word of ['auth', 'login', 'US', nonce, PHONE]) expect(bytes).not.toContain(word);
    expect(bytes).not.toContain(Buffer.from(send.phoneKey.slice(3), 'base64url').toString('latin1'));
    const longest = keyring.reportToken({ ...send, caller: 'c'.repeat(32), purpose: 'p'.repeat(32) });
    expect(longest).toMatch(/^[\w-]{1,200}$/);
  });

  it('cannot be forged: every changed bit, a cut, an addition and another secret make it nothing', () => {
    const bytes = Buffer.from(token, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(keyring.parseReportToken(changed.toString('base64url'))).toBeNull();
    }
    for (const forged of [
      '',
      'x',
      token.slice(0, -1),
      token.slice(4),
      `${token}A`,
      `${token}=`,
      '\u0000',
      'ü'.repeat(99),
    ]) {
      expect(keyring.parseReportToken(forged)).toBeNull();
    }
    expect(createKeyring({ current: randomBytes(32), previous: null }).parseReportToken(token)).toBeNull();
  });

  it('is still read after the secret was rotated', () => {
    expect(createKeyring({ current: other(), previous: current }).parseReportToken(token)).toEqual(send);
  });

  it('is another for another send of the same phone', () => {
    const second = keyring.reportToken({ ...send, sendId: randomBytes(12).toString('base64url') });
    expect(second.slice(0, 24)).not.toBe(token.slice(0, 24));
  });
});

it("a vendor's message id is stored as a keyed name, another for each provider", () => {
  const keyring = createKeyring({ current, previous: null });
  const names = [
    ...keyring.messageKeys('twilio', 'SM1'),
    ...keyring.messageKeys('tencent', 'SM1'),
    ...keyring.messageKeys('twilio', 'SM2'),
  ];
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/^[\w-]{24,26}$/);
});

it("a vendor's message id is also known under the previous secret, after the name under the current one", () => {
  const next = other();
  const ofOne = (secret: Buffer) => createKeyring({ current: secret, previous: null }).messageKeys('twilio', 'SM1');
  const names = createKeyring({ current: next, previous: current }).messageKeys('twilio', 'SM1');
  expect(names).toEqual([...ofOne(next), ...ofOne(current)]);
});

/** A secret whose key id differs from that of `current`. */
function other(): Buffer {
  const idOf = (secret: Buffer) => createKeyring({ current: secret, previous: null }).phoneKey(PHONE).slice(0, 2);
  for (;;) {
    const secret = randomBytes(32);
    if (idOf(secret) !== idOf(current)) return secret;
  }
}

describe('another version of the program', () => {
  const phoneKey = '7c.OcitIvdkckkjKp606S7V-A';
  const sendId = Buffer.alloc(12, 9).toString('base64url');

  it.each<[what: string, value: string | readonly string[], expected: string | readonly string[]]>([
    ['the phone key', keyring.phoneKey(PHONE), phoneKey],
    ['a verification id', keyring.verificationId(phoneKey, nonce), 'fAcHBwcHBwcHBwcHBwcHBwfc0KBuqnYOQsw8Y2EO1DYy'],
    ['a code', keyring.code({ phoneKey, purpose: 'login', seed: nonce, digits: 8 }), '91970448'],
    [
      'the MAC of a code',
      keyring.codeMac({ phoneKey, caller: 'auth', purpose: 'login', code: '048213' }),
      'c2V-uF7vFFByOgA9ibguKg',
    ],
    ['a fingerprint', keyring.fingerprint('session', phoneKey, ['s1']), 'FRPCbiQwRPOunqta_Tp69Q'],
    [
      'a report token',
      keyring.reportToken({ phoneKey, caller: 'auth', purpose: 'login', sendId, country: 'US', nonce }),
      'fAkJCQkJCQkJCQkJCSmyxo347tUmC4kagneL7jtwI5mBCzk3zxSBG1b_Z1fKtK9hz6rXOJfEg5vfZ9Rrdnk78QFObHI4-89xSXTQ9hTOuzfv',
    ],
    ['the name of a message id', keyring.messageKeys('twilio', 'SM1'), ['7c-lK8SlvVd6pFG6qeR6yJPhw']],
  ])('derives the same from the same secret: %s', (_, value, expected) => {
    expect(value).toEqual(expected);
  });
});

it('the phone key begins with two digits of its key id, however small that is', () => {
  const small = createKeyring({ current: Buffer.alloc(32, 10), previous: null });
  expect(small.phoneKey(PHONE)).toMatch(/^01\.[\w-]{22}$/);
  expect(small.messageKeys('twilio', 'SM1')[0]).toMatch(/^01-[\w-]{22}$/);
});

describe('a fingerprint', () => {
  const phoneKey = keyring.phoneKey(PHONE);

  it('of one session is another at every phone: whoever reads the store cannot follow a person', () => {
    const other = keyring.phoneKey('+14155550124');
    expect(keyring.fingerprint('session', phoneKey, ['s1'])).not.toBe(keyring.fingerprint('session', other, ['s1']));
  });

  it('of one text is another for every use', () => {
    const uses = ['session', 'send request', 'send content', 'mac', 'phone', 'id', 'code', 'message'];
    expect(new Set(uses.map((use) => keyring.fingerprint(use, phoneKey, ['s1']))).size).toBe(uses.length);
  });

  it('counts bytes: texts that are as long in characters do not run into each other', () => {
    expect(keyring.fingerprint('x', phoneKey, ['é', 'x'])).not.toBe(keyring.fingerprint('x', phoneKey, ['éx', '']));
  });

  it('is the same after the secret was rotated, for a phone whose key is of before', () => {
    expect(rotated.fingerprint('session', phoneKey, ['s1'])).toBe(keyring.fingerprint('session', phoneKey, ['s1']));
    expect(rotated.fingerprint('session', rotated.phoneKey(PHONE), ['s1'])).not.toBe(
      keyring.fingerprint('session', phoneKey, ['s1']),
    );
  });
});

describe('what is no report token', () => {
  const phoneKey = keyring.phoneKey(PHONE);
  const sendId = Buffer.alloc(12, 9).toString('base64url');

  it('is null at every length: nothing is thrown at a vendor', () => {
    for (let length = 0; length <= 64; length++) {
      expect(keyring.parseReportToken(Buffer.alloc(length, 0x7c).toString('base64url'))).toBeNull();
    }
  });

  it('is not the shortest: names of one character', () => {
    const send = { phoneKey, caller: 'c', purpose: 'p', sendId, country: '', nonce: '' };
    expect(keyring.parseReportToken(keyring.reportToken(send))).toEqual(send);
  });

  it('may be of an earlier version, which named neither country nor verification', () => {
    const token = 'fAkJCQkJCQkJCQkJCSmyxo347tUmC4kagneL7jtwI5mBCzk3zxSBwFAxlxlAaQ7nn3vMPPeP5g';
    const send = { phoneKey, caller: 'auth', purpose: 'login', sendId, country: '', nonce: '' };
    expect(keyring.parseReportToken(token)).toEqual(send);
  });
});
