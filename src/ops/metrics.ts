/** Counts and times events, for Prometheus. */
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { CallClass, Event } from '../event.ts';
import { type Metric, registerMetrics } from './metric-table.ts';
import { CHECK_RESULTS, type ExpectedProvider, startAtZero } from './metric-zeros.ts';

/** Of the calls of one class. */
export interface CallsState {
  readonly underWay: number;
  readonly limit: number;
  readonly oldestMs: number;
}

export interface Metrics {
  observe(event: Event): void;
  /** The series of these providers exist from now on, at 0. */
  expect(providers: readonly ExpectedProvider[]): void;
  /** What shows its state whenever it is asked for. */
  sample(calls: () => ReadonlyMap<CallClass, CallsState>): void;
  /** In the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

type RpcEvent = Extract<Event, { type: 'rpc' }>;
type BreakerEvent = Extract<Event, { type: 'breaker' }>;
type AttemptEvent = Extract<Event, { type: 'attempt' }>;
type ReportEvent = Extract<Event, { type: 'report' }>;

const BREAKER_STATES = { closed: 0, half_open: 0.5, open: 1 } as const;
const VERDICTS: ReadonlySet<string> = new Set(CHECK_RESULTS);

/**
 * `methods` are the RPCs of the service. Every other method counts as `unknown`, so that no client can create labels.
 * Every other label is a word of a closed set or a name from the configuration.
 */
export function createMetrics(methods: readonly string[]): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const metric = registerMetrics(registry);
  startAtZero(metric, []);
  const known = new Set(methods);
  let sampled: Parameters<Metrics['sample']>[0] = () => new Map();
  return {
    expect: (providers) => startAtZero(metric, providers),
    contentType: registry.contentType,
    sample: (calls) => {
      sampled = calls;
    },
    render() {
      showCalls(metric, sampled());
      return registry.metrics();
    },
    observe(event) {
      switch (event.type) {
        case 'rpc':
          return observeRpc(metric, { ...event, method: known.has(event.method) ? event.method : 'unknown' });
        case 'store':
          return metric.storeSeconds.observe(
            { operation: event.operation, ok: String(event.error === null) },
            event.seconds,
          );
        case 'attempt':
          return observeAttempt(metric, event);
        case 'breaker':
          return observeBreaker(metric, event);
        case 'report':
          return observeReport(metric, event);
        case 'cut':
          return metric.cuts.inc({ listener: event.listener, why: event.why });
        case 'shed':
          metric.refusals.inc({ reason: event.why === 'deadline' ? 'DEADLINE' : 'OVERLOADED' });
          return metric.shed.inc({ class: event.class });
        case 'callback_refused':
          return metric.callbacksRefused.inc({ provider: event.provider, why: event.why });
        case 'reports_failed':
          return metric.reportFailures.inc({ provider: event.provider });
        case 'conversion':
          return metric.conversions.inc({ provider: event.provider, ok: String(event.ok) });
        case 'settle_failed':
          return metric.settleFailures.inc({ refund: String(event.refund) });
        case 'fault':
          return metric.faults.inc();
        case 'store_connection':
          return metric.storeLost.set(event.state === 'lost' ? 1 : 0);
      }
    },
  };
}

function showCalls(metric: Metric, calls: ReadonlyMap<CallClass, CallsState>): void {
  for (const [callClass, { underWay, limit, oldestMs }] of calls) {
    metric.underWay.set({ class: callClass }, underWay);
    metric.callLimit.set({ class: callClass }, limit);
    metric.queueSeconds.set({ class: callClass }, oldestMs / 1_000);
  }
}

/** Without a country: of all messages. */
function observeBreaker(metric: Metric, { provider, country, state }: BreakerEvent): void {
  metric.breakerOpen.set({ provider, ...(country !== '' && { country }) }, BREAKER_STATES[state]);
}

function observeRpc(metric: Metric, { edge, method, status, reason, seconds, facts }: RpcEvent): void {
  metric.rpcSeconds.observe({ edge, method, status }, seconds);
  if (reason !== null) metric.refusals.inc({ reason });
  if (status !== 'OK' || facts.outcome === undefined) return;
  const { outcome, provider = '' } = facts;
  if (method === 'SendCode') metric.sends.inc({ outcome, provider });
  if (method === 'CheckCode' && VERDICTS.has(outcome)) metric.checks.inc({ result: outcome });
}

function observeAttempt(metric: Metric, { provider, result, category, vendorCode, unlistedCode }: AttemptEvent): void {
  metric.attempts.inc({ provider, result, category, code: vendorCode });
  if (category !== '') metric.failures.inc({ provider, category });
  if (unlistedCode !== '') metric.unlistedCodes.inc({ provider });
}

function observeReport(metric: Metric, event: ReportEvent): void {
  const { provider, status, category, vendorCode, outcome, seconds } = event;
  metric.reports.inc({ provider, status, category, code: vendorCode, outcome });
  if (status === 'delivered' && seconds !== null) metric.deliverySeconds.observe({ provider }, seconds);
}
