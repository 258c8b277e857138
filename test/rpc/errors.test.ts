import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Refusal, Refused } from '../../src/domain/refusal.ts';
import { ErrorReasonSchema, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { CheckCodeOutput } from '../../src/verification/types.ts';
import { PROTOCOLS } from '../support/clients.ts';
import { type Edges, frame, MAX_MESSAGE_BYTES, onlyRpc, rawHttp, SERVICE, startEdges } from './edges.ts';

const { rateStatus } = VerificationService.method;

interface Row {
  readonly refusal: Refusal;
  readonly status: string;
  readonly text: string;
  readonly chinese: string;
  /** Beside ErrorInfo and LocalizedMessage. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly metadata?: Readonly<Record<string, string>>;
}

const TOO_MANY = 'This phone number has received too many codes. Try again in 59 minutes.';
const GUESSES = 'Too many wrong codes were entered. Try again in 20 hours.';
const PROVIDER_LIMIT = 'The SMS network accepts no more codes for this phone number. Try again in 30 seconds.';
const COOLDOWN = 'A code was sent a moment ago. Try again in 43 seconds.';

const TABLE: readonly Row[] = [
  {
    refusal: { reason: 'REQUEST_ID_REUSED' },
    status: 'INVALID_ARGUMENT',
    text: 'This request_id was already used with other content.',
    chinese: '该 request_id 已用于其他内容的请求。',
  },
  {
    refusal: { reason: 'MALFORMED_REQUEST' },
    status: 'INVALID_ARGUMENT',
    text: 'The request could not be decoded.',
    chinese: '无法解析该请求。',
  },
  {
    refusal: { reason: 'SEND_UNDER_WAY', retryAfterMs: 1_000 },
    status: 'UNAVAILABLE',
    text: 'This code is being sent. Try again in 1 second.',
    chinese: '验证码正在发送，请在1秒钟后重试。',
    details: { RetryInfo: { retryDelay: '1s' } },
  },
  {
    refusal: { reason: 'CODE_LOST' },
    status: 'ABORTED',
    text: 'This code is no longer valid. Request a new one.',
    chinese: '该验证码已失效，请重新获取。',
  },
  {
    refusal: { reason: 'COOLDOWN', retryAfterMs: 42_001.2 },
    status: 'RESOURCE_EXHAUSTED',
    text: COOLDOWN,
    chinese: '验证码刚刚发送过，请在43秒钟后重试。',
    details: {
      RetryInfo: { retryDelay: '42.002s' },
      QuotaFailure: { violations: [{ subject: 'phone', description: COOLDOWN, quotaId: 'cooldown' }] },
    },
  },
  {
    refusal: { reason: 'PHONE_LIMIT', limit: 'phone_hour', max: 5, windowMs: 3_600_000, retryAfterMs: 3_500_000 },
    status: 'RESOURCE_EXHAUSTED',
    text: TOO_MANY,
    chinese: '该手机号接收的验证码过多，请在59分钟后重试。',
    details: {
      RetryInfo: { retryDelay: '3500s' },
      QuotaFailure: {
        violations: [{ subject: 'phone', description: TOO_MANY, quotaId: 'phone_hour', quotaValue: '5' }],
      },
    },
  },
  {
    refusal: { reason: 'GUESS_BUDGET', max: 20, windowMs: 86_400_000, retryAfterMs: 72_000_000 },
    status: 'RESOURCE_EXHAUSTED',
    text: GUESSES,
    chinese: '验证码错误次数过多，请在20小时后重试。',
    details: {
      RetryInfo: { retryDelay: '72000s' },
      QuotaFailure: {
        violations: [{ subject: 'phone', description: GUESSES, quotaId: 'guess_budget', quotaValue: '20' }],
      },
    },
  },
  {
    refusal: { reason: 'NUMBER_TYPE_REFUSED', numberType: 'premium_rate' },
    status: 'FAILED_PRECONDITION',
    text: 'Codes cannot be sent to this type of phone number.',
    chinese: '不支持向该类型的号码发送验证码。',
    metadata: { number_type: 'premium_rate' },
  },
  {
    refusal: { reason: 'DESTINATION_REFUSED' },
    status: 'FAILED_PRECONDITION',
    text: 'Codes cannot be delivered to this phone number.',
    chinese: '验证码无法送达该手机号。',
  },
  {
    refusal: { reason: 'UNAUTHENTICATED' },
    status: 'UNAUTHENTICATED',
    text: 'Valid credentials are required.',
    chinese: '需要有效的身份凭证。',
  },
  {
    refusal: { reason: 'PURPOSE_NOT_ALLOWED' },
    status: 'PERMISSION_DENIED',
    text: 'This caller may not use this purpose.',
    chinese: '当前调用方无权使用该用途。',
  },
  {
    refusal: { reason: 'VERIFICATION_NOT_FOUND' },
    status: 'NOT_FOUND',
    text: 'There is no such verification.',
    chinese: '未找到对应的验证记录。',
  },
  {
    // Blocked, and told so: the delay is never 0.
    refusal: { reason: 'STORE_UNAVAILABLE', retryAfterMs: 0 },
    status: 'UNAVAILABLE',
    text: 'The service is unavailable for a moment. Try again in 1 second.',
    chinese: '服务暂时不可用，请在1秒钟后重试。',
    details: { RetryInfo: { retryDelay: '0.001s' } },
  },
  {
    refusal: { reason: 'DELIVERY_UNAVAILABLE', retryAfterMs: 119_000 },
    status: 'UNAVAILABLE',
    text: 'The code could not be sent. Try again in 119 seconds.',
    chinese: '验证码发送失败，请在119秒钟后重试。',
    details: { RetryInfo: { retryDelay: '119s' } },
  },
  {
    refusal: { reason: 'PROVIDER_LIMIT', retryAfterMs: 30_000 },
    status: 'RESOURCE_EXHAUSTED',
    text: PROVIDER_LIMIT,
    chinese: '短信网络暂不接受向该手机号发送更多验证码，请在30秒钟后重试。',
    details: {
      RetryInfo: { retryDelay: '30s' },
      QuotaFailure: { violations: [{ subject: 'phone', description: PROVIDER_LIMIT, quotaId: 'provider' }] },
    },
  },
  {
    refusal: { reason: 'OVERLOADED', retryAfterMs: 1_000 },
    status: 'RESOURCE_EXHAUSTED',
    text: 'The service is busy. Try again in 1 second.',
    chinese: '服务繁忙，请在1秒钟后重试。',
    details: { RetryInfo: { retryDelay: '1s' } },
  },
  {
    refusal: { reason: 'DELIVERY_MISCONFIGURED' },
    status: 'INTERNAL',
    text: 'Something went wrong on our side.',
    chinese: '服务内部错误。',
  },
  {
    refusal: { reason: 'DEADLINE' },
    status: 'DEADLINE_EXCEEDED',
    text: 'The request took too long.',
    chinese: '请求处理超时。',
  },
  {
    refusal: { reason: 'CANCELED' },
    status: 'CANCELLED',
    text: 'The request was canceled.',
    chinese: '请求已取消。',
  },
  {
    refusal: { reason: 'INTERNAL' },
    status: 'INTERNAL',
    text: 'Something went wrong on our side.',
    chinese: '服务内部错误。',
  },
];

const FIELDS: Refusal = {
  reason: 'INVALID_FIELDS',
  violations: [
    { field: 'phone', rule: 'not_a_phone' },
    { field: 'client.device_id', rule: 'too_long', expected: '128' },
  ],
};

let edges: Edges;
beforeAll(async () => {
  edges = await startEdges();
});
afterAll(() => edges.stop());

function refuse(refusal: Refusal, locale: string, protocol: (typeof PROTOCOLS)[number]) {
  edges.begin({ rateStatus: () => Promise.reject(new Refused(refusal)) });
  return edges.client(protocol).call(rateStatus, { phone: '+14155550123', locale });
}

test('every reason of the contract has a row here', () => {
  const reasons = ErrorReasonSchema.values.map(({ localName }) => localName).filter((name) => name !== 'UNSPECIFIED');
  expect([...TABLE.map(({ refusal }) => refusal.reason), 'INVALID_FIELDS'].sort()).toEqual(reasons.sort());
});

describe('HTTP 429 and 503 carry Retry-After', () => {
  /** One call in JSON, as a client that knows HTTP only sees it. */
  async function answer(refusal: Refusal) {
    edges.begin({ rateStatus: () => Promise.reject(new Refused(refusal)) });
    const headers = { 'content-type': 'application/json' };
    return rawHttp(`${edges.http}${SERVICE}/RateStatus`, { headers, body: '{"phone": "+14155550123"}' });
  }

  test.each(TABLE)('$refusal.reason: in whole seconds and not before RetryInfo, or neither has one', async (row) => {
    const { status, headers } = await answer(row.refusal);
    const { retryDelay } = (row.details?.RetryInfo ?? {}) as { retryDelay?: string };
    const seconds = retryDelay === undefined ? undefined : String(Math.ceil(Number.parseFloat(retryDelay)));
    expect(headers['retry-after']).toBe(seconds);
    expect(status === 429 || status === 503).toBe(seconds !== undefined);
  });

  test.each([
    [0, '1'],
    [1, '1'],
    [999.5, '1'],
    [1000, '1'],
    [1000.2, '2'],
    [42_001, '43'],
  ])('%d ms are %s s', async (retryAfterMs, seconds) => {
    expect((await answer({ reason: 'COOLDOWN', retryAfterMs })).headers['retry-after']).toBe(seconds);
  });

  test('a message that is too large is 429 in Connect, but no wait makes it smaller', async () => {
    const body = JSON.stringify({ phone: '1'.repeat(MAX_MESSAGE_BYTES) });
    const headers = { 'content-type': 'application/json' };
    const { status, headers: got } = await rawHttp(`${edges.http}${SERVICE}/RateStatus`, { headers, body });
    expect([status, got['retry-after']]).toEqual([429, undefined]);
  });

  test('gRPC-Web has 200 for a refusal, and no such header', async () => {
    edges.begin({ rateStatus: () => Promise.reject(new Refused({ reason: 'COOLDOWN', retryAfterMs: 1 })) });
    const headers = { 'content-type': 'application/grpc-web+proto' };
    const { status, headers: got } = await rawHttp(`${edges.http}${SERVICE}/RateStatus`, {
      headers,
      body: frame(new Uint8Array()),
    });
    expect([status, got['retry-after']]).toEqual([200, undefined]);
  });
});

