import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Message } from '../../../src/sms/provider.ts';
import type { TencentOptions } from '../../../src/sms/tencent/provider.ts';
import { patienceWith } from '../../support/patience.ts';
import { REQUEST_ID, startTencentFake, type TencentFake } from '../../support/tencent-fake.ts';
import { MESSAGE, NEVER, SECRETS, tencentTo } from './fixture.ts';

let fake: TencentFake;

beforeEach(async () => {
  fake = await startTencentFake(SECRETS);
});
afterEach(() => fake.server.stop());

/** Sends one message, and says what came of it and of the request. */
async function send(message: Partial<Message> = {}, options: Partial<TencentOptions> = {}) {
  const provider = tencentTo(fake.url, options);
  const result = await provider.send({ ...MESSAGE, ...message }, NEVER);
  provider.close?.();
  return { result, sent: fake.sends.at(-1) };
}

describe('a message', () => {
  test('goes out as one signed request for one number', async () => {
    const { result, sent } = await send();
    expect(result).toEqual({ kind: 'accepted', messageId: '5000:1', segments: 1 });
    expect(fake.server.requests).toHaveLength(1);
    expect(JSON.parse(fake.server.requests[0]?.body ?? '')).toEqual({
      PhoneNumberSet: ['+8618501234444'],
      SmsSdkAppId: '1400006666',
      TemplateId: '1110',
      TemplateParamSet: ['437061', '5'],
      SignName: '腾讯云',
      SessionContext: 'AbCd_-0123',
    });
    expect(sent?.region).toBe('ap-guangzhou');
  });

  test.each([
    [3, 3],
    [0, null],
    [undefined, null],
    ['3', null],
  ])('says how many segments were billed: Fee %j, %j', async (Fee, segments) => {
    fake.answer({ how: 'ok_but', status: { Fee } });
    expect((await send()).result).toMatchObject({ kind: 'accepted', segments });
  });

  test.each([
    [{ secretKey: 'wrong' }, 'AuthFailure.SignatureFailure'],
    [{ secretId: 'AKIDwrong' }, 'AuthFailure.SecretIdNotFound'],
  ])('is refused when the credentials are wrong: %o', async (wrong, vendorCode) => {
    const { result } = await send({}, wrong);
    expect(result).toMatchObject({ kind: 'unavailable', category: 'credentials', vendorCode, actor: 'operator' });
    expect(fake.accepted).toBe(0);
  });
});

describe('the template', () => {
  const ABROAD = { to: '+14155550199' };
  const templates = [
    { mainland: 'any', international: 'any-abroad' },
    { locale: 'zh-Hant', mainland: 'hant' },
    { purpose: 'login', mainland: 'login' },
    { purpose: 'login', locale: 'zh', mainland: 'login-zh', parameters: ['code'] },
    { purpose: 'payment', locale: 'zh-cn', mainland: 'payment-zh' },
    { purpose: 'payment', international: 'payment-abroad', parameters: ['brand', 'amount', 'code'] },
  ] satisfies TencentOptions['templates'];

  test.each<[string, Partial<Message>, string]>([
    ['purpose and language', { purpose: 'login', locale: 'zh-CN' }, 'login-zh'],
    ['purpose and language, spelled otherwise', { purpose: 'payment', locale: 'zh_CN' }, 'payment-zh'],
    ['purpose before language', { purpose: 'login', locale: 'en' }, 'login'],
    ['language', { purpose: 'signup', locale: 'zh-Hant-HK' }, 'hant'],
    ['neither', { purpose: 'signup', locale: 'fr' }, 'any'],
    ['the destination first', { purpose: 'login', locale: 'zh-CN', ...ABROAD }, 'any-abroad'],
    ['the route before all', { sender: { templateId: 'routed', internationalTemplateId: 'no' } }, 'routed'],
    ['the route abroad', { sender: { templateId: 'no', internationalTemplateId: 'routed' }, ...ABROAD }, 'routed'],
    ['what the route does not say', { sender: { internationalTemplateId: 'no' }, locale: 'zh' }, 'login-zh'],
  ])('is chosen by %s', async (_, message, templateId) => {
    expect((await send(message, { templates })).sent?.templateId).toBe(templateId);
  });

  test.each([
    ['+8618501234444', '1110'],
    ['+85251234567', '2220'],
    ['+886912345678', '2220'],
    ['+14155550199', '2220'],
  ])('is the one of its destination where no row fits: %s', async (to, templateId) => {
    expect((await send({ to })).sent?.templateId).toBe(templateId);
  });

  test.each<[string, Partial<Message>, readonly string[]]>([
    ['by default', { purpose: 'signup' }, ['437061', '5']],
    ['of its row', { purpose: 'login' }, ['437061']],
    [
      'with brand and variables',
      { purpose: 'payment', variables: { amount: '12 EUR' }, ...ABROAD },
      ['Example', '12 EUR', '437061'],
    ],
    ['of the row that has the id of the route', { purpose: 'x', sender: { templateId: 'login-zh' } }, ['437061']],
    [
      'by default when the route names another one',
      { purpose: 'login', sender: { templateId: 'routed' } },
      ['437061', '5'],
    ],
  ])('gets its parameters in order: %s', async (_, message, parameters) => {
    expect((await send(message, { templates })).sent?.parameters).toEqual(parameters);
  });

  test('needs no parameters', async () => {
    expect((await send({}, { templateParameters: [] })).sent?.parameters).toEqual([]);
  });
});

