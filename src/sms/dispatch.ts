/**
 * Tries the hops of a route in order until one takes the message. After a refusal of the number no other is tried,
 * after an outage the next one is. After an unknown outcome the others are tried with the same code, until one takes
 * the message or maybe did: one SendCode causes two SMS at most.
 */
import { MIN_PROVIDER_MS } from '../domain/deadlines.ts';
import type { Delivery, DeliveryAttempt } from '../domain/delivery.ts';
import type { Hop, Routing } from '../domain/routing.ts';
import type { Emit } from '../event.ts';
import type { Guarded } from './guard.ts';
import { NO_ROUTE, statusOf } from './outcome.ts';
import type { Failure, FailureStatus, Message } from './provider.ts';
import { createRetryBudget, type RetryBudget } from './retry-budget.ts';
import { sleep as pause, type Sleep } from './sleep.ts';

export type Dispatch = (message: Outgoing, bounds: DispatchBounds) => Promise<Dispatched>;

/** A message before its route is chosen, which decides the sender. */
export interface Outgoing extends Omit<Message, 'sender'> {
  /** For the log. */
  readonly verificationId: string;
}

export interface DispatchBounds {
  /** For all providers together. A provider that was called may take until then, even when the caller gave up. */
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

/** What surely no SendCode to this phone would get past now; null when a provider would be called. */
export type Availability = (phone: { readonly e164: string; readonly region: string }) => {
  readonly status: FailureStatus;
  readonly retryAfterMs: number;
} | null;

export interface DispatchOptions {
  readonly providers: ReadonlyMap<string, Pick<Guarded, 'send'>>;
  readonly route: Routing;
  readonly emit: Emit;
  /** Monotonic, in milliseconds. */
  readonly clock: () => number;
  readonly sleep?: Sleep;
  /** From 0 to below 1: spreads retries. */
  readonly random?: () => number;
  /** Called once for each provider. */
  readonly retryBudget?: () => RetryBudget;
}

interface Failed {
  readonly hop: Hop;
  readonly failure: Failure;
}

interface Bounds {
  /** On the clock. */
  readonly until: number;
  readonly expired: AbortSignal;
  readonly canceled: AbortSignal;
}

const RETRY_SAME_AFTER_MS = 1_000;
/** The random part that is added to a wait, at most. */
const JITTER = 0.5;
export const NO_SUCH_PROVIDER: Failure = {
  kind: 'unavailable',
  category: 'configuration',
  vendorCode: 'no_such_provider',
  status: 'INTERNAL',
  actor: 'operator',
};

export function createDispatch(options: DispatchOptions): Dispatch {
  const { route, clock, retryBudget = createRetryBudget } = options;
  const budgets = new Map([...options.providers.keys()].map((name) => [name, retryBudget()]));

  async function run(message: Outgoing, bounds: Bounds): Promise<Dispatched> {
    const hops = route({ e164: message.to, region: message.region });
    const attempts: DeliveryAttempt[] = [];
    const failed: Failed[] = [];
    let maybe = '';

    for await (const hop of hopsInTurn(hops, failed, { ...options, budgets, bounds })) {
      if (hop.provider === maybe) continue;
      if (bounds.canceled.aborted || bounds.expired.aborted || clock() + MIN_PROVIDER_MS > bounds.until) break;
      const { result, made } = await attempt(hop, { message, options, signal: bounds.expired });
      attempts.push(made);
      if (result.kind === 'accepted') {
        const { messageId } = result;
        return { kind: 'sent', delivery: { provider: hop.provider, messageId, status: 'accepted', attempts } };
      }
      failed.push({ hop, failure: result });
      if (result.kind === 'rejected' || (result.kind === 'unknown' && maybe !== '')) break;
      if (result.kind === 'unknown') maybe = hop.provider;
    }
    if (maybe !== '') {
      return { kind: 'sent', delivery: { provider: maybe, messageId: '', status: 'unknown', attempts } };
    }
    const refusal = hops.length === 0 ? NO_ROUTE : statusOf(failed.map(({ failure }) => failure));
    return { kind: 'not_sent', ...refusal, canceled: bounds.canceled.aborted };
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

interface AttemptParts {
  readonly message: Outgoing;
  readonly options: Pick<DispatchOptions, 'providers' | 'emit' | 'clock'>;
  readonly signal: AbortSignal;
}

async function attempt({ provider, sender }: Hop, { message, options, signal }: AttemptParts) {
  const { providers, emit, clock } = options;
  const { verificationId, ...rest } = message;
  const start = clock();
  const result = (await providers.get(provider)?.send({ ...rest, sender }, signal)) ?? NO_SUCH_PROVIDER;
  // Tenths are enough for what is stored and shown.
  const latencyMs = Math.round((clock() - start) * 10) / 10;
  const facts = result.kind === 'accepted' ? NO_FAILURE : result;
  const { category, vendorCode, actor = 'nobody', requestId: vendorRequestId = '', unlistedCode = '' } = facts;
  const made: DeliveryAttempt = { provider, result: result.kind, category, latencyMs };
  const shown = { result: result.kind, category, vendorCode, actor, vendorRequestId, unlistedCode };
  const about = { provider, verificationId, country: rest.region };
  emit({ type: 'attempt', ...about, ...shown, seconds: latencyMs / 1000 });
  return { result, made };
}

const NO_FAILURE: Omit<Failure, 'kind' | 'category'> & { readonly category: '' } = { category: '', vendorCode: '' };

interface TurnParts extends Pick<DispatchOptions, 'clock' | 'sleep' | 'random'> {
  readonly budgets: ReadonlyMap<string, RetryBudget>;
  readonly bounds: Bounds;
}

/** All hops of a route; then a failed one that invites another try, when time and its budget allow that. */
async function* hopsInTurn(hops: readonly Hop[], failed: readonly Failed[], parts: TurnParts) {
  const { clock, sleep = pause, random = Math.random, budgets, bounds } = parts;
  for (const hop of hops) {
    budgets.get(hop.provider)?.called();
    yield hop;
  }
  if (failed.some(({ failure }) => failure.kind !== 'unavailable')) return;
  const [again] = failed.filter(({ failure }) => failure.retrySame === true).sort((a, b) => waitOf(a) - waitOf(b));
  if (again === undefined || bounds.canceled.aborted) return;
  const waitMs = waitOf(again) * (1 + JITTER * random());
  if (clock() + waitMs + MIN_PROVIDER_MS > bounds.until) return;
  if (budgets.get(again.hop.provider)?.spend() !== true) return;
  await sleep(waitMs, bounds.canceled);
  yield again.hop;
}

function waitOf({ failure }: Failed): number {
  return failure.retryAfterMs ?? RETRY_SAME_AFTER_MS;
}
