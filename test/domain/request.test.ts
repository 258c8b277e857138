import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PLAIN_MESSAGE, type PurposePolicy } from '../../src/domain/policy.ts';
import type { FieldViolation } from '../../src/domain/refusal.ts';
import {
  type RequestRules,
  type Validated,
  validateCancelVerification,
  validateCheckCode,
  validateGetVerification,
  validateRateStatus,
  validateSendCode,
} from '../../src/domain/request.ts';
import type {
  CancelVerificationInput,
  CheckCodeInput,
  GetVerificationInput,
  RateStatusInput,
  SendCodeInput,
} from '../../src/verification/types.ts';

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
const transfer: PurposePolicy = { ...login, name: 'transfer', digits: 8 };
const rules: RequestRules = {
  purposes: new Map([
    ['login', login],
    ['transfer', transfer],
  ]),
  phones: { defaultRegion: 'US', refusedTypes: new Set() },
};

const ID = 'A-_z'.repeat(11);
const client = { ip: '203.0.113.9', deviceId: 'device', userAgent: 'agent', sessionId: 'session' };
const send: SendCodeInput = {
  phone: '+14155550123',
  region: '',
  purpose: 'login',
  locale: 'zh-CN',
  requestId: 'request-1',
  client,
  captchaToken: '',
  variables: { first_name: 'Ada' },
};
const check: CheckCodeInput = {
  verificationId: ID,
  phone: '',
  region: '',
  purpose: 'login',
  code: '012345',
  variables: {},
  requestId: '',
  client,
};
const rate: RateStatusInput = { phone: '+14155550123', region: '', purpose: 'login' };
const get: GetVerificationInput = { verificationId: ID, phone: '', region: '', purpose: 'login' };
const cancel: CancelVerificationInput = { verificationId: ID, purpose: 'login' };

const phone = {
  e164: '+14155550123',
  identity: '+14155550123',
  region: 'US',
  type: 'landline_or_mobile',
  masked: '****0123',
};

function violations(result: Validated<unknown>): readonly FieldViolation[] {
  return result.ok ? [] : result.violations;
}

describe('a request in order gives the values in the domain’s terms', () => {
  it('SendCode: the phone, the purpose’s policy and the language', () => {
    expect(validateSendCode(send, rules)).toEqual({ ok: true, value: { phone, purpose: login, locale: 'zh-CN' } });
  });

  it('SendCode: a national spelling by the region of the request, else by the service’s', () => {
    const national = { ...send, phone: '(415) 555-0123' };
    expect(validateSendCode(national, rules)).toMatchObject({ ok: true, value: { phone } });
    expect(validateSendCode({ ...send, phone: '138 1234 5678', region: 'cn' }, rules)).toMatchObject({
      ok: true,
      value: { phone: { e164: '+8613812345678' } },
    });
  });

  it('SendCode: the optional fields may be empty, and a malformed locale is English', () => {
    const bare = { ...send, requestId: '', client: undefined, variables: {} };
    expect(validateSendCode({ ...bare, locale: '' }, rules)).toMatchObject({ ok: true, value: { locale: 'en' } });
    expect(validateSendCode({ ...bare, locale: '¿\r\n' }, rules)).toMatchObject({ ok: true, value: { locale: 'en' } });
  });

  it('CheckCode and GetVerification: by id', () => {
    const target = { kind: 'id', verificationId: ID };
    expect(validateCheckCode(check, rules)).toEqual({ ok: true, value: { target, purpose: login } });
    expect(validateGetVerification(get, rules)).toEqual({ ok: true, value: { target, purpose: login } });
  });

  it('CheckCode and GetVerification: by phone', () => {
    const byPhone = { verificationId: '', phone: '+14155550123' };
    const value = { target: { kind: 'phone', phone }, purpose: login };
    expect(validateCheckCode({ ...check, ...byPhone }, rules)).toEqual({ ok: true, value });
    expect(validateGetVerification({ ...get, ...byPhone }, rules)).toEqual({ ok: true, value });
  });

  it('RateStatus and CancelVerification', () => {
    expect(validateRateStatus(rate, rules)).toEqual({ ok: true, value: { phone, purpose: login } });
    expect(validateCancelVerification(cancel, rules)).toEqual({
      ok: true,
      value: { verificationId: ID, purpose: login },
    });
  });
});

