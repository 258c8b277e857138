/** RateStatus: what SendCode and CheckCode would meet now. It changes nothing. */
import type { Keyring } from '../domain/keyring.ts';
import type { WindowUse } from '../domain/limits.ts';
import { GUESS_BUDGETS, type Limit, type LimitPolicy } from '../domain/policy.ts';
import { type RequestRules, validateRateStatus } from '../domain/request.ts';
import type { StatusReply, Store } from '../store/store.ts';
import { authorize, validOrRefused } from './authorize.ts';
import { locate } from './slot.ts';
import type { Call, LimitOutput, RateStatusInput, RateStatusOutput } from './types.ts';

export interface RateStatusDependencies extends RequestRules {
  readonly store: Pick<Store, 'status'>;
  readonly keyring: Keyring;
  readonly limits: LimitPolicy;
}

export function createRateStatus(dependencies: RateStatusDependencies) {
  const { store, keyring, purposes, limits } = dependencies;

  return async (request: RateStatusInput, call: Call): Promise<RateStatusOutput> => {
    authorize(request.purpose, call, purposes);
    const { phone, purpose } = validOrRefused(validateRateStatus(request, dependencies), call);
    const { slot } = locate({ kind: 'phone', phone }, purpose, { keyring, call });
    const output = outputOf(await store.status({ slot, nonce: null, ...limits }), limits);
    call.facts.outcome = output.canSend ? 'can_send' : `blocked_by_${output.blockedBy}`;
    return output;
  };
}

function outputOf(status: StatusReply, limits: LimitPolicy): RateStatusOutput {
  const { now, windows, budgets, cooldown, blocked, record } = status;
  const attemptsRemaining = record?.attemptsRemaining ?? 0;
  return {
    canSend: blocked === null,
    canCheck: attemptsRemaining > 0,
    limits: limits.windows.map((limit, i) => limitOutput(limit, windows[i], now)),
    cooldown: {
      endsAt: cooldown.endsAt || null,
      retryAfterMs: Math.max(0, cooldown.endsAt - now),
      level: cooldown.level,
    },
    guessBudget: {
      ...tightestBudget(GUESS_BUDGETS.map((budget, i) => limitOutput(budget, budgets[i], now))),
      attemptsRemaining,
    },
    blockedBy: blocked === null ? '' : publicName(blocked.by),
    retryAfterMs: blocked?.retryAfterMs ?? 0,
  };
}

function limitOutput({ name, limit, windowMs }: Limit, use: WindowUse | undefined, now: number): LimitOutput {
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
function tightestBudget(budgets: readonly LimitOutput[]) {
  const { limit, used, remaining } = budgets.reduce((a, b) => (b.remaining < a.remaining ? b : a));
  return { limit, used, remaining, retryAfterMs: Math.max(...budgets.map(({ retryAfterMs }) => retryAfterMs)) };
}

function publicName(limit: string): string {
  return GUESS_BUDGETS.some(({ name }) => name === limit) ? 'guess_budget' : limit;
}
