/**
 * How a refusal is encoded: one table from reason to status and details, and one encoder per edge. The status message
 * is for developers and always English; LocalizedMessage and the field violations speak the caller's language.
 */
import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { anyPack, durationFromMs } from '@bufbuild/protobuf/wkt';
import { type Code as ConnectCode, ConnectError } from '@connectrpc/connect';
import { Metadata } from '@grpc/grpc-js';
import type { Reason, Refusal } from '../domain/refusal.ts';
import { Code, CodeSchema } from '../gen/google/rpc/code_pb.ts';
import {
  BadRequestSchema,
  ErrorInfoSchema,
  LocalizedMessageSchema,
  QuotaFailureSchema,
  RetryInfoSchema,
} from '../gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../gen/google/rpc/status_pb.ts';
import { ENGLISH, reasonText, ruleText, type Texts, textsFor } from './texts.ts';

/** ErrorInfo.domain of all errors of this service. */
const DOMAIN = 'countersign';

interface Detail {
  readonly desc: DescMessage;
  readonly value: MessageInitShape<DescMessage>;
}

interface RpcStatus {
  readonly code: Code;
  readonly message: string;
  readonly details: readonly Detail[];
}

/** The status of each reason, as ErrorReason in the proto promises it. */
const CODES = {
  INVALID_FIELDS: Code.INVALID_ARGUMENT,
  REQUEST_ID_REUSED: Code.INVALID_ARGUMENT,
  MALFORMED_REQUEST: Code.INVALID_ARGUMENT,
  SEND_UNDER_WAY: Code.UNAVAILABLE,
  CODE_LOST: Code.ABORTED,
  COOLDOWN: Code.RESOURCE_EXHAUSTED,
  PHONE_LIMIT: Code.RESOURCE_EXHAUSTED,
  GUESS_BUDGET: Code.RESOURCE_EXHAUSTED,
  NUMBER_TYPE_REFUSED: Code.FAILED_PRECONDITION,
  DESTINATION_REFUSED: Code.FAILED_PRECONDITION,
  UNAUTHENTICATED: Code.UNAUTHENTICATED,
  PURPOSE_NOT_ALLOWED: Code.PERMISSION_DENIED,
  VERIFICATION_NOT_FOUND: Code.NOT_FOUND,
  STORE_UNAVAILABLE: Code.UNAVAILABLE,
  DELIVERY_UNAVAILABLE: Code.UNAVAILABLE,
  PROVIDER_LIMIT: Code.RESOURCE_EXHAUSTED,
  OVERLOADED: Code.RESOURCE_EXHAUSTED,
  DELIVERY_MISCONFIGURED: Code.INTERNAL,
  DEADLINE: Code.DEADLINE_EXCEEDED,
  CANCELED: Code.CANCELLED,
  INTERNAL: Code.INTERNAL,
} as const satisfies Record<Reason, Code>;

const NAMES: ReadonlyMap<number, string> = new Map(CodeSchema.values.map(({ number, name }) => [number, name]));

/** The status code of a refusal, or OK. */
export function codeOf(refusal: Refusal | null): Code {
  return refusal === null ? Code.OK : CODES[refusal.reason];
}

/** `RESOURCE_EXHAUSTED`, as events name a status. */
export function codeName(code: number): string {
  return NAMES.get(code) ?? 'UNKNOWN';
}

/** A status as grpc-js sends it, and an error as its handlers pass it to their callback. */
export interface GrpcError extends Error {
  readonly code: number;
  readonly details: string;
  readonly metadata: Metadata;
}

/** The details travel in the trailer `grpc-status-details-bin`. */
export function grpcError(refusal: Refusal, locale: string): GrpcError {
  const { code, message, details } = statusOf(refusal, locale);
  const packed = details.map(({ desc, value }) => anyPack(desc, create(desc, value)));
  const metadata = new Metadata();
  const status = toBinary(StatusSchema, create(StatusSchema, { code, message, details: packed }));
  metadata.set('grpc-status-details-bin', Buffer.from(status));
  return { name: refusal.reason, message, code, details: message, metadata };
}

