import { create, type DescMessage, toJson } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { ANONYMOUS } from '../../src/domain/caller.ts';
import type { Delivery } from '../../src/domain/delivery.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { createHandlers, handlerOf, type Request } from '../../src/rpc/service.ts';
import type { Call, RateStatusOutput, VerificationOutput } from '../../src/verification/types.ts';
import type { Verifier } from '../../src/verification/verifier.ts';

const AT = Date.parse('2026-11-21T10:00:00.250Z');

const DELIVERY: Delivery = {
  provider: 'twilio',
  messageId: 'SM1',
  status: 'unknown',
  attempts: [
    { provider: 'tencent', result: 'unavailable', category: 'rate_limited', latencyMs: 12.3456 },
    { provider: 'twilio', result: 'unknown', category: 'timeout', latencyMs: 3_000 },
  ],
};
const DELIVERY_JSON = {
  provider: 'twilio',
  messageId: 'SM1',
  status: 'DELIVERY_STATUS_UNKNOWN',
  attempts: [
    {
      provider: 'tencent',
      result: 'DELIVERY_ATTEMPT_RESULT_UNAVAILABLE',
      category: 'rate_limited',
      latency: '0.013s',
    },
    { provider: 'twilio', result: 'DELIVERY_ATTEMPT_RESULT_UNKNOWN', category: 'timeout', latency: '3s' },
  ],
};

const RECORD: VerificationOutput = {
  verificationId: 'abc',
  purpose: 'login',
  state: 'approved',
  createdAt: AT,
  expiresAt: AT + 300_000,
  approvedAt: AT + 1_000,
  sends: 2,
  attempts: 1,
  attemptsRemaining: 0,
  delivery: DELIVERY,
  phoneVerifiedAt: AT + 1_000,
};
const RECORD_JSON = {
  verificationId: 'abc',
  purpose: 'login',
  state: 'VERIFICATION_STATE_APPROVED',
  createdAt: '2026-11-21T10:00:00.250Z',
  expiresAt: '2026-11-21T10:05:00.250Z',
  approvedAt: '2026-11-21T10:00:01.250Z',
  sends: 2,
  attempts: 1,
  delivery: DELIVERY_JSON,
  phoneVerifiedAt: '2026-11-21T10:00:01.250Z',
};

const BLOCKED: RateStatusOutput = {
  canSend: false,
  canCheck: true,
  limits: [
    {
      name: 'phone_hour',
      limit: 5,
      used: 5,
      usedByCaller: 3,
      remaining: 0,
      windowMs: 3_600_000,
      resetsAt: AT,
      retryAfterMs: 1_500.4,
    },
    {
      name: 'phone_day',
      limit: 10,
      used: 0,
      usedByCaller: 0,
      remaining: 10,
      windowMs: 86_400_000,
      resetsAt: null,
      retryAfterMs: 0,
    },
  ],
  cooldown: { endsAt: AT, retryAfterMs: 250, level: 3 },
  guessBudget: { limit: 20, used: 20, remaining: 0, attemptsRemaining: 2, retryAfterMs: 5 },
  blockedBy: 'phone_hour',
  retryAfterMs: 1_500.4,
};
const FREE: RateStatusOutput = {
  canSend: true,
  canCheck: false,
  limits: [],
  cooldown: { endsAt: null, retryAfterMs: 0, level: 0 },
  guessBudget: { limit: 20, used: 0, remaining: 20, attemptsRemaining: 0, retryAfterMs: 0 },
  blockedBy: '',
  retryAfterMs: 0,
};

