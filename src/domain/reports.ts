/**
 * What delivery reports make of a delivery: they come early, twice, late and in any order, of every provider that was
 * tried. src/store/lua/lib/reports.lua is the same in Lua, and the model test holds the two against each other.
 */
import type { Delivery, FailureCategory, ReportedStatus } from './delivery.ts';

/** How many reports wait for one message of a vendor to be linked; beyond it the oldest is forgotten. */
export const WAITING_REPORTS = 10;

/** A report of one SMS, once it is known of which. */
export interface MessageReport {
  readonly provider: string;
  /** Empty when it is not told. */
  readonly messageId: string;
  readonly status: ReportedStatus;
  /** Empty unless failed. */
  readonly category: FailureCategory | '';
  /** When it came, on the store's clock. */
  readonly at: number;
}

/**
 * The delivery after one report; the same object when the report changes nothing.
 * `delivered` by whoever was tried is the last word. `failed` is one only by the provider that the message is with: an
 * attempt before may fail without harm. `accepted` settles a doubt, and puts the message with the provider that says it.
 */
export function afterReport(delivery: Delivery, report: MessageReport): Delivery {
  const { provider, status } = report;
  const named = delivery.provider === provider;
  const tried = named || delivery.attempts.some((attempt) => attempt.provider === provider);
  const changes = {
    delivered: tried && delivery.status !== 'delivered',
    failed: named && delivery.status !== 'delivered' && delivery.status !== 'failed',
    accepted: tried && delivery.status === 'unknown',
  };
  if (!changes[status]) return delivery;
  return {
    provider,
    messageId: report.messageId || (named ? delivery.messageId : ''),
    status,
    attempts: delivery.attempts,
    ...(status === 'failed' && { failure: report.category || 'unknown' }),
    reportedAt: report.at,
  };
}

/** The reports that wait for their send to be settled, one more among them: each provider says each word once. */
export function withEarly(early: readonly MessageReport[], report: MessageReport): readonly MessageReport[] {
  const said = early.some(({ provider, status }) => provider === report.provider && status === report.status);
  return said ? early : [...early, report];
}

/** What a send was after all when it seemed that nothing was sent, yet it was delivered; null when it was not. */
export function deliveredAfterAll(early: readonly MessageReport[]): Delivery | null {
  const report = early.find(({ status }) => status === 'delivered');
  if (!report) return null;
  const { provider, messageId, status, at } = report;
  return { provider, messageId, status, attempts: [], reportedAt: at };
}
