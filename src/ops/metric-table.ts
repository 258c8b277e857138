/** Every metric of the service, as data. docs/operations.md lists them, too, and a test compares the two. */
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const RPC_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const STORE_SECONDS = [0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1];
const DELIVERY_SECONDS = [1, 2, 3, 5, 8, 13, 21, 34, 60, 120, 300, 600, 3600];

const COUNTERS = {
  refusals: {
    name: 'countersign_refusals_total',
    help: 'RPCs answered with an error, by its reason.',
    labelNames: ['reason'],
  },
  checks: {
    name: 'countersign_checks_total',
    help: 'Verdicts of CheckCode.',
    labelNames: ['result'],
  },
  sends: {
    name: 'countersign_sends_total',
    help: 'Answers of SendCode that are not errors, and the provider that took the message.',
    labelNames: ['outcome', 'provider'],
  },
  attempts: {
    name: 'countersign_provider_attempts_total',
    help: 'Tries to hand a message to a provider.',
    labelNames: ['provider', 'result', 'category', 'code'],
  },
  failures: {
    name: 'countersign_provider_failures_total',
    help: 'Tries that a provider did not take, or maybe took, by the category of the failure.',
    labelNames: ['provider', 'category'],
  },
  unlistedCodes: {
    name: 'countersign_provider_unlisted_codes_total',
    help: 'Failures whose code is in no table of ours; the log names the code.',
    labelNames: ['provider'],
  },
  reports: {
    name: 'countersign_delivery_reports_total',
    help: 'Delivery reports, by what they say and what became of them.',
    labelNames: ['provider', 'status', 'category', 'code', 'outcome'],
  },
  cuts: {
    name: 'countersign_cuts_total',
    help: 'Connections and gRPC streams that were ended because they passed a bound.',
    labelNames: ['listener', 'why'],
  },
  shed: {
    name: 'countersign_shed_total',
    help: 'Calls refused before their message was read, so that others are answered in time.',
    labelNames: ['class'],
  },
  callbacksRefused: {
    name: 'countersign_callbacks_refused_total',
    help: 'Calls of the callback listener that were refused.',
    labelNames: ['provider', 'why'],
  },
  reportFailures: {
    name: 'countersign_report_failures_total',
    help: 'Times that delivery reports could not be fetched or stored.',
    labelNames: ['provider'],
  },
  conversions: {
    name: 'countersign_conversions_total',
    help: 'Approvals told to a provider.',
    labelNames: ['provider', 'ok'],
  },
  settleFailures: {
    name: 'countersign_settle_failures_total',
    help: 'Times the store could not be told what became of a send.',
    labelNames: ['refund'],
  },
  faults: {
    name: 'countersign_faults_total',
    help: 'Faults of the service itself.',
    labelNames: [],
  },
} as const;

const GAUGES = {
  breakerOpen: {
    name: 'countersign_provider_breaker_open',
    help: '1 while a provider is left alone after failures, 0.5 while it is tried with one message.',
    labelNames: ['provider', 'country'],
  },
  underWay: {
    name: 'countersign_calls_under_way',
    help: 'Calls that were begun and are not answered.',
    labelNames: ['class'],
  },
  callLimit: {
    name: 'countersign_call_limit',
    help: 'How many calls may be under way; it follows the event loop.',
    labelNames: ['class'],
  },
  queueSeconds: {
    name: 'countersign_queue_seconds',
    help: 'How long the oldest call has waited to be begun.',
    labelNames: ['class'],
  },
  storeLost: {
    name: 'countersign_store_lost',
    help: '1 while the connection to the store is lost.',
    labelNames: [],
  },
} as const;

const HISTOGRAMS = {
  rpcSeconds: {
    name: 'countersign_rpc_seconds',
    help: 'Time to answer an RPC.',
    labelNames: ['edge', 'method', 'status'],
    buckets: RPC_SECONDS,
  },
  storeSeconds: {
    name: 'countersign_store_seconds',
    help: 'Time of one store operation.',
    labelNames: ['operation', 'ok'],
    buckets: STORE_SECONDS,
  },
  deliverySeconds: {
    name: 'countersign_delivery_seconds',
    help: 'Time from a send to the report that it was delivered.',
    labelNames: ['provider'],
    buckets: DELIVERY_SECONDS,
  },
} as const;

type Instruments<Table extends Readonly<Record<string, { readonly labelNames: readonly string[] }>>, Kind> = {
  readonly [Name in keyof Table]: Kind extends 'counter'
    ? Counter<Table[Name]['labelNames'][number]>
    : Kind extends 'gauge'
      ? Gauge<Table[Name]['labelNames'][number]>
      : Histogram<Table[Name]['labelNames'][number]>;
};

export type Metric = Instruments<typeof COUNTERS, 'counter'> &
  Instruments<typeof GAUGES, 'gauge'> &
  Instruments<typeof HISTOGRAMS, 'histogram'>;

export function registerMetrics(registry: Registry): Metric {
  const registers = [registry];
  const rows = [
    ...Object.entries(COUNTERS).map(([key, row]) => [key, new Counter({ ...row, registers })] as const),
    ...Object.entries(GAUGES).map(([key, row]) => [key, new Gauge({ ...row, registers })] as const),
    ...Object.entries(HISTOGRAMS).map(
      ([key, row]) => [key, new Histogram({ ...row, buckets: [...row.buckets], registers })] as const,
    ),
  ];
  return Object.fromEntries(rows) as unknown as Metric;
}
