/** RateStatus: what SendCode and CheckCode would meet now. It charges nothing. */
import type { Keyring } from '../domain/keyring.ts';
import type { SendsUse, WindowUse } from '../domain/limits.ts';
import { type Phone, refusesType } from '../domain/phone.ts';
import { GUESS_BUDGETS, type Limit, type LimitPolicy } from '../domain/policy.ts';
import { type RequestRules, validateRateStatus } from '../domain/request.ts';
import type { Availability } from '../sms/dispatch.ts';
import type { StatusReply, Store } from '../store/store.ts';
import { authorize, validOrRefused } from './authorize.ts';
import { locate } from './slot.ts';
import type { Call, LimitOutput, RateStatusInput, RateStatusOutput } from './types.ts';

export interface RateStatusDependencies extends RequestRules {
  readonly store: Pick<Store, 'status'>;
  readonly availability: Availability;
  readonly keyring: Keyring;
  readonly limits: LimitPolicy;
  /** As SendCode's. */
  readonly testCode: (identity: string, now: number) => string | null;
  readonly now: () => number;
}

/** What SendCode would refuse with; null when it would send. `retryAfterMs` is 0 when no wait helps. */
type Obstacle = { readonly by: string; readonly retryAfterMs: number } | null;

export function createRateStatus(dependencies: RateStatusDependencies) {
  const { store, keyring, purposes, limits } = dependencies;

  return async (request: RateStatusInput, call: Call): Promise<RateStatusOutput> => {
    authorize(request.purpose, call, purposes);
    const { phone, purpose } = validOrRefused(validateRateStatus(request, dependencies), call);
    const { slot } = locate({ kind: 'phone', phone }, purpose, { keyring, call });
    const status = await store.status({ slot, nonce: null, ...limits });
    const output = outputOf(status, obstacleOf(phone, status, dependencies), limits);
    call.facts.outcome = output.canSend ? 'can_send' : `blocked_by_${output.blockedBy}`;
    return output;
  };
}

/** In the order in which SendCode meets them. */
function obstacleOf(
  phone: Phone,
  { blocked }: StatusReply,
  { phones, testCode, now, availability }: RateStatusDependencies,
): Obstacle {
  if (testCode(phone.identity, now()) !== null) return null;
  if (refusesType(phone, phones)) return { by: 'number_type', retryAfterMs: 0 };
  if (blocked) return { by: publicName(blocked.by), retryAfterMs: blocked.retryAfterMs };
  const away = availability(phone);
  if (away === null) return null;
  if (away.status === 'FAILED_PRECONDITION') return { by: 'destination', retryAfterMs: 0 };
  return { by: 'delivery', retryAfterMs: away.status === 'UNAVAILABLE' ? away.retryAfterMs : 0 };
}

function outputOf(status: StatusReply, obstacle: Obstacle, limits: LimitPolicy): RateStatusOutput {
  const { now, windows, budgets, cooldown, record } = status;
  const attemptsRemaining = record?.attemptsRemaining ?? 0;
  return {
    canSend: obstacle === null,
    canCheck: attemptsRemaining > 0,
    limits: limits.windows.map((limit, i) => sendLimitOutput(limit, windows[i], now)),
    cooldown: {
      endsAt: cooldown.endsAt || null,
      retryAfterMs: Math.max(0, cooldown.endsAt - now),
      level: cooldown.level,
    },
    guessBudget: {
      ...tightestBudget(GUESS_BUDGETS.map((budget, i) => limitOutput(budget, budgets[i], now))),
      attemptsRemaining,
    },
    blockedBy: obstacle?.by ?? '',
    retryAfterMs: obstacle?.retryAfterMs ?? 0,
  };
}

function sendLimitOutput(limit: Limit, use: SendsUse | undefined, now: number): LimitOutput {
  return { ...limitOutput(limit, use, now), usedByCaller: use?.own ?? 0 };
}

function limitOutput({ name, limit, windowMs }: Limit, use: WindowUse | undefined, now: number) {
  const { used = 0, freesAt = 0, emptyAt = 0 } = use ?? {};
  return {
    name,
    limit,
    used,
    remaining: Math.max(0, limit - used),
    windowMs,
    resetsAt: emptyAt || null,
    retryAfterMs: Math.max(0, freesAt - now),
  };
}

/** Callers see one guess budget: the one with the fewest guesses left, and the longest wait of all. */
function tightestBudget(budgets: readonly ReturnType<typeof limitOutput>[]) {
  const { limit, used, remaining } = budgets.reduce((a, b) => (b.remaining < a.remaining ? b : a));
  return { limit, used, remaining, retryAfterMs: Math.max(...budgets.map(({ retryAfterMs }) => retryAfterMs)) };
}

function publicName(limit: string): string {
  return GUESS_BUDGETS.some(({ name }) => name === limit) ? 'guess_budget' : limit;
}