describe('every violation is reported at once, in the order of the fields', () => {
  const badClient = { ip: '1.2.3', deviceId: 'd'.repeat(129), userAgent: 'u'.repeat(513), sessionId: 's'.repeat(129) };
  const ofClient: FieldViolation[] = [
    { field: 'client.ip', rule: 'malformed_ip' },
    { field: 'client.device_id', rule: 'too_long', expected: '128' },
    { field: 'client.user_agent', rule: 'too_long', expected: '512' },
    { field: 'client.session_id', rule: 'too_long', expected: '128' },
  ];
  const ofPurpose: FieldViolation = { field: 'purpose', rule: 'unknown_purpose', expected: 'login, transfer' };

  it('SendCode', () => {
    const request: SendCodeInput = {
      phone: 'phone',
      region: 'ZZ',
      purpose: 'Login',
      locale: '',
      requestId: `${'r'.repeat(64)}\n`,
      client: badClient,
      captchaToken: 'c'.repeat(4097),
      variables: { link: 'evil.com' },
    };
    expect(violations(validateSendCode(request, rules))).toEqual([
      { field: 'phone', rule: 'not_a_phone' },
      { field: 'region', rule: 'unknown_region' },
      ofPurpose,
      { field: 'request_id', rule: 'too_long', expected: '64' },
      { field: 'request_id', rule: 'not_printable' },
      ...ofClient,
      { field: 'captcha_token', rule: 'too_long', expected: '4096' },
      { field: 'variables[link]', rule: 'contains_link' },
    ]);
  });

  it('CheckCode', () => {
    const request = { ...check, verificationId: 'x', region: 'ZZ', purpose: 'Login', code: '12', client: badClient };
    expect(violations(validateCheckCode({ ...request, requestId: 'ü' }, rules))).toEqual([
      { field: 'verification_id', rule: 'malformed_id' },
      { field: 'region', rule: 'unknown_region' },
      ofPurpose,
      { field: 'code', rule: 'not_n_digits', expected: '4-8' },
      { field: 'request_id', rule: 'not_printable' },
      ...ofClient,
    ]);
  });

  it('RateStatus', () => {
    const request = { phone: '+12345', region: 'ZZ', purpose: 'Login', client: badClient };
    expect(violations(validateRateStatus(request, rules))).toEqual([
      { field: 'phone', rule: 'impossible_phone' },
      { field: 'region', rule: 'unknown_region' },
      ofPurpose,
      ...ofClient,
    ]);
  });

  it('GetVerification and CancelVerification', () => {
    const ofId: FieldViolation = { field: 'verification_id', rule: 'malformed_id' };
    expect(violations(validateGetVerification({ ...get, verificationId: 'x', purpose: 'x' }, rules))).toEqual([
      ofId,
      ofPurpose,
    ]);
    expect(violations(validateCancelVerification({ verificationId: 'x', purpose: 'x' }, rules))).toEqual([
      ofId,
      ofPurpose,
    ]);
  });

  it('an empty request names what is required', () => {
    const oneOf: FieldViolation = {
      field: 'verification_id',
      rule: 'one_of_required',
      expected: 'verification_id, phone',
    };
    const required = (field: string): FieldViolation => ({ field, rule: 'required' });
    const nothing = { phone: '', region: '', purpose: '', verificationId: '', code: '', requestId: '', variables: {} };
    const noSend = { ...nothing, locale: '', captchaToken: '', variables: {} };
    expect(violations(validateSendCode(noSend, rules))).toEqual([required('phone'), required('purpose')]);
    expect(violations(validateCheckCode(nothing, rules))).toEqual([oneOf, required('purpose'), required('code')]);
    expect(violations(validateRateStatus(nothing, rules))).toEqual([required('phone'), required('purpose')]);
    expect(violations(validateGetVerification(nothing, rules))).toEqual([oneOf, required('purpose')]);
    expect(violations(validateCancelVerification(nothing, rules))).toEqual([
      required('verification_id'),
      required('purpose'),
    ]);
  });
});