describe.each(PROTOCOLS)('a refusal over %s', (protocol) => {
  test.each(TABLE)('$refusal.reason is $status, in English and Chinese', async (row) => {
    const { refusal, status, text, chinese, details = {}, metadata } = row;
    const errorInfo = { reason: refusal.reason, domain: 'countersign', ...(metadata && { metadata }) };
    for (const [locale, localized] of [
      ['', { locale: 'en', message: text }],
      ['zh-Hans-CN', { locale: 'zh-CN', message: chinese }],
    ] as const) {
      expect(await refuse(refusal, locale, protocol)).toEqual({
        status,
        text,
        details: { ErrorInfo: errorInfo, LocalizedMessage: localized, ...details },
      });
      expect(onlyRpc(edges.events)).toMatchObject({ method: 'RateStatus', status, reason: refusal.reason });
    }
  });

  test('INVALID_FIELDS lists every field with its rule, in the language of the request', async () => {
    const answer = await refuse(FIELDS, 'zh', protocol);
    const tooLong = '最多允许 128 个字符。';
    const notAPhone = '这不是电话号码。';
    expect(answer).toEqual({
      status: 'INVALID_ARGUMENT',
      text: 'One or more fields are missing or malformed.',
      details: {
        ErrorInfo: { reason: 'INVALID_FIELDS', domain: 'countersign' },
        LocalizedMessage: { locale: 'zh-CN', message: '一个或多个字段缺失或格式有误。' },
        BadRequest: {
          fieldViolations: [
            {
              field: 'phone',
              description: notAPhone,
              reason: 'NOT_A_PHONE',
              localizedMessage: { locale: 'zh-CN', message: notAPhone },
            },
            {
              field: 'client.device_id',
              description: tooLong,
              reason: 'TOO_LONG',
              localizedMessage: { locale: 'zh-CN', message: tooLong },
            },
          ],
        },
      },
    });
  });

  test('a fault is INTERNAL with a generic text, and the operator hears of its cause', async () => {
    const cause = new Error('no room for +14155550123 and 824613');
    edges.begin({ rateStatus: () => Promise.reject(cause) });
    const answer = await edges.client(protocol).call(rateStatus, { phone: '+14155550123' });
    expect(answer).toMatchObject({ status: 'INTERNAL', text: 'Something went wrong on our side.' });
    expect(JSON.stringify(answer)).not.toMatch(/4155550123|824613/);
    expect(edges.events).toEqual([
      expect.objectContaining({ type: 'fault', where: 'RateStatus', error: cause }),
      expect.objectContaining({ type: 'rpc', status: 'INTERNAL', reason: 'INTERNAL' }),
    ]);
  });

  test('an answer that cannot be encoded is INTERNAL, and the operator hears of it', async () => {
    // JSON has no time after the year 9999, and lets a fraction pass that binary does not.
    const broken: CheckCodeOutput =
      protocol === 'json'
        ? { result: 'approved', verificationId: 'v', verifiedAt: 1e15 }
        : { result: 'wrong_code', verificationId: 'v', attemptsRemaining: 1.5 };
    edges.begin({ checkCode: async () => broken });
    const answer = await edges.client(protocol).call(VerificationService.method.checkCode, {});
    expect(answer).toMatchObject({
      status: 'INTERNAL',
      text: 'Something went wrong on our side.',
      details: { ErrorInfo: { reason: 'INTERNAL' } },
    });
    expect(edges.events.map(({ type }) => type)).toEqual(['fault', 'rpc']);
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'INTERNAL', reason: 'INTERNAL' });
  });
});
