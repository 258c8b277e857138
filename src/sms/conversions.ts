/**
 * Tells vendors which of their messages led to an approval (a conversion). This happens in the background: no call
 * waits for it, and none fails because of it.
 */
import { CONVERSION_MS } from '../domain/deadlines.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import type { Conversion, ConversionResult, Provider } from './provider.ts';
import { withTimeout } from './timeout.ts';

export interface Conversions {
  /** The code of this delivery was entered, at `at` milliseconds since the epoch. */
  notify(delivery: Delivery, at: number): void;
  /** Resolves when all vendors have answered, or soon after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

export interface ConversionsOptions {
  /** Those without `converted` get no conversions. */
  readonly providers: readonly Pick<Provider, 'name' | 'converted'>[];
  readonly emit: Emit;
  /** For one request to a vendor. */
  readonly timeoutMs?: number;
  /** Requests at once; conversions beyond that are dropped. */
  readonly maxPending?: number;
}

export function createConversions(options: ConversionsOptions): Conversions {
  const { emit, timeoutMs = CONVERSION_MS, maxPending = 100 } = options;
  const providers = new Map(options.providers.map((provider) => [provider.name, provider]));
  const pending = new Set<Promise<void>>();

  async function convert(name: string, converted: NonNullable<Provider['converted']>, conversion: Conversion) {
    const result = await resultOf(() => withTimeout((signal) => converted(conversion, signal), { timeoutMs }));
    emit({ type: 'conversion', provider: name, ok: result.ok, vendorCode: result.ok ? '' : result.vendorCode });
  }

  return {
    notify({ provider: name, messageId, status }, at) {
      const converted = providers.get(name)?.converted;
      if (converted === undefined || messageId === '' || (status !== 'accepted' && status !== 'delivered')) return;
      if (pending.size >= maxPending) {
        emit({ type: 'conversion', provider: name, ok: false, vendorCode: 'dropped' });
        return;
      }
      const request = convert(name, converted, { messageId, at }).finally(() => pending.delete(request));
      pending.add(request);
    },
    async drain(graceMs) {
      await withTimeout(() => Promise.all(pending), { timeoutMs: graceMs });
    },
  };
}

/**
 * Also for a provider that ignores its signal, or that throws, which its contract forbids: the vendor may have heard of
 * it.
 */
async function resultOf(ask: () => Promise<ConversionResult | null>): Promise<ConversionResult> {
  try {
    return (await ask()) ?? { ok: false, vendorCode: 'timeout' };
  } catch {
    return { ok: false, vendorCode: 'threw' };
  }
}
