/**
 * A provider within bounds: circuit breakers, so that a provider that is down costs no time, everywhere or in one
 * country; a limit on messages at once, without a queue, so that a provider that hangs does not hold every call; and a
 * time-out.
 */
import type { FailureCategory } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import { type Breaker, type BreakerSettings, createBreaker, type Health } from './breaker.ts';
import type { Provider, SendResult } from './provider.ts';
import { withTimeout } from './timeout.ts';

/** Never throws, and resolves soon after its signal fired. */
export interface Guarded extends Pick<Provider, 'name' | 'send'> {
  /** Milliseconds until its breakers let a message to this country through; 0: now. Reserves nothing. */
  waitMs(region: string): number;
}

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

/**
 * What a message that was surely not sent shows about the provider, or about what the provider has for one country.
 * Only what concerns every message there counts: otherwise a few odd numbers, or one wrong template, would open a
 * breaker for all messages.
 */
const HEALTH: Readonly<Record<FailureCategory, Health>> = {
  transient: 'failed',
  timeout: 'failed',
  credentials: 'failed',
  rate_limited: 'failed',
  balance: 'down',
  // Codes that no table lists: they may concern this number only.
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

/** Adds `busy` and `breaker_open` to a provider's results: it was not called then. */
export function guardProvider(provider: Provider, options: GuardOptions): Guarded {
  const { timeoutMs, maxConcurrent, emit, clock } = options;
  const { name } = provider;
  const breakerFor = (country: string) =>
    createBreaker(options.breaker, clock, (state) => emit({ type: 'breaker', provider: name, country, state }));
  const whole = breakerFor('');
  /** By region. There are not more of them than numbering plans. */
  const countries = new Map<string, Breaker>();
  let concurrent = 0;

  function breakerOf(region: string): Breaker {
    const known = countries.get(region);
    if (known) return known;
    const created = breakerFor(region);
    countries.set(region, created);
    return created;
  }

  const waitMs = (region: string) => Math.max(whole.waitMs(), countries.get(region)?.waitMs() ?? 0);

  return {
    name,
    waitMs,
    async send(message, signal) {
      if (concurrent >= maxConcurrent) return notCalled('busy', BUSY_MS);
      const wait = waitMs(message.region);
      if (wait > 0) return notCalled('breaker_open', wait);
      const showWhole = whole.begin();
      const showCountry = breakerOf(message.region).begin();
      concurrent += 1;
      const start = clock();
      const result = await resultOf(() => withTimeout((both) => provider.send(message, both), { timeoutMs, signal }));
      concurrent -= 1;
      // Callers with short deadlines must not open the breaker for those who wait longer.
      const cutShort = signal.aborted && clock() - start < timeoutMs / 2;
      const health = cutShort && result.kind !== 'accepted' ? 'neutral' : healthOf(result);
      const ofCountry = 'scope' in result && result.scope === 'country';
      showWhole(ofCountry ? 'neutral' : health);
      showCountry(ofCountry || health === 'up' ? health : 'neutral');
      return result;
    },
  };
}

function notCalled(vendorCode: string, retryAfterMs: number): SendResult {
  return { kind: 'unavailable', category: 'transient', vendorCode, retryAfterMs };
}

/** A provider that ignores its signal, or that throws, which its contract forbids, has maybe sent. */
async function resultOf(send: () => Promise<SendResult | null>): Promise<SendResult> {
  try {
    return (await send()) ?? { kind: 'unknown', category: 'timeout', vendorCode: 'timeout' };
  } catch {
    return { kind: 'unknown', category: 'unknown', vendorCode: 'threw' };
  }
}

function healthOf(result: SendResult): Health {
  if (result.kind === 'accepted') return 'up';
  if (result.kind === 'rejected' || result.scope === 'message') return 'neutral';
  return result.kind === 'unknown' ? 'failed' : HEALTH[result.category];
}
