/** Between the proto and the verifier: requests pass as they are (same field names), answers are translated. */
import { create, type DescMethod, type Message, type MessageShape } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import type { AttemptResult, Delivery, DeliveryStatus } from '../domain/delivery.ts';
import { loggedRequestId } from '../domain/request-id.ts';
import * as pb from '../gen/countersign/v1/verification_pb.ts';
import type { Call, CheckCodeOutput, RateStatusOutput, VerificationOutput } from '../verification/types.ts';
import type { Verifier } from '../verification/verifier.ts';

type Methods = typeof pb.VerificationService.method;

/** One function per RPC. Throws what the verifier throws. */
export type Handlers = {
  readonly [Name in keyof Methods]: (
    request: MessageShape<Methods[Name]['input']>,
    call: Call,
  ) => Promise<MessageShape<Methods[Name]['output']>>;
};

/** A handler as the generic adapters see it. Every request has a `locale`. */
export type Handler = (request: Request, call: Call) => Promise<Message>;
export type Request = Message & { readonly locale: string; readonly requestId?: string };

/** It notes the request's id for the log, whatever becomes of the request. */
export function handlerOf(handlers: Handlers, method: DescMethod): Handler {
  const handle = handlers[method.localName as keyof Handlers] as Handler;
  return (request, call) => {
    call.facts.requestId = loggedRequestId(request.requestId ?? '');
    return handle(request, call);
  };
}

export function createHandlers(verifier: Verifier): Handlers {
  return {
    async sendCode(request, call) {
      const sent = await verifier.sendCode(request, call);
      return create(pb.SendCodeResponseSchema, {
        ...sent,
        expiresAt: timestamp(sent.expiresAt),
        resendAt: timestamp(sent.resendAt),
        delivery: deliveryOf(sent.delivery),
      });
    },

    async checkCode(request, call) {
      const output = await verifier.checkCode(request, call);
      return create(pb.CheckCodeResponseSchema, {
        result: RESULTS[output.result],
        verificationId: output.result === 'not_found' ? '' : output.verificationId,
        attemptsRemaining: output.result === 'wrong_code' ? output.attemptsRemaining : 0,
        verifiedAt: output.result === 'approved' ? timestamp(output.verifiedAt) : undefined,
      });
    },

    async rateStatus(request, call) {
      return rateStatusOf(await verifier.rateStatus(request, call));
    },

    async getVerification(request, call) {
      const verification = verificationOf(await verifier.getVerification(request, call));
      return create(pb.GetVerificationResponseSchema, { verification });
    },

    async cancelVerification(request, call) {
      const verification = verificationOf(await verifier.cancelVerification(request, call));
      return create(pb.CancelVerificationResponseSchema, { verification });
    },
  };
}

const RESULTS = {
  approved: pb.CheckResult.APPROVED,
  wrong_code: pb.CheckResult.WRONG_CODE,
  exhausted: pb.CheckResult.EXHAUSTED,
  not_found: pb.CheckResult.NOT_FOUND,
} satisfies Record<CheckCodeOutput['result'], pb.CheckResult>;

const DELIVERY_STATUSES = {
  sending: pb.DeliveryStatus.SENDING,
  accepted: pb.DeliveryStatus.ACCEPTED,
  unknown: pb.DeliveryStatus.UNKNOWN,
  delivered: pb.DeliveryStatus.DELIVERED,
  failed: pb.DeliveryStatus.FAILED,
} satisfies Record<DeliveryStatus, pb.DeliveryStatus>;

const ATTEMPT_RESULTS = {
  accepted: pb.DeliveryAttemptResult.ACCEPTED,
  rejected: pb.DeliveryAttemptResult.REJECTED,
  unavailable: pb.DeliveryAttemptResult.UNAVAILABLE,
  unknown: pb.DeliveryAttemptResult.UNKNOWN,
} satisfies Record<AttemptResult, pb.DeliveryAttemptResult>;

const STATES = {
  pending: pb.VerificationState.PENDING,
  approved: pb.VerificationState.APPROVED,
  expired: pb.VerificationState.EXPIRED,
  exhausted: pb.VerificationState.EXHAUSTED,
  canceled: pb.VerificationState.CANCELED,
} satisfies Record<VerificationOutput['state'], pb.VerificationState>;

function deliveryOf(delivery: Delivery) {
  return {
    provider: delivery.provider,
    messageId: delivery.messageId,
    status: DELIVERY_STATUSES[delivery.status],
    failure: delivery.failure ?? '',
    reportedAt: timestamp(delivery.reportedAt ?? null),
    attempts: delivery.attempts.map(({ provider, result, category, latencyMs }) => ({
      provider,
      result: ATTEMPT_RESULTS[result],
      category,
      latency: duration(latencyMs),
    })),
  };
}

function rateStatusOf(status: RateStatusOutput): pb.RateStatusResponse {
  const { cooldown, guessBudget } = status;
  return create(pb.RateStatusResponseSchema, {
    canSend: status.canSend,
    canCheck: status.canCheck,
    limits: status.limits.map(({ windowMs, resetsAt, retryAfterMs, ...limit }) => ({
      ...limit,
      window: duration(windowMs),
      resetsAt: timestamp(resetsAt),
      retryAfter: waitOf(retryAfterMs),
    })),
    cooldown: {
      active: cooldown.endsAt !== null,
      endsAt: timestamp(cooldown.endsAt),
      retryAfter: waitOf(cooldown.retryAfterMs),
      level: cooldown.level,
    },
    guessBudget: {
      limit: guessBudget.limit,
      used: guessBudget.used,
      remaining: guessBudget.remaining,
      attemptsRemaining: guessBudget.attemptsRemaining,
      retryAfter: waitOf(guessBudget.retryAfterMs),
    },
    blockedBy: status.blockedBy,
    retryAfter: waitOf(status.retryAfterMs),
  });
}

function verificationOf(record: VerificationOutput) {
  return {
    ...record,
    state: STATES[record.state],
    createdAt: timestamp(record.createdAt),
    expiresAt: timestamp(record.expiresAt),
    approvedAt: timestamp(record.approvedAt),
    delivery: record.delivery === null ? undefined : deliveryOf(record.delivery),
    phoneVerifiedAt: timestamp(record.phoneVerifiedAt),
  };
}

function timestamp(ms: number | null) {
  return ms === null ? undefined : timestampFromMs(Math.round(ms));
}

/** Whole milliseconds, rounded up: the proto has no fractions of a nanosecond, and a wait must not end too early. */
function duration(ms: number) {
  return durationFromMs(Math.ceil(ms));
}

/** Unset when no wait is needed. */
function waitOf(ms: number) {
  return ms > 0 ? duration(ms) : undefined;
}
