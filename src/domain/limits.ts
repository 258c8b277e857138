/**
 * Sliding windows and the growing cooldown, over the times of past sends and failed guesses. The embedded store uses
 * these; src/store/lua/lib/limits.lua is the same in Lua, and the model test compares the two.
 */
import { COOLDOWN_MEMORY_MS, COOLDOWN_STEPS, GUESS_BUDGETS, type Limit } from './policy.ts';

export interface WindowUse {
  readonly used: number;
  /** When the window allows one more; 0 when it does already. */
  readonly freesAt: number;
  /** When it is empty; 0 when it is empty now. */
  readonly emptyAt: number;
}

/** `times` ascend. A time leaves its window exactly `windowMs` after it came. */
export function windowUse(times: readonly number[], now: number, { limit, windowMs }: Limit): WindowUse {
  const inside = times.filter((time) => time > now - windowMs);
  const newest = inside.at(-1);
  const blocker = inside.at(-limit);
  return {
    used: inside.length,
    freesAt: inside.length >= limit && blocker !== undefined ? blocker + windowMs : 0,
    emptyAt: newest === undefined ? 0 : newest + windowMs,
  };
}

export interface SendHistory {
  /** Times of the unrefunded sends, ascending. */
  readonly sends: readonly number[];
  /** Times of the failed guesses since the last success, ascending. */
  readonly failures: readonly number[];
  /** When this phone was last approved, for any caller; 0 when never. */
  readonly approvedAt: number;
  /** True when the last code was lost in a failover of the store: its user need not wait for another one. */
  readonly cooldownWaived: boolean;
}

export interface SendStatus {
  readonly windows: readonly WindowUse[];
  readonly budgets: readonly WindowUse[];
  /** `endsAt` is 0 when no cooldown runs. */
  readonly cooldown: { readonly level: number; readonly endsAt: number };
  /** The limit that refuses a send for the longest time; null when a send is allowed. */
  readonly blocked: { readonly by: string; readonly retryAfterMs: number } | null;
}

/** How long a send counts: for the longest window, and for the cooldown. */
export function sendsCountMs(rules: { readonly cooldownMs: number; readonly windows: readonly Limit[] }): number {
  const longestCooldown = rules.cooldownMs * Math.max(...COOLDOWN_STEPS);
  return Math.max(COOLDOWN_MEMORY_MS, longestCooldown, ...rules.windows.map(({ windowMs }) => windowMs));
}

/** Whether SendCode is allowed at `now`, and if not, for how long. */
export function sendStatus(
  now: number,
  history: SendHistory,
  rules: { readonly cooldownMs: number; readonly windows: readonly Limit[] },
): SendStatus {
  const budgets = GUESS_BUDGETS.map((limit) => windowUse(history.failures, now, limit));
  const windows = rules.windows.map((limit) => windowUse(history.sends, now, limit));
  const cooldown = cooldownOf(now, history, rules.cooldownMs);
  const waits: [string, number][] = [
    ...GUESS_BUDGETS.map((limit, i): [string, number] => [limit.name, budgets[i]?.freesAt ?? 0]),
    ['cooldown', cooldown.endsAt],
    ...rules.windows.map((limit, i): [string, number] => [limit.name, windows[i]?.freesAt ?? 0]),
  ];
  let blocked: SendStatus['blocked'] = null;
  for (const [by, until] of waits) {
    if (until > now && until - now > (blocked?.retryAfterMs ?? 0)) blocked = { by, retryAfterMs: until - now };
  }
  return { windows, budgets, cooldown, blocked };
}

function cooldownOf(now: number, history: SendHistory, cooldownMs: number): SendStatus['cooldown'] {
  const since = Math.max(now - COOLDOWN_MEMORY_MS, history.approvedAt);
  const level = history.sends.filter((time) => time > since).length;
  const last = history.sends.at(-1);
  if (last === undefined || history.cooldownWaived) return { level, endsAt: 0 };
  const step = COOLDOWN_STEPS[Math.min(Math.max(level, 1), COOLDOWN_STEPS.length) - 1] as number;
  const endsAt = last + cooldownMs * step;
  return { level, endsAt: endsAt > now ? endsAt : 0 };
}