describe('the variables that a text needs', () => {
  const message = { ...PLAIN_MESSAGE, texts: new Map([['en', '{code} {name} {city}']]), requiredVariables: ['order'] };
  const asking: RequestRules = { ...rules, purposes: new Map([['login', { ...login, message }]]) };
  const missing = (variables: Record<string, string>, locale = 'en') =>
    violations(validateSendCode({ ...send, variables, locale }, asking));

  it('are named when the request does not give them', () => {
    expect(missing({ name: 'Ada' })).toEqual([
      { field: 'variables', rule: 'missing_variables', expected: 'city, order' },
    ]);
    expect(missing({ name: 'Ada', city: '', order: '7' })).toEqual([]);
  });

  const strict = (variables: Record<string, string>, variableCharacters = 12) => {
    const policy = { ...message, variableCharacters };
    const purposes = new Map([['login', { ...login, message: policy }]]);
    return violations(
      validateSendCode({ ...send, variables: { name: '', city: '', ...variables } }, { ...rules, purposes }),
    );
  };

  it.each<[order: string, characters: number, expected: FieldViolation[]]>([
    ['', 12, [{ field: 'variables[order]', rule: 'required' }]],
    [' \u3000', 12, [{ field: 'variables[order]', rule: 'required' }]],
    ['blue sneakers', 12, [{ field: 'variables[order]', rule: 'too_long', expected: '12' }]],
    ['red sneakers', 12, []],
    ['订单订单订单订单订单订单', 12, []],
    ['😀'.repeat(12), 12, []],
    ['x'.repeat(32), 32, []],
    // Too long for any variable: said once.
    ['x'.repeat(33), 12, [{ field: 'variables[order]', rule: 'too_long', expected: '32' }]],
  ])(
    'that a vendor’s template would refuse is the caller’s error, by name: %j of %i',
    (order, characters, expected) => {
      expect(strict({ order }, characters)).toEqual(expected);
    },
  );

  it('of a text alone may be empty, and as long as any', () => {
    expect(strict({ order: '7', name: '', city: 'x'.repeat(32) })).toEqual([]);
  });

  it('are those of the text in the language of the request', () => {
    expect(missing({ order: '7' }, 'de')).toEqual([]);
    expect(missing({}, 'de')).toEqual([{ field: 'variables', rule: 'missing_variables', expected: 'order' }]);
  });

  it('are not looked for while the purpose is unknown', () => {
    expect(violations(validateSendCode({ ...send, purpose: '', variables: {} }, asking))).toEqual([
      { field: 'purpose', rule: 'required' },
    ]);
  });
});

