/**
 * The series that exist at 0, before their first event. Prometheus sees no increase in a series that is born at 1, and a
 * ratio has no value while one side of it was never counted: an alert over them would miss what it is for. Every label
 * set that is bounded and that helm/countersign/alerts.yaml asks for is here; what is left out are the codes of vendors
 * and the times of calls and store operations.
 */
import type { FailureCategory } from '../domain/delivery.ts';
import type { Reason } from '../domain/refusal.ts';
import type { CallbackRefusal, CallClass } from '../event.ts';
import type { Metric } from './metric-table.ts';

/** A provider that may be sent by. */
export interface ExpectedProvider {
  readonly name: string;
  /** Whether its delivery reports come in: by the callback listener, or fetched. */
  readonly reports: boolean;
  /** Whether it is told of approvals. */
  readonly conversions: boolean;
}

export const CHECK_RESULTS = ['approved', 'wrong_code', 'exhausted', 'not_found'] as const;

const REASONS = all<Reason>({
  INVALID_FIELDS: true,
  REQUEST_ID_REUSED: true,
  MALFORMED_REQUEST: true,
  SEND_UNDER_WAY: true,
  CODE_LOST: true,
  COOLDOWN: true,
  PHONE_LIMIT: true,
  GUESS_BUDGET: true,
  NUMBER_TYPE_REFUSED: true,
  DESTINATION_REFUSED: true,
  UNAUTHENTICATED: true,
  PURPOSE_NOT_ALLOWED: true,
  VERIFICATION_NOT_FOUND: true,
  STORE_UNAVAILABLE: true,
  DELIVERY_UNAVAILABLE: true,
  PROVIDER_LIMIT: true,
  OVERLOADED: true,
  DELIVERY_MISCONFIGURED: true,
  DEADLINE: true,
  CANCELED: true,
  INTERNAL: true,
});

const CALL_CLASSES = all<CallClass>({ check: true, read: true, send: true, health: true });

const CATEGORIES = all<FailureCategory>({
  invalid_number: true,
  unreachable: true,
  blocked: true,
  rate_limited: true,
  content: true,
  template: true,
  signature: true,
  sender: true,
  permission: true,
  credentials: true,
  balance: true,
  configuration: true,
  transient: true,
  timeout: true,
  unknown: true,
});

/** `unknown_path` belongs to no provider. */
const CALLBACK_REFUSALS = all<Exclude<CallbackRefusal, 'unknown_path'>>({
  forged: true,
  malformed: true,
  too_large: true,
  method: true,
});

/** What has a value already keeps it. */
export function startAtZero(metric: Metric, providers: readonly ExpectedProvider[]): void {
  for (const reason of REASONS) metric.refusals.inc({ reason }, 0);
  for (const callClass of CALL_CLASSES) metric.shed.inc({ class: callClass }, 0);
  for (const result of CHECK_RESULTS) metric.checks.inc({ result }, 0);
  for (const outcome of ['replayed', 'test']) metric.sends.inc({ outcome, provider: '' }, 0);
  for (const refund of ['true', 'false']) metric.settleFailures.inc({ refund }, 0);
  for (const provider of providers) startProvider(metric, provider);
}

function startProvider(metric: Metric, { name: provider, reports, conversions }: ExpectedProvider): void {
  for (const outcome of ['sent', 'maybe_sent']) metric.sends.inc({ outcome, provider }, 0);
  metric.attempts.inc({ provider, result: 'accepted', category: '', code: '' }, 0);
  for (const category of CATEGORIES) metric.failures.inc({ provider, category }, 0);
  metric.unlistedCodes.inc({ provider }, 0);
  metric.breakerOpen.inc({ provider }, 0);
  metric.reportFailures.inc({ provider }, 0);
  if (conversions) for (const ok of ['true', 'false']) metric.conversions.inc({ provider, ok }, 0);
  if (!reports) return;
  for (const outcome of ['applied', 'superseded']) {
    metric.reports.inc({ provider, status: 'delivered', category: '', code: '', outcome }, 0);
  }
  metric.deliverySeconds.zero({ provider });
  for (const why of CALLBACK_REFUSALS) metric.callbacksRefused.inc({ provider, why }, 0);
}

/** All words of a closed set: the compiler names those that are missing. */
function all<Word extends string>(words: Readonly<Record<Word, true>>): Word[] {
  return Object.keys(words) as Word[];
}
