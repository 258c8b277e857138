/**
 * Tells vendors which of their messages led to an approval (a conversion), many in one request where the vendor takes
 * that. This happens in the background: no call waits for it, and none fails because of it.
 */
import { CONVERSION_GATHER_MS, CONVERSION_MS } from '../domain/deadlines.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import type { Conversion, ConversionBatch, ConversionResult, Provider } from './provider.ts';
import { withTimeout } from './timeout.ts';

export interface Conversions {
  /** The code of this delivery was entered, at `at` milliseconds since the epoch. */
  notify(delivery: Delivery, at: number): void;
  /** Sends what was gathered; later ones wait for no others. Resolves when all vendors have answered, or soon after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

export interface ConversionsOptions {
  /** Those without `converted` get no conversions. */
  readonly providers: readonly Pick<Provider, 'name' | 'converted' | 'conversionsAtOnce'>[];
  readonly emit: Emit;
  /** From the first conversion of a request to the request, unless it is full earlier. */
  readonly gatherMs?: number;
  /** For one request to a vendor. */
  readonly timeoutMs?: number;
  /** Requests to one vendor at once; the conversions of more are dropped. */
  readonly maxRequests?: number;
}

interface Teller {
  tell(conversion: Conversion): void;
  close(): Promise<unknown>;
}

type Converted = NonNullable<Provider['converted']>;

export function createConversions({ providers, ...options }: ConversionsOptions): Conversions {
  const tellers = new Map(
    providers.flatMap(({ name, converted, conversionsAtOnce: atOnce = 1 }) =>
      converted === undefined ? [] : [[name, createTeller({ name, converted, atOnce }, options)]],
    ),
  );
  return {
    notify({ provider, messageId, status }, at) {
      if (messageId === '' || (status !== 'accepted' && status !== 'delivered')) return;
      tellers.get(provider)?.tell({ messageId, at });
    },
    async drain(graceMs) {
      const closing = [...tellers.values()].map((teller) => teller.close());
      await withTimeout(() => Promise.all(closing), { timeoutMs: graceMs });
    },
  };
}

/** One for each vendor, so that one that hangs takes nothing from the others. */
function createTeller(
  { name, converted, atOnce }: { name: string; converted: Converted; atOnce: number },
  options: Omit<ConversionsOptions, 'providers'>,
): Teller {
  const { emit, gatherMs = CONVERSION_GATHER_MS, timeoutMs = CONVERSION_MS, maxRequests = 100 } = options;
  const requests = new Set<Promise<void>>();
  let gathered: Conversion[] = [];
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  /** The result of a request is that of each of its conversions. */
  function report(conversions: readonly Conversion[], result: ConversionResult): void {
    const vendorCode = result.ok ? '' : result.vendorCode;
    for (const _ of conversions) emit({ type: 'conversion', provider: name, ok: result.ok, vendorCode });
  }

  async function request(conversions: ConversionBatch): Promise<void> {
    report(conversions, await resultOf(() => withTimeout((signal) => converted(conversions, signal), { timeoutMs })));
  }

  function send(): void {
    clearTimeout(timer);
    const [first, ...others] = gathered;
    gathered = [];
    if (first === undefined) return;
    if (requests.size < maxRequests) {
      const sent = request([first, ...others]).finally(() => requests.delete(sent));
      requests.add(sent);
    } else {
      report([first, ...others], { ok: false, vendorCode: 'dropped' });
    }
  }

  return {
    tell(conversion) {
      gathered.push(conversion);
      if (closed || gathered.length >= atOnce) send();
      else if (gathered.length === 1) timer = setTimeout(send, gatherMs);
    },
    close() {
      closed = true;
      send();
      return Promise.all(requests);
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