describe('fields', () => {
  it('an unknown region is reported beside a target that is missing, given twice or malformed', () => {
    const region: FieldViolation = { field: 'region', rule: 'unknown_region' };
    for (const target of [{ verificationId: '' }, { phone: '+14155550123' }, { verificationId: 'x' }]) {
      const found = violations(validateGetVerification({ ...get, region: 'ZZ', ...target }, rules));
      expect(found).toHaveLength(2);
      expect(found[1]).toEqual(region);
    }
    expect(violations(validateGetVerification({ ...get, region: 'ZZ' }, rules))).toEqual([region]);
  });

  it('an unknown region is not taken for a fault of the phone', () => {
    const request = { ...send, phone: '4155550123', region: 'ZZ' };
    expect(violations(validateSendCode(request, rules))).toEqual([{ field: 'region', rule: 'unknown_region' }]);
  });

  it('id and phone together are refused: only one of them would be checked', () => {
    for (const result of [
      validateCheckCode({ ...check, phone: '+14155550123' }, rules),
      validateGetVerification({ ...get, phone: '+14155550123' }, rules),
    ]) {
      expect(violations(result)).toEqual([
        { field: 'verification_id', rule: 'one_of_required', expected: 'verification_id, phone' },
      ]);
    }
  });

  it.each(['login', 'transfer'])('a code has exactly the digits of its purpose: %s', (purpose) => {
    const digits = rules.purposes.get(purpose)?.digits ?? 0;
    const rulesOf = (code: string) => violations(validateCheckCode({ ...check, purpose, code }, rules));
    expect(rulesOf('0'.repeat(digits))).toEqual([]);
    for (const code of [
      ...['0'.repeat(digits - 1), '0'.repeat(digits + 1), '0'.repeat(10_000)],
      ...[` ${'0'.repeat(digits - 1)}`, `${'0'.repeat(digits - 1)}\n`, '１'.repeat(digits), '٣'.repeat(digits)],
      ...['a'.repeat(digits), `+${'1'.repeat(digits - 1)}`, `${'1'.repeat(digits - 2)}.1`],
    ]) {
      expect(rulesOf(code)).toEqual([{ field: 'code', rule: 'not_n_digits', expected: String(digits) }]);
    }
  });

  it.each([
    ...['A'.repeat(43), 'A'.repeat(45), 'A'.repeat(10_000), `${'A'.repeat(43)}=`, `${'A'.repeat(43)}+`],
    ...[`${'A'.repeat(43)}/`, `${'A'.repeat(44)}\n`, `{${'A'.repeat(42)}}`, `${'A'.repeat(43)}\u0000`, 'Ａ'.repeat(44)],
  ])('a verification id is 44 characters of base64url (case %#)', (verificationId) => {
    const expected = [{ field: 'verification_id', rule: 'malformed_id' }];
    expect(violations(validateCheckCode({ ...check, verificationId }, rules))).toEqual(expected);
    expect(violations(validateGetVerification({ ...get, verificationId }, rules))).toEqual(expected);
    expect(violations(validateCancelVerification({ ...cancel, verificationId }, rules))).toEqual(expected);
  });

  it('a request id is up to 64 printable ASCII characters', () => {
    const rulesOf = (requestId: string) =>
      violations(validateSendCode({ ...send, requestId }, rules)).map((v) => v.rule);
    expect(rulesOf(`~ {}"${'x'.repeat(59)}`)).toEqual([]);
    expect(rulesOf('x'.repeat(65))).toEqual(['too_long']);
    for (const hostile of ['\u0000', '\r\n', 'é', '\u202e', '\ud800', '\u007f']) {
      expect(rulesOf(hostile)).toEqual(['not_printable']);
    }
  });

  it('lengths count characters, not UTF-16 units', () => {
    const withDevice = (deviceId: string) => ({ ...send, client: { ...client, deviceId } });
    expect(violations(validateSendCode(withDevice('😀'.repeat(128)), rules))).toEqual([]);
    expect(violations(validateSendCode(withDevice('😀'.repeat(129)), rules))).toHaveLength(1);
    expect(violations(validateSendCode(withDevice('\ud800'.repeat(129)), rules))).toHaveLength(1);
  });

  it('the largest allowed values are allowed', () => {
    const largest: SendCodeInput = {
      ...send,
      requestId: 'r'.repeat(64),
      captchaToken: 'c'.repeat(4096),
      client: {
        ip: 'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255',
        deviceId: 'd'.repeat(128),
        userAgent: 'u'.repeat(512),
        sessionId: 's'.repeat(128),
      },
    };
    expect(violations(validateSendCode(largest, rules))).toEqual([]);
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('a purpose named %s is unknown', (purpose) => {
    expect(violations(validateRateStatus({ ...rate, purpose }, rules))).toMatchObject([{ rule: 'unknown_purpose' }]);
  });
});

describe('whatever comes in', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 100 }),
    fc.constantFrom('', '\ud800', '{}', '+14155550123', ID, 'login', '012345', '1.2.3.4', 'x'.repeat(20_000)),
  );
  const hostile = fc.record({
    phone: text,
    region: text,
    purpose: text,
    locale: text,
    requestId: text,
    verificationId: text,
    code: text,
    captchaToken: text,
    client: fc.option(fc.record({ ip: text, deviceId: text, userAgent: text, sessionId: text }), { nil: undefined }),
    variables: fc.dictionary(text, text, { maxKeys: 10 }),
  });
  const checks = [
    validateSendCode,
    validateCheckCode,
    validateRateStatus,
    validateGetVerification,
    validateCancelVerification,
  ];

  it('nothing is thrown, and a refusal names known fields and repeats no value', () => {
    fc.assert(
      fc.property(hostile, fc.constantFrom(...checks), (request, checkOne) => {
        const result: Validated<unknown> = checkOne(request, rules);
        if (result.ok) return;
        expect(result.violations.length).toBeGreaterThan(0);
        for (const { field, rule, expected } of result.violations) {
          expect(field).toMatch(/^(?:[a-z_]+(?:\.[a-z_]+)?|variables\[[a-z0-9_]+\])$/);
          expect(rule).toMatch(/^[a-z_]+$/);
          expect(expected ?? '8').toMatch(/^(?:[0-9]+|4-8|login, transfer|verification_id, phone)$/);
        }
      }),
      { seed: 20_261_121, numRuns: 2000 },
    );
  });
});
