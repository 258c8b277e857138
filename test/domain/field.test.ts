import { describe, expect, it } from 'vitest';
import * as fields from '../../src/domain/field.ts';
import type { PhonePolicy } from '../../src/domain/phone.ts';
import { PLAIN_MESSAGE, type PurposePolicy } from '../../src/domain/policy.ts';

const US: PhonePolicy = { defaultRegion: 'US', refusedTypes: new Set() };
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
const PURPOSES = new Map([
  ['login', login],
  ['transfer', { ...login, name: 'transfer', digits: 8 }],
]);

/** What a field function reads, and what it finds wrong. */
function outcome<T>(read: (found: fields.Violations) => T): { value: T; found: fields.Violations } {
  const found: fields.Violations = [];
  return { value: read(found), found };
}

describe('the phone', () => {
  it('is read by the region of the request, and by the policy’s without one', () => {
    const read = (phone: string, region: string) => outcome((found) => fields.readPhone({ phone, region }, US, found));
    expect(read('415 555 0123', '')).toMatchObject({ value: { e164: '+14155550123' }, found: [] });
    expect(read('138 1234 5678', 'cn')).toMatchObject({ value: { e164: '+8613812345678' }, found: [] });
  });

  it.each<[phone: string, region: string, found: fields.Violations]>([
    ['', '', [{ field: 'phone', rule: 'required' }]],
    ['phone', '', [{ field: 'phone', rule: 'not_a_phone' }]],
    ['+12345', '', [{ field: 'phone', rule: 'impossible_phone' }]],
    ['+14155550123 x1', '', [{ field: 'phone', rule: 'extension_not_allowed' }]],
    ['4155550123', 'ZZ', [{ field: 'region', rule: 'unknown_region' }]],
    [
      'phone',
      'ZZ',
      [
        { field: 'phone', rule: 'not_a_phone' },
        { field: 'region', rule: 'unknown_region' },
      ],
    ],
  ])('%j in %j is null, and the field at fault is named', (phone, region, found) => {
    expect(outcome((violations) => fields.readPhone({ phone, region }, US, violations))).toEqual({
      value: null,
      found,
    });
  });
});

describe('the region', () => {
  it.each(['', 'US', 'us', 'Cn'])('may be %j', (region) => {
    expect(outcome((found) => fields.validateRegion(region, found)).found).toEqual([]);
  });

  it.each(['ZZ', 'USA', ' ', '001', 'U'])('may not be %j', (region) => {
    expect(outcome((found) => fields.validateRegion(region, found)).found).toEqual([
      { field: 'region', rule: 'unknown_region' },
    ]);
  });
});

describe('the verification id', () => {
  it.each(['A'.repeat(44), 'A-_z'.repeat(11)])('is read as it is: %s', (id) => {
    expect(outcome((found) => fields.readVerificationId(id, found))).toEqual({ value: id, found: [] });
  });

  it.each<[id: string, rule: 'required' | 'malformed_id']>([
    ['', 'required'],
    [' ', 'malformed_id'],
    ['A'.repeat(43), 'malformed_id'],
    ['A'.repeat(45), 'malformed_id'],
    [` ${'A'.repeat(44)}`, 'malformed_id'],
    [`${'A'.repeat(44)} `, 'malformed_id'],
    [`${'A'.repeat(43)}=`, 'malformed_id'],
  ])('%j is null: %s', (id, rule) => {
    expect(outcome((found) => fields.readVerificationId(id, found))).toEqual({
      value: null,
      found: [{ field: 'verification_id', rule }],
    });
  });
});

describe('the purpose', () => {
  it('is read as its policy', () => {
    const { value, found } = outcome((violations) => fields.readPurpose('login', PURPOSES, violations));
    expect(value).toBe(login);
    expect(found).toEqual([]);
  });

  it('that is missing is required; one that is unknown meets the list of those that are not', () => {
    expect(outcome((found) => fields.readPurpose('', PURPOSES, found))).toEqual({
      value: null,
      found: [{ field: 'purpose', rule: 'required' }],
    });
    expect(outcome((found) => fields.readPurpose('Login', PURPOSES, found))).toEqual({
      value: null,
      found: [{ field: 'purpose', rule: 'unknown_purpose', expected: 'login, transfer' }],
    });
  });
});