describe('the sender', () => {
  test('is the signature of the route before that of the settings', async () => {
    expect((await send({ sender: { signName: '别的' } })).sent).toMatchObject({ signName: '别的' });
  });

  test('is no signature of mainland China abroad, and a dedicated id only there', async () => {
    const sender = { senderId: 'EXAMPLE' };
    const { sent: abroad } = await send({ to: '+14155550199', sender });
    expect(abroad).toMatchObject({ senderId: 'EXAMPLE' });
    expect(abroad?.fields).not.toContain('SignName');
    const { sent: mainland } = await send({ sender });
    expect(mainland?.fields).not.toContain('SenderId');
    const { sent: signed } = await send({ to: '+14155550199', sender: { signName: 'Example' } });
    expect(signed?.signName).toBe('Example');
  });
});

test.each<[string, Partial<Message>, Partial<TencentOptions>, object]>([
  ['no template', {}, { templateId: undefined }, { category: 'configuration', vendorCode: 'no_template' }],
  [
    'no template abroad',
    { to: '+14155550199' },
    { internationalTemplateId: undefined },
    { category: 'configuration', vendorCode: 'no_template' },
  ],
  ['no signature', {}, { signName: undefined }, { category: 'configuration', vendorCode: 'no_signature' }],
  ['a code of 7 digits', { code: '1234567' }, {}, { category: 'template', vendorCode: 'not_digits' }],
  ['a code with a letter', { code: '12345a' }, {}, { category: 'template', vendorCode: 'not_digits' }],
  ['a fraction of minutes', { minutes: 1.5 }, {}, { category: 'template', vendorCode: 'not_digits' }],
  [
    'a missing variable',
    {},
    { templateParameters: ['code', 'amount'] },
    { category: 'template', vendorCode: 'no_variable', actor: 'caller' },
  ],
  [
    'a variable that every object has',
    {},
    { templateParameters: ['constructor'] },
    { category: 'template', vendorCode: 'no_variable', actor: 'caller' },
  ],
])('what no template can carry is surely not sent, without a request: %s', async (_, message, options, failure) => {
  const { result } = await send(message, options);
  expect(result).toEqual({ kind: 'unavailable', status: 'INTERNAL', actor: 'operator', ...failure });
  expect(fake.server.requests).toHaveLength(0);
});

