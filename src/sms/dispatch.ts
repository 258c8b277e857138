/**
 * Tries providers in order until one takes the message. A refusal of the number stops, an outage goes on, and after an
 * unknown outcome at most one more provider is tried, with the same code: two SMS for one SendCode at the most.
 */
import type { Delivery, DeliveryAttempt } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import type { Message, Provider, SendResult } from './provider.ts';

/** `deadlineMs` bounds all providers together. Once a provider was called, its outcome is waited for until then. */
export type Dispatch = (message: Message, deadlineMs: number) => Promise<Dispatched>;

export type Dispatched =
  /** Accepted, or maybe sent: `delivery.status` says which. */
  | { readonly kind: 'sent'; readonly delivery: Delivery }
  /** Surely nothing was sent. `rejected`: this number or content, by every measure; otherwise try again later. */
  | { readonly kind: 'not_sent'; readonly rejected: boolean; readonly retryAfterMs: number };

const RETRY_AFTER_MS = 5_000;

export function createDispatch(options: { providers: readonly Provider[]; emit: Emit; clock: () => number }): Dispatch {
  const { providers, emit, clock } = options;

  async function attempt(provider: Provider, message: Message, signal: AbortSignal) {
    const start = clock();
    const result = await bounded(provider, message, signal);
    const latencyMs = clock() - start;
    const category = result.kind === 'accepted' ? '' : result.category;
    const vendorCode = result.kind === 'accepted' ? '' : result.vendorCode;
    const { name } = provider;
    emit({ type: 'attempt', provider: name, result: result.kind, category, vendorCode, seconds: latencyMs / 1000 });
    const made: DeliveryAttempt = { provider: name, result: result.kind, category, latencyMs };
    return { result, made };
  }

  return async (message, deadlineMs) => {
    const signal = AbortSignal.timeout(Math.max(1, Math.floor(deadlineMs)));
    const attempts: DeliveryAttempt[] = [];
    let maybe: Provider | null = null;
    let rejected = false;
    let retryAfterMs = RETRY_AFTER_MS;

    for (const provider of providers) {
      const { result, made } = await attempt(provider, message, signal);
      attempts.push(made);
      if (result.kind === 'accepted') {
        return sent({ provider: provider.name, messageId: result.messageId, status: 'accepted', attempts });
      }
      if (result.kind === 'unavailable') retryAfterMs = result.retryAfterMs ?? retryAfterMs;
      rejected = result.kind === 'rejected';
      if (rejected || maybe !== null) break;
      if (result.kind === 'unknown') maybe = provider;
      if (signal.aborted) break;
    }
    if (maybe !== null) return sent({ provider: maybe.name, messageId: '', status: 'unknown', attempts });
    return { kind: 'not_sent', rejected, retryAfterMs };
  };
}

/** A provider that ignores its signal, or throws against its contract, has maybe sent. */
async function bounded(provider: Provider, message: Message, signal: AbortSignal): Promise<SendResult> {
  const { promise: expired, resolve } = Promise.withResolvers<SendResult>();
  const expire = () => resolve({ kind: 'unknown', category: 'timeout', vendorCode: '' });
  signal.addEventListener('abort', expire, { once: true });
  try {
    return await Promise.race([provider.send(message, signal), expired]);
  } catch {
    return { kind: 'unknown', category: 'unknown', vendorCode: 'threw' };
  } finally {
    signal.removeEventListener('abort', expire);
  }
}

function sent(delivery: Delivery): Dispatched {
  return { kind: 'sent', delivery };
}
