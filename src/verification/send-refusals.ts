/** Why SendCode sent nothing, after the store or the providers said so. */
import { GUESS_BUDGETS, type Limit, type LimitPolicy } from '../domain/policy.ts';
import type { Refusal } from '../domain/refusal.ts';
import type { Dispatched } from '../sms/dispatch.ts';
import type { SendReply } from '../store/store.ts';

/** `by` is the name of the limit that refuses for the longest time. */
export function limitRefusal(
  { by, retryAfterMs }: Extract<SendReply, { kind: 'blocked' }>,
  limits: LimitPolicy,
): Refusal {
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
