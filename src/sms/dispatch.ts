/**
 * Tries the hops of a route in order until one takes the message. A refusal of the number stops, an outage goes on, and
 * after an unknown outcome at most one more provider is tried, with the same code: two SMS for one SendCode at the most.
 */
import { MIN_PROVIDER_MS } from '../domain/deadlines.ts';
import type { Delivery, DeliveryAttempt } from '../domain/delivery.ts';
import type { Hop, Routing } from '../domain/routing.ts';
import type { Emit } from '../event.ts';
import { type Guarded, TURNED_AWAY } from './guard.ts';
import { lastWord, NO_ROUTE } from './outcome.ts';
import type { Failure, FailureStatus, Message } from './provider.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';
import { sleep as pause, type Sleep } from './sleep.ts';

export type Dispatch = (message: Outgoing, bounds: DispatchBounds) => Promise<Dispatched>;

/** What a route decides, the sender, is not known yet; `region` is what it decides by. */
export type Outgoing = Omit<Message, 'sender'> & { readonly region: string };

export interface DispatchBounds {
  /** For all providers together. Once a provider was called, its outcome is waited for until then. */
  readonly deadlineMs: number;
  /** The caller gave up: no further provider is called. */
  readonly canceled: AbortSignal;
}

export type Dispatched =
  /** Accepted, or maybe sent: `delivery.status` says which. */
  | { readonly kind: 'sent'; readonly delivery: Delivery }
  /** Surely nothing was sent. `canceled`: the caller gave up. */
  | {
      readonly kind: 'not_sent';
      readonly status: FailureStatus;
      readonly retryAfterMs: number;
      readonly canceled: boolean;
    };

export interface DispatchOptions {
  readonly providers: ReadonlyMap<string, Guarded>;
  readonly route: Routing;
  readonly emit: Emit;
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
  readonly sleep?: Sleep;
  /** From 0 to below 1: spreads retries. */
  readonly random?: () => number;
  /** One per provider. */
  readonly retryBudget?: () => RetryBudget;
}

interface Failed {
  readonly hop: Hop;
  readonly failure: Failure;
}

/** What there is to tell of an attempt. */
type Told = Omit<Failure, 'kind' | 'category'> & { readonly category: DeliveryAttempt['category'] };

interface Bounds {
  /** On the clock. */
  readonly until: number;
  readonly expired: AbortSignal;
  readonly canceled: AbortSignal;
}

const RETRY_SAME_AFTER_MS = 1_000;
/** Added to a wait at random, as a part of it. */
const JITTER = 0.5;
const NO_SUCH_PROVIDER: Failure = {
  kind: 'unavailable',
  category: 'configuration',
  vendorCode: 'no_such_provider',
  status: 'INTERNAL',
  actor: 'operator',
};

export function createDispatch(options: DispatchOptions): Dispatch {
  const {
    providers,
    route,
    emit,
    clock,
    sleep = pause,
    random = Math.random,
    retryBudget = createRetryBudget,
  } = options;
  const budgets = new Map([...providers.keys()].map((name) => [name, retryBudget()]));

  async function attempt({ provider, sender }: Hop, { region: _, ...message }: Outgoing, signal: AbortSignal) {
    const start = clock();
    const result = (await providers.get(provider)?.send({ ...message, sender }, signal)) ?? NO_SUCH_PROVIDER;
    // It is stored and shown: nobody needs more than tenths.
    const latencyMs = Math.round((clock() - start) * 10) / 10;
    const told: Told = result.kind === 'accepted' ? { category: '', vendorCode: '' } : result;
    const { category, vendorCode, actor = 'nobody', requestId: vendorRequestId = '', unlistedCode = '' } = told;
    const made: DeliveryAttempt = { provider, result: result.kind, category, latencyMs };
    const outcome = { result: result.kind, category, vendorCode, actor, vendorRequestId, unlistedCode };
    emit({ type: 'attempt', provider, ...outcome, seconds: latencyMs / 1000 });
    return { result, made };
  }

  /** The hops of a route, then once more the one that invites it, when there is time and budget left. */
  async function* walk(hops: readonly Hop[], failed: readonly Failed[], { until, canceled }: Bounds) {
    for (const hop of hops) {
      budgets.get(hop.provider)?.called();
      yield hop;
    }
    if (failed.some(({ failure }) => failure.kind !== 'unavailable')) return;
    const [again] = failed.filter(({ failure }) => failure.retrySame === true).sort((a, b) => waitOf(a) - waitOf(b));
    if (again === undefined || canceled.aborted) return;
    const waitMs = waitOf(again) * (1 + JITTER * random());
    if (clock() + waitMs + MIN_PROVIDER_MS > until || budgets.get(again.hop.provider)?.spend() !== true) return;
    await sleep(waitMs, canceled);
    yield again.hop;
  }

  async function run(message: Outgoing, bounds: Bounds): Promise<Dispatched> {
    const hops = route({ e164: message.to, region: message.region });
    const attempts: DeliveryAttempt[] = [];
    const failed: Failed[] = [];
    let maybe = '';

    for await (const hop of walk(hops, failed, bounds)) {
      if (hop.provider === maybe) continue;
      if (bounds.canceled.aborted || bounds.expired.aborted || clock() + MIN_PROVIDER_MS > bounds.until) break;
      const { result, made } = await attempt(hop, message, bounds.expired);
      attempts.push(made);
      if (result.kind === 'accepted') {
        const { messageId } = result;
        return { kind: 'sent', delivery: { provider: hop.provider, messageId, status: 'accepted', attempts } };
      }
      failed.push({ hop, failure: result });
      if (result.kind === 'rejected' || (maybe !== '' && !TURNED_AWAY.has(result.vendorCode))) break;
      if (result.kind === 'unknown') maybe = hop.provider;
    }
    if (maybe !== '') {
      return { kind: 'sent', delivery: { provider: maybe, messageId: '', status: 'unknown', attempts } };
    }
    const answer = hops.length === 0 ? NO_ROUTE : lastWord(failed.map(({ failure }) => failure));
    return { kind: 'not_sent', ...answer, canceled: bounds.canceled.aborted };
  }

  return async (message, { deadlineMs, canceled }) => {
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), deadlineMs);
    try {
      return await run(message, { until: clock() + deadlineMs, canceled, expired: deadline.signal });
    } finally {
      clearTimeout(timer);
    }
  };
}

function waitOf({ failure }: Failed): number {
  return failure.retryAfterMs ?? RETRY_SAME_AFTER_MS;
}
