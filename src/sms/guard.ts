/**
 * One provider within bounds: a circuit breaker, so that one that is down costs its callers nothing; a limit on messages
 * at once, without a queue, so that one that hangs does not hold all of them; and a timeout.
 */
import type { FailureCategory } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import { type BreakerSettings, createBreaker, type Health } from './breaker.ts';
import type { Provider, SendResult } from './provider.ts';
import { bounded } from './timeout.ts';

/** Never throws, and answers soon after its signal fired. */
export type Guarded = Pick<Provider, 'name' | 'send'>;

export interface GuardOptions {
  /** For one message. */
  readonly timeoutMs: number;
  /** Messages at once. */
  readonly maxConcurrent: number;
  readonly breaker: BreakerSettings;
  readonly emit: Emit;
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
}

const BUSY_MS = 1_000;

/** How a guard says that it did not call the provider. */
export const TURNED_AWAY: ReadonlySet<string> = new Set(['busy', 'breaker_open']);

/**
 * What a message that was surely not sent tells of the provider. Only what concerns every message counts: otherwise a few
 * odd numbers, or one wrong template, would take the provider from everybody.
 */
const HEALTH: Readonly<Record<FailureCategory, Health>> = {
  transient: 'failed',
  timeout: 'failed',
  credentials: 'failed',
  rate_limited: 'failed',
  balance: 'down',
  // Codes that no table lists: who knows whether they concern more than this number.
  unknown: 'neutral',
  invalid_number: 'neutral',
  unreachable: 'neutral',
  blocked: 'neutral',
  content: 'neutral',
  template: 'neutral',
  signature: 'neutral',
  sender: 'neutral',
  permission: 'neutral',
  configuration: 'neutral',
};

/** Adds `breaker_open` and `busy` to what a provider answers: nothing was called then. */
export function guardProvider(provider: Provider, options: GuardOptions): Guarded {
  const { timeoutMs, maxConcurrent, emit, clock } = options;
  const { name } = provider;
  const enter = createBreaker(options.breaker, clock, (state) => emit({ type: 'breaker', provider: name, state }));
  let concurrent = 0;

  return {
    name,
    async send(message, signal) {
      if (concurrent >= maxConcurrent) return turnedAway('busy', BUSY_MS);
      const admission = enter();
      if (!admission.admitted) return turnedAway('breaker_open', admission.retryAfterMs);
      concurrent += 1;
      const start = clock();
      const result = await settled(() => bounded((both) => provider.send(message, both), { timeoutMs, signal }));
      concurrent -= 1;
      // A caller who left a slow provider no time must not take it from those who wait.
      const hurried = signal.aborted && clock() - start < timeoutMs / 2;
      admission.leave(hurried && result.kind !== 'accepted' ? 'neutral' : healthOf(result));
      return result;
    },
  };
}

function turnedAway(vendorCode: string, retryAfterMs: number): SendResult {
  return { kind: 'unavailable', category: 'transient', vendorCode, retryAfterMs };
}

/** A provider that ignores its signal, or throws against its contract, has maybe sent. */
async function settled(send: () => Promise<SendResult | null>): Promise<SendResult> {
  try {
    return (await send()) ?? { kind: 'unknown', category: 'timeout', vendorCode: 'timeout' };
  } catch {
    return { kind: 'unknown', category: 'unknown', vendorCode: 'threw' };
  }
}

function healthOf(result: SendResult): Health {
  if (result.kind === 'accepted') return 'up';
  if (result.kind === 'rejected' || result.local) return 'neutral';
  return result.kind === 'unknown' ? 'failed' : HEALTH[result.category];
}
