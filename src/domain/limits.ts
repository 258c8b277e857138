/**
 * Sliding windows and the growing cooldown, over the times of past sends and failed guesses. The embedded store uses
 * these; src/store/lua/lib/limits.lua is the same in Lua, and the model test compares the two.
 */
import { COOLDOWN_MEMORY_MS, COOLDOWN_STEPS, GUESS_BUDGETS, type Limit, SHARED_GRID_MS } from './policy.ts';

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

/** Of a window over sends. */
export interface SendsUse extends WindowUse {
  /** How many of `used` are the caller's own. */
  readonly own: number;
}

export interface SendTime {
  readonly at: number;
  /** Whether the caller made it that asks. */
  readonly own: boolean;
}

export interface SendHistory {
  /** The unrefunded sends. */
  readonly sends: readonly SendTime[];
  /** Times of the failed guesses since the last success, ascending. */
  readonly failures: readonly number[];
  /** When this phone was last approved for this caller, whatever the purpose; 0 when never. */
  readonly approvedAt: number;
  /** True when the last code was lost in a failover of the store: its user need not wait for another one. */
  readonly cooldownWaived: boolean;
}

export interface SendStatus {
  readonly windows: readonly SendsUse[];
  readonly budgets: readonly WindowUse[];
  /** `endsAt` is 0 when no cooldown runs. */
  readonly cooldown: { readonly level: number; readonly endsAt: number };
  /** The limit that refuses a send for the longest time; null when a send is allowed. */
  readonly blocked: { readonly by: string; readonly retryAfterMs: number } | null;
}

/** How long a send counts: for the longest window, and for the cooldown. */
export function sendsCountMs(rules: { readonly cooldownMs: number; readonly windows: readonly Limit[] }): number {
  const longestCooldown = rules.cooldownMs * Math.max(...COOLDOWN_STEPS);
  const longest = Math.max(COOLDOWN_MEMORY_MS, longestCooldown, ...rules.windows.map(({ windowMs }) => windowMs));
  return longest + SHARED_GRID_MS;
}

/** Whether SendCode is allowed at `now`, and if not, for how long. */
export function sendStatus(
  now: number,
  history: SendHistory,
  rules: { readonly cooldownMs: number; readonly windows: readonly Limit[] },
): SendStatus {
  const budgets = GUESS_BUDGETS.map((limit) => windowUse(history.failures, now, limit));
  const seen = seenSends(history.sends);
  const windows = rules.windows.map((limit) => sendsUse(seen, now, limit));
  const cooldown = cooldownOf(now, { ...history, sends: seen }, rules.cooldownMs);
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

/**
 * As the caller may know them, ascending. Times of other callers' sends are rounded up, wherever they count: neither a
 * wait nor the end of one tells when exactly another caller sent.
 */
function seenSends(sends: readonly SendTime[]): readonly SendTime[] {
  return sends
    .map(({ at, own }) => ({ at: own ? at : Math.ceil(at / SHARED_GRID_MS) * SHARED_GRID_MS, own }))
    .sort((a, b) => a.at - b.at);
}

function sendsUse(seen: readonly SendTime[], now: number, limit: Limit): SendsUse {
  const own = seen.filter((send) => send.own && send.at > now - limit.windowMs).length;
  const { used, freesAt, emptyAt } = windowUse(
    seen.map(({ at }) => at),
    now,
    limit,
  );
  return { used, own, freesAt, emptyAt };
}

function cooldownOf(now: number, history: SendHistory, cooldownMs: number): SendStatus['cooldown'] {
  const since = Math.max(now - COOLDOWN_MEMORY_MS, history.approvedAt);
  const level = history.sends.filter(({ at }) => at > since).length;
  const last = history.sends.at(-1);
  if (last === undefined || history.cooldownWaived) return { level, endsAt: 0 };
  const step = COOLDOWN_STEPS[Math.min(Math.max(level, 1), COOLDOWN_STEPS.length) - 1] as number;
  const endsAt = last.at + cooldownMs * step;
  return { level, endsAt: endsAt > now ? endsAt : 0 };
}