describe('the code', () => {
  const violation = (expected: string) => [{ field: 'code', rule: 'not_n_digits', expected }];

  it.each<[what: string, code: string, purpose: PurposePolicy | null, found: object[]]>([
    ['has the digits of its purpose', '012345', login, []],
    ['is required', '', login, [{ field: 'code', rule: 'required' }]],
    ['is required of an unknown purpose, too', '', null, [{ field: 'code', rule: 'required' }]],
    ['is not shorter', '12345', login, violation('6')],
    ['is not longer', '1234567', login, violation('6')],
    ['has digits only, at its begin', 'x12345', login, violation('6')],
    ['has digits only, at its end', '12345x', login, violation('6')],
    ['has at least 4 digits while the purpose is unknown', '123', null, violation('4-8')],
    ['may have 4 then', '1234', null, []],
    ['may have 8 then', '12345678', null, []],
    ['has at most 8 then', '123456789', null, violation('4-8')],
    ['has digits only then, too', '12 45', null, violation('4-8')],
  ])('%s', (_, code, purpose, expected) => {
    expect(outcome((found) => fields.validateCode(code, purpose, found)).found).toEqual(expected);
  });
});

describe('a text', () => {
  const long = [{ field: 'f', rule: 'too_long', expected: '4' }];

  it.each<[what: string, text: string, found: object[]]>([
    ['may be empty', '', []],
    ['may have the most characters', 'abcd', []],
    ['may not have one more', 'abcde', long],
    ['is counted by code points: a pair is one', '😀😀😀😀', []],
    ['is too long with one pair more', '😀😀😀😀😀', long],
    ['is too long by its single units, too', '😀😀abc', long],
    ['fits with single units and pairs', '😀😀ab', []],
    ['is too long at twice the most', 'abcdefgh', long],
    ['is too long beyond that without a count', 'a'.repeat(9), long],
  ])('%s', (_, text, expected) => {
    expect(outcome((found) => fields.validateLength('f', text, { most: 4, found })).found).toEqual(expected);
  });
});

describe('the request id', () => {
  const rules = (id: string) => outcome((found) => fields.validateRequestId(id, found)).found.map(({ rule }) => rule);

  it('is up to 64 printable characters of ASCII, from the space to the tilde', () => {
    expect(rules('')).toEqual([]);
    expect(rules(` ~${'x'.repeat(62)}`)).toEqual([]);
    expect(rules('x'.repeat(65))).toEqual(['too_long']);
    expect(rules('\u001f')).toEqual(['not_printable']);
    expect(rules('\u007f')).toEqual(['not_printable']);
    expect(rules('éx')).toEqual(['not_printable']);
    expect(rules('xé')).toEqual(['not_printable']);
  });
});

describe('the client', () => {
  const empty = { ip: '', deviceId: '', userAgent: '', sessionId: '' };
  const found = (client: fields.ClientFields | undefined) =>
    outcome((violations) => fields.validateClient(client, violations)).found;

  it('may be missing, or tell nothing', () => {
    expect(found(undefined)).toEqual([]);
    expect(found(empty)).toEqual([]);
  });

  it('has an address without a zone', () => {
    expect(found({ ...empty, ip: '2001:db8::1' })).toEqual([]);
    for (const ip of ['x', '1.2.3', 'fe80::1%eth0', '%']) {
      expect(found({ ...empty, ip })).toEqual([{ field: 'client.ip', rule: 'malformed_ip' }]);
    }
  });

  it.each<[field: string, name: 'deviceId' | 'userAgent' | 'sessionId', most: number]>([
    ['client.device_id', 'deviceId', 128],
    ['client.user_agent', 'userAgent', 512],
    ['client.session_id', 'sessionId', 128],
  ])('%s has at most so many characters: %s, %i', (field, name, most) => {
    expect(found({ ...empty, [name]: 'x'.repeat(most) })).toEqual([]);
    expect(found({ ...empty, [name]: 'x'.repeat(most + 1) })).toEqual([
      { field, rule: 'too_long', expected: `${most}` },
    ]);
  });
});
