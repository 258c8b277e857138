/** What the verifier answers, computed from what the store said. Pure. */
import type { Delivery } from '../domain/delivery.ts';
import type { Keyring } from '../domain/keyring.ts';
import type { WindowUse } from '../domain/limits.ts';
import { GUESS_BUDGETS, type Limit, type LimitPolicy } from '../domain/policy.ts';
import { type Refusal, Refused } from '../domain/refusal.ts';
import type { Dispatched } from '../sms/dispatch.ts';
import type { RecordReply, Slot, StatusReply } from '../store/store.ts';
import type { LimitOutput, RateStatusOutput, VerificationOutput } from './types.ts';

/** Longer than any SendCode: an unsettled send that is older has lost its process, and was maybe sent. */
const SENDING_MS = 15_000;

/** The delivery of a send whose outcome is not recorded yet. */
export function unsettled(sentAt: number, now: number): Delivery {
  const status = now - sentAt < SENDING_MS ? 'sending' : 'unknown';
  return { provider: '', messageId: '', status, attempts: [] };
}

/** What a test number's verification shows. */
export const TEST_DELIVERY: Delivery = { provider: 'test', messageId: '', status: 'delivered', attempts: [] };

/** Why nothing was sent, in the terms of the failure that decided. */
export function undelivered({ status, retryAfterMs }: Extract<Dispatched, { kind: 'not_sent' }>): Refused {
  switch (status) {
    case 'INVALID_ARGUMENT':
      return new Refused({ reason: 'INVALID_FIELDS', violations: [{ field: 'phone', rule: 'refused_number' }] });
    case 'FAILED_PRECONDITION':
      return new Refused({ reason: 'DESTINATION_REFUSED' });
    case 'RESOURCE_EXHAUSTED':
      return new Refused({ reason: 'PROVIDER_LIMIT', retryAfterMs });
    case 'UNAVAILABLE':
      return new Refused({ reason: 'DELIVERY_UNAVAILABLE', retryAfterMs });
    case 'INTERNAL':
      return new Refused({ reason: 'DELIVERY_MISCONFIGURED' });
  }
}

/** The refusal behind a blocker's name. */
export function refusalOf(blocked: { by: string; retryAfterMs: number }, limits: LimitPolicy): Refusal {
  const { by, retryAfterMs } = blocked;
  const named = (rows: readonly Limit[]) => rows.find(({ name }) => name === by);
  const budget = named(GUESS_BUDGETS);
  if (budget) return { reason: 'GUESS_BUDGET', max: budget.limit, windowMs: budget.windowMs, retryAfterMs };
  const window = named(limits.windows);
  if (window) return { reason: 'PHONE_LIMIT', limit: by, max: window.limit, windowMs: window.windowMs, retryAfterMs };
  return { reason: 'COOLDOWN', retryAfterMs };
}

export function rateStatusOf(status: StatusReply, limits: LimitPolicy): RateStatusOutput {
  const { now, windows, budgets, cooldown, blocked, record } = status;
  const wait = (until: number) => Math.max(0, until - now);
  const limitStatus = ({ name, limit, windowMs }: Limit, use: WindowUse | undefined): LimitOutput => {
    const { used = 0, freesAt = 0, emptyAt = 0 } = use ?? {};
    const remaining = Math.max(0, limit - used);
    return { name, limit, used, remaining, windowMs, resetsAt: emptyAt || null, retryAfterMs: wait(freesAt) };
  };
  const budgetRows = GUESS_BUDGETS.map((row, i) => limitStatus(row, budgets[i]));
  const tightest = budgetRows.reduce((a, b) => (b.remaining < a.remaining ? b : a));
  const attemptsRemaining = record?.attemptsRemaining ?? 0;
  return {
    canSend: blocked === null,
    canCheck: attemptsRemaining > 0,
    limits: limits.windows.map((row, i) => limitStatus(row, windows[i])),
    cooldown: { endsAt: cooldown.endsAt || null, retryAfterMs: wait(cooldown.endsAt), level: cooldown.level },
    guessBudget: {
      limit: tightest.limit,
      used: tightest.used,
      remaining: tightest.remaining,
      attemptsRemaining,
      retryAfterMs: Math.max(...budgetRows.map(({ retryAfterMs }) => retryAfterMs)),
    },
    blockedBy: blocked === null ? '' : blockerName(blocked.by),
    retryAfterMs: blocked?.retryAfterMs ?? 0,
  };
}

/** As callers know it: to them the guess budgets are one. */
function blockerName(by: string): string {
  return GUESS_BUDGETS.some(({ name }) => name === by) ? 'guess_budget' : by;
}

/** The record as a caller sees it; null when there is none. */
export function verificationOf(reply: RecordReply, slot: Slot, keyring: Keyring): VerificationOutput | null {
  const { record, phoneVerifiedAt, now } = reply;
  if (record === null) return null;
  return {
    verificationId: keyring.verificationId(slot.phoneKey, record.nonce),
    purpose: slot.purpose,
    state: record.state,
    createdAt: record.createdAt,
    expiresAt: record.expiresAt,
    approvedAt: record.approvedAt,
    sends: record.sends,
    attempts: record.attempts,
    attemptsRemaining: record.attemptsRemaining,
    delivery: record.delivery ?? unsettled(record.sentAt, now),
    phoneVerifiedAt,
  };
}

/** A phone whose record has gone but whose approval has not; null when it was not approved within the retention. */
export function approvalOf({ phoneVerifiedAt }: RecordReply, slot: Slot): VerificationOutput | null {
  if (phoneVerifiedAt === null) return null;
  return {
    verificationId: '',
    purpose: slot.purpose,
    state: 'approved',
    createdAt: null,
    expiresAt: null,
    approvedAt: phoneVerifiedAt,
    sends: 0,
    attempts: 0,
    attemptsRemaining: 0,
    delivery: null,
    phoneVerifiedAt,
  };
}