export function connectError(refusal: Refusal, locale: string): ConnectError {
  const { code, message, details } = statusOf(refusal, locale);
  // Connect has an enum of its own for the same numbers.
  return new ConnectError(message, code as number as ConnectCode, undefined, [...details]);
}

function statusOf(refusal: Refusal, locale: string): RpcStatus {
  const texts = textsFor(locale);
  return {
    code: codeOf(refusal),
    message: reasonText(ENGLISH, refusal),
    details: [
      detail(ErrorInfoSchema, { reason: refusal.reason, domain: DOMAIN, metadata: metadataOf(refusal) }),
      ...specificDetails(refusal, texts),
      detail(LocalizedMessageSchema, localized(texts, reasonText(texts, refusal))),
    ],
  };
}

function specificDetails(refusal: Refusal, texts: Texts): Detail[] {
  switch (refusal.reason) {
    case 'INVALID_FIELDS': {
      const fieldViolations = refusal.violations.map((violation) => {
        const description = ruleText(texts, violation);
        const reason = violation.rule.toUpperCase();
        return { field: violation.field, description, reason, localizedMessage: localized(texts, description) };
      });
      return [detail(BadRequestSchema, { fieldViolations })];
    }
    case 'COOLDOWN':
      return [retryInfo(refusal.retryAfterMs), quotaFailure(refusal, { quotaId: 'cooldown' })];
    case 'PHONE_LIMIT': {
      const quota = { quotaId: refusal.limit, quotaValue: BigInt(refusal.max) };
      return [retryInfo(refusal.retryAfterMs), quotaFailure(refusal, quota)];
    }
    case 'GUESS_BUDGET': {
      const quota = { quotaId: 'guess_budget', quotaValue: BigInt(refusal.max) };
      return [retryInfo(refusal.retryAfterMs), quotaFailure(refusal, quota)];
    }
    case 'PROVIDER_LIMIT':
      return [retryInfo(refusal.retryAfterMs), quotaFailure(refusal, { quotaId: 'provider' })];
    case 'STORE_UNAVAILABLE':
    case 'SEND_UNDER_WAY':
    case 'DELIVERY_UNAVAILABLE':
    case 'OVERLOADED':
      return [retryInfo(refusal.retryAfterMs)];
    default:
      return [];
  }
}

function metadataOf(refusal: Refusal): Record<string, string> {
  return refusal.reason === 'NUMBER_TYPE_REFUSED' ? { number_type: refusal.numberType } : {};
}

function retryInfo(retryAfterMs: number): Detail {
  return detail(RetryInfoSchema, { retryDelay: durationFromMs(wholeMs(retryAfterMs)) });
}

/** The wait of RetryInfo for HTTP's Retry-After, which has whole seconds: rounded up. Null when there is none. */
export function retryAfterSeconds(refusal: Refusal): number | null {
  return 'retryAfterMs' in refusal ? Math.ceil(wholeMs(refusal.retryAfterMs) / 1000) : null;
}

/** Rounded up and at least 1: a caller that waits exactly this long is not refused again. */
function wholeMs(ms: number): number {
  return Math.max(1, Math.ceil(ms));
}

/** `quotaId` is the name that RateStatus has in `blocked_by`. */
function quotaFailure(refusal: Refusal, quota: { quotaId: string; quotaValue?: bigint }): Detail {
  const violation = { subject: 'phone', description: reasonText(ENGLISH, refusal), ...quota };
  return detail(QuotaFailureSchema, { violations: [violation] });
}

function localized(texts: Texts, message: string): { locale: string; message: string } {
  return { locale: texts.locale, message };
}

function detail<Desc extends DescMessage>(desc: Desc, value: MessageInitShape<Desc>): Detail {
  return { desc, value };
}
