/** Tells vendors which of their messages led to an approval, in the background: nobody waits for it, nobody fails with it. */
import { CONVERSION_MS } from '../domain/deadlines.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import type { Conversion, ConversionResult, Provider } from './provider.ts';
import { bounded } from './timeout.ts';

export interface Feedback {
  /** The code that this delivery carried was entered, at `at` milliseconds since the epoch. */
  tell(delivery: Delivery, at: number): void;
  /** Resolves when every vendor has been told, or soon after `graceMs`. */
  settled(graceMs: number): Promise<void>;
}

export interface FeedbackOptions {
  /** Those without `converted` are not told. */
  readonly providers: readonly Pick<Provider, 'name' | 'converted'>[];
  readonly emit: Emit;
  /** For one vendor to take note. */
  readonly timeoutMs?: number;
  /** Approvals beyond that are not told. */
  readonly maxPending?: number;
}

export function createFeedback(options: FeedbackOptions): Feedback {
  const { emit, timeoutMs = CONVERSION_MS, maxPending = 100 } = options;
  const providers = new Map(options.providers.map((provider) => [provider.name, provider]));
  const pending = new Set<Promise<void>>();

  async function convert(name: string, converted: NonNullable<Provider['converted']>, conversion: Conversion) {
    const result = await answered(() => bounded((signal) => converted(conversion, signal), { timeoutMs }));
    emit({ type: 'conversion', provider: name, ok: result.ok, vendorCode: result.ok ? '' : result.vendorCode });
  }

  return {
    tell({ provider: name, messageId, status }, at) {
      const converted = providers.get(name)?.converted;
      if (converted === undefined || messageId === '' || (status !== 'accepted' && status !== 'delivered')) return;
      if (pending.size >= maxPending) {
        emit({ type: 'conversion', provider: name, ok: false, vendorCode: 'dropped' });
        return;
      }
      const told = convert(name, converted, { messageId, at }).finally(() => pending.delete(told));
      pending.add(told);
    },
    async settled(graceMs) {
      await bounded(() => Promise.all(pending), { timeoutMs: graceMs });
    },
  };
}

/** A vendor that ignores its signal, or an adapter that throws against its contract, was maybe told. */
async function answered(ask: () => Promise<ConversionResult | null>): Promise<ConversionResult> {
  try {
    return (await ask()) ?? { ok: false, vendorCode: 'timeout' };
  } catch {
    return { ok: false, vendorCode: 'threw' };
  }
}
