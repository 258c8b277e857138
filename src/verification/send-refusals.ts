/** Why SendCode sent nothing, after the store or the providers said so. */
import { GUESS_BUDGETS, type Limit, type LimitPolicy } from '../domain/policy.ts';
import type { Refusal } from '../domain/refusal.ts';
import type { Dispatched } from '../sms/dispatch.ts';
import type { SendReply } from '../store/store.ts';

/** Most calls end, and most refunds arrive, before that. */
const ASK_AGAIN_MS = 1_000;

/** Why the store did not let a send begin. */
export function reservationRefusal(
  reply: Exclude<SendReply, { kind: 'reserved' | 'replayed' }>,
  limits: LimitPolicy,
): Refusal {
  switch (reply.kind) {
    case 'request_id_reused':
      return { reason: 'REQUEST_ID_REUSED' };
    case 'under_way':
      return { reason: 'SEND_UNDER_WAY', retryAfterMs: Math.min(reply.retryAfterMs, ASK_AGAIN_MS) };
    case 'code_lost':
      return { reason: 'CODE_LOST' };
    case 'blocked':
      return limitRefusal(reply, limits);
  }
}

/** `by` is the name of the limit that refuses for the longest time. */
function limitRefusal({ by, retryAfterMs }: Extract<SendReply, { kind: 'blocked' }>, limits: LimitPolicy): Refusal {
  const named = (rows: readonly Limit[]) => rows.find(({ name }) => name === by);
  const budget = named(GUESS_BUDGETS);
  if (budget) return { reason: 'GUESS_BUDGET', max: budget.limit, windowMs: budget.windowMs, retryAfterMs };
  const window = named(limits.windows);
  if (window) return { reason: 'PHONE_LIMIT', limit: by, max: window.limit, windowMs: window.windowMs, retryAfterMs };
  return { reason: 'COOLDOWN', retryAfterMs };
}

/** Why nothing was sent: by the status of the failure that decided. */
export function undeliveredRefusal({ status, retryAfterMs }: Extract<Dispatched, { kind: 'not_sent' }>): Refusal {
  switch (status) {
    case 'INVALID_ARGUMENT':
      return { reason: 'INVALID_FIELDS', violations: [{ field: 'phone', rule: 'refused_number' }] };
    case 'FAILED_PRECONDITION':
      return { reason: 'DESTINATION_REFUSED' };
    case 'RESOURCE_EXHAUSTED':
      return { reason: 'PROVIDER_LIMIT', retryAfterMs };
    case 'UNAVAILABLE':
      return { reason: 'DELIVERY_UNAVAILABLE', retryAfterMs };
    case 'INTERNAL':
      return { reason: 'DELIVERY_MISCONFIGURED' };
  }
}