describe('a success is believed only when it is whole', () => {
  const status = { SerialNo: '5000:9', PhoneNumber: MESSAGE.to, Fee: 1, Code: 'Ok' };

  test.each<[string, unknown, string]>([
    ['no id', { SendStatusSet: [{ ...status, SerialNo: '' }] }, 'no_message_id'],
    ['an id that is none', { SendStatusSet: [{ ...status, SerialNo: 7 }] }, 'no_message_id'],
    ['another number', { SendStatusSet: [{ ...status, PhoneNumber: '+8618501230000' }] }, 'other_number'],
    ['no number', { SendStatusSet: [{ ...status, PhoneNumber: undefined }] }, 'other_number'],
    ['an empty set', { SendStatusSet: [] }, 'malformed'],
    ['a set of two', { SendStatusSet: [status, status] }, 'malformed'],
    ['a set of null', { SendStatusSet: [null] }, 'malformed'],
    ['no set', {}, 'malformed'],
    ['no code', { SendStatusSet: [{ ...status, Code: undefined }] }, 'malformed'],
    ['a code in other letters', { SendStatusSet: [{ ...status, Code: 'ok' }] }, 'malformed'],
  ])('%s', async (_, response, vendorCode) => {
    fake.answer({ how: 'response', response: { ...(response as object), RequestId: REQUEST_ID } });
    const { result } = await send();
    expect(result).toMatchObject({ kind: 'unknown', category: 'unknown', vendorCode, requestId: REQUEST_ID });
  });

  test.each(['a text', 7, null, [status]])('an answer that is %j', async (response) => {
    fake.answer({ how: 'response', response });
    expect((await send()).result).toMatchObject({ kind: 'unknown', vendorCode: 'malformed' });
  });

  test.each([
    ['+8618501234444', '+8618501234444'],
    ['+8618501234444', '8618501234444'],
    ['+8618501234444', '008618501234444'],
    ['+8618501234444', '18501234444'],
    ['+5491123456789', '+541123456789'],
    ['+5491123456789', '+54 11 2345-6789'],
    ['+525512345678', '+5215512345678'],
    ['+447911123456', '+4407911123456'],
    ['+14155550199', '4155550199'],
    ['+67774001', '+67774001'],
    ['+6777400123', '7400123'],
    ['+6777400123', '+67707400123'],
  ])('%s may be spelled as Tencent spells it: %s', async (to, PhoneNumber) => {
    fake.answer({ how: 'ok_but', status: { PhoneNumber } });
    expect((await send({ to })).result).toMatchObject({ kind: 'accepted' });
  });

  test.each([
    ['+8618501234444', '+8618501234445'],
    ['+8618501234444', '1234444'],
    ['+8618501234444', ''],
    ['+5491123456789', '+5491123456780'],
    ['+6777400123', '+6777400124'],
    ['+6777400123', '400123'],
  ])('%s is not %s', async (to, PhoneNumber) => {
    fake.answer({ how: 'ok_but', status: { PhoneNumber } });
    expect((await send({ to })).result).toMatchObject({ kind: 'unknown', vendorCode: 'other_number' });
  });
});

describe('an approval', () => {
  const APPROVED = { messageId: '5000:77', at: 1_795_215_032_987 };

  test('is told to Tencent by the id of its message, in whole seconds', async () => {
    expect(await tencentTo(fake.url).converted?.([APPROVED], NEVER)).toEqual({ ok: true });
    expect(fake.conversions).toEqual([
      { SmsSdkAppId: '1400006666', SerialNo: '5000:77', ConversionTime: 1_795_215_032 },
    ]);
  });

  test.each([
    ['refuse_call', 'UnauthorizedOperation.RequestPermissionDeny', 'UnauthorizedOperation.RequestPermissionDeny'],
    ['refuse_number', 'FailedOperation.OtherError', 'FailedOperation.OtherError'],
    ['refuse_number', 'FailedOperation.SomethingNew', 'unlisted'],
    ['refuse_number', 'not a code', 'malformed'],
  ] as const)('that Tencent does not want is no error: %s %s', async (how, code, vendorCode) => {
    fake.answer({ how, code });
    expect(await tencentTo(fake.url).converted?.([APPROVED], NEVER)).toEqual({ ok: false, vendorCode });
  });

  test('that cannot be told is no error', async () => {
    fake.misbehave({ do: 'hang' });
    const leaving = patienceWith({ do: 'hang' }, fake.server);
    const told = await tencentTo(fake.url).converted?.([APPROVED], leaving);
    expect(told).toEqual({ ok: false, vendorCode: 'timeout' });
  });

  test('is told only where that is switched on', () => {
    expect(tencentTo(fake.url, { feedback: false }).converted).toBeUndefined();
  });
});