type Name = keyof Verifier;
const ROWS: readonly { name: Name; what: string; output: object; json: object }[] = [
  {
    name: 'sendCode',
    what: 'what was sent, and when the next may be',
    output: {
      verificationId: 'abc',
      expiresAt: AT,
      resendAt: AT + 60_000,
      phoneMasked: '+*******0123',
      sendsRemaining: 4,
      delivery: DELIVERY,
      test: false,
      code: '',
    },
    json: {
      verificationId: 'abc',
      expiresAt: '2026-11-21T10:00:00.250Z',
      resendAt: '2026-11-21T10:01:00.250Z',
      phoneMasked: '+*******0123',
      sendsRemaining: 4,
      delivery: DELIVERY_JSON,
    },
  },
  {
    name: 'checkCode',
    what: 'an approval',
    output: { result: 'approved', verificationId: 'abc', verifiedAt: AT },
    json: { result: 'CHECK_RESULT_APPROVED', verificationId: 'abc', verifiedAt: '2026-11-21T10:00:00.250Z' },
  },
  {
    name: 'checkCode',
    what: 'a wrong code',
    output: { result: 'wrong_code', verificationId: 'abc', attemptsRemaining: 4 },
    json: { result: 'CHECK_RESULT_WRONG_CODE', verificationId: 'abc', attemptsRemaining: 4 },
  },
  {
    name: 'checkCode',
    what: 'an exhausted code',
    output: { result: 'exhausted', verificationId: 'abc' },
    json: { result: 'CHECK_RESULT_EXHAUSTED', verificationId: 'abc' },
  },
  { name: 'checkCode', what: 'nothing', output: { result: 'not_found' }, json: { result: 'CHECK_RESULT_NOT_FOUND' } },
  {
    name: 'rateStatus',
    what: 'what blocks, and for how long',
    output: BLOCKED,
    json: {
      canCheck: true,
      limits: [
        {
          name: 'phone_hour',
          limit: 5,
          used: 5,
          usedByCaller: 3,
          window: '3600s',
          resetsAt: '2026-11-21T10:00:00.250Z',
          retryAfter: '1.501s',
        },
        { name: 'phone_day', limit: 10, remaining: 10, window: '86400s' },
      ],
      cooldown: { active: true, endsAt: '2026-11-21T10:00:00.250Z', retryAfter: '0.250s', level: 3 },
      guessBudget: { limit: 20, used: 20, attemptsRemaining: 2, retryAfter: '0.005s' },
      blockedBy: 'phone_hour',
      retryAfter: '1.501s',
    },
  },
  {
    name: 'rateStatus',
    what: 'that nothing blocks',
    output: FREE,
    json: { canSend: true, cooldown: {}, guessBudget: { limit: 20, remaining: 20 } },
  },
  { name: 'getVerification', what: 'the record', output: RECORD, json: { verification: RECORD_JSON } },
  {
    name: 'getVerification',
    what: 'a record without the moments that did not come',
    output: { ...RECORD, state: 'pending', approvedAt: null, phoneVerifiedAt: null, delivery: null },
    json: {
      verification: {
        ...RECORD_JSON,
        state: 'VERIFICATION_STATE_PENDING',
        approvedAt: undefined,
        phoneVerifiedAt: undefined,
        delivery: undefined,
      },
    },
  },
  {
    name: 'cancelVerification',
    what: 'the record after',
    output: { ...RECORD, state: 'canceled' },
    json: { verification: { ...RECORD_JSON, state: 'VERIFICATION_STATE_CANCELED' } },
  },
];

test.each(ROWS)('$name answers with $what', async ({ name, output, json }) => {
  const seen: unknown[] = [];
  const verifier = {
    [name]: async (...args: unknown[]) => {
      seen.push(...args);
      return output;
    },
  } as unknown as Verifier;
  const method = VerificationService.method[name];
  const request = create(method.input, { purpose: 'login' }) as Request;
  const call: Call = {
    caller: ANONYMOUS,
    signal: AbortSignal.abort(),
    remainingMs: () => 1_000,
    facts: {},
  };
  const answer = await handlerOf(createHandlers(verifier), method)(request, call);
  expect(toJson<DescMessage>(method.output, answer)).toEqual(JSON.parse(JSON.stringify(json)));
  expect(seen).toEqual([request, call]);
});

test('every RPC of the contract has a handler', () => {
  const handlers = createHandlers({} as Verifier);
  for (const method of VerificationService.methods) expect(handlerOf(handlers, method)).toBeTypeOf('function');
});
