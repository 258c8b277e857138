import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Event } from '../event.ts';

export interface Metrics {
  observe(event: Event): void;
  /** In the Prometheus text format. */
  render(): Promise<string>;
  readonly contentType: string;
}

type RpcEvent = Extract<Event, { type: 'rpc' }>;
type AttemptEvent = Extract<Event, { type: 'attempt' }>;
type ReportEvent = Extract<Event, { type: 'report' }>;

const RPC_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const STORE_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const DELIVERY_SECONDS = [1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 300, 600, 3600];
const BREAKER_STATES = { closed: 0, half_open: 0.5, open: 1 } as const;
const CHECK_RESULTS: ReadonlySet<string> = new Set(['approved', 'wrong_code', 'exhausted', 'not_found']);

/**
 * `methods` are the RPCs there are: whatever else is asked for counts as `unknown`, so that no client can make labels.
 * Every other label is a word of a closed set or a name from the configuration.
 */
export function createMetrics(methods: readonly string[]): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const known = new Set(methods);

  const rpcSeconds = new Histogram({
    name: 'countersign_rpc_seconds',
    help: 'Time to answer an RPC.',
    labelNames: ['edge', 'method', 'status'],
    buckets: RPC_SECONDS,
    registers,
  });
  const refusals = new Counter({
    name: 'countersign_refusals_total',
    help: 'RPCs answered with an error, by its reason.',
    labelNames: ['reason'],
    registers,
  });
  const checks = new Counter({
    name: 'countersign_checks_total',
    help: 'Verdicts of CheckCode.',
    labelNames: ['result'],
    registers,
  });
  const sends = new Counter({
    name: 'countersign_sends_total',
    help: 'Answers of SendCode that are not errors, and the provider that took the message.',
    labelNames: ['outcome', 'provider'],
    registers,
  });
  const storeSeconds = new Histogram({
    name: 'countersign_store_seconds',
    help: 'Time of one store operation.',
    labelNames: ['operation', 'ok'],
    buckets: STORE_SECONDS,
    registers,
  });
  const attempts = new Counter({
    name: 'countersign_provider_attempts_total',
    help: 'Tries to hand a message to a provider.',
    labelNames: ['provider', 'result', 'category', 'code'],
    registers,
  });
  const unlistedCodes = new Counter({
    name: 'countersign_provider_unlisted_codes_total',
    help: 'Failures whose code is in no table of ours; the log names the code.',
    labelNames: ['provider'],
    registers,
  });
  const breakerOpen = new Gauge({
    name: 'countersign_provider_breaker_open',
    help: '1 while a provider is left alone after failures, 0.5 while it is tried with one message.',
    labelNames: ['provider'],
    registers,
  });
  const reports = new Counter({
    name: 'countersign_delivery_reports_total',
    help: 'Delivery reports, by what they say and what became of them.',
    labelNames: ['provider', 'status', 'category', 'code', 'outcome'],
    registers,
  });
  const deliverySeconds = new Histogram({
    name: 'countersign_delivery_seconds',
    help: 'Time from a send to the report that it was delivered.',
    labelNames: ['provider'],
    buckets: DELIVERY_SECONDS,
    registers,
  });
  const callbacksRefused = new Counter({
    name: 'countersign_callbacks_refused_total',
    help: 'Calls of the callback listener that were refused.',
    labelNames: ['provider', 'why'],
    registers,
  });
  const reportFailures = new Counter({
    name: 'countersign_report_failures_total',
    help: 'Times that delivery reports could not be fetched or stored.',
    labelNames: ['provider'],
    registers,
  });
  const conversions = new Counter({
    name: 'countersign_conversions_total',
    help: 'Approvals told to a provider.',
    labelNames: ['provider', 'ok'],
    registers,
  });
  const settleFailures = new Counter({
    name: 'countersign_settle_failures_total',
    help: 'Times the store could not be told what became of a send.',
    labelNames: ['refund'],
    registers,
  });
  const faults = new Counter({
    name: 'countersign_faults_total',
    help: 'Faults of the service itself.',
    registers,
  });
  const storeLost = new Gauge({
    name: 'countersign_store_lost',
    help: '1 while the connection to the store is lost.',
    registers,
  });

  function observeRpc({ edge, status, reason, seconds, facts, ...event }: RpcEvent): void {
    const method = known.has(event.method) ? event.method : 'unknown';
    rpcSeconds.observe({ edge, method, status }, seconds);
    if (reason !== null) refusals.inc({ reason });
    if (status !== 'OK' || facts.outcome === undefined) return;
    const { outcome, provider = '' } = facts;
    if (method === 'SendCode') sends.inc({ outcome, provider });
    if (method === 'CheckCode' && CHECK_RESULTS.has(outcome)) checks.inc({ result: outcome });
  }

  function observeAttempt({ provider, result, category, vendorCode, unlistedCode }: AttemptEvent): void {
    attempts.inc({ provider, result, category, code: vendorCode });
    if (unlistedCode !== '') unlistedCodes.inc({ provider });
  }

  function observeReport({ provider, status, category, vendorCode, outcome, seconds }: ReportEvent): void {
    reports.inc({ provider, status, category, code: vendorCode, outcome });
    if (status === 'delivered' && seconds !== null) deliverySeconds.observe({ provider }, seconds);
  }

  return {
    contentType: registry.contentType,
    render: () => registry.metrics(),
    observe(event) {
      switch (event.type) {
        case 'rpc':
          return observeRpc(event);
        case 'store':
          return storeSeconds.observe({ operation: event.operation, ok: String(event.error === null) }, event.seconds);
        case 'attempt':
          return observeAttempt(event);
        case 'breaker':
          return breakerOpen.set({ provider: event.provider }, BREAKER_STATES[event.state]);
        case 'report':
          return observeReport(event);
        case 'callback_refused':
          return callbacksRefused.inc({ provider: event.provider, why: event.why });
        case 'reports_failed':
          return reportFailures.inc({ provider: event.provider });
        case 'conversion':
          return conversions.inc({ provider: event.provider, ok: String(event.ok) });
        case 'settle_failed':
          return settleFailures.inc({ refund: String(event.refund) });
        case 'fault':
          return faults.inc();
        case 'store_connection':
          return storeLost.set(event.state === 'lost' ? 1 : 0);
      }
    },
  };
}
