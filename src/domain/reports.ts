/**
 * How delivery reports change a delivery. They come early, twice, late and in any order, from every provider that was
 * tried. src/store/lua/lib/reports.lua is the same in Lua, and the model test compares the two.
 */
import type { Delivery, FailureCategory, ReportedStatus } from './delivery.ts';

/**
 * How many reports wait for their messages to be linked in each of 4,096 buckets; beyond it the oldest is forgotten. A
 * message is linked within seconds, so that only a flood reaches it: what a flood leaves in the store is limited.
 */
export const WAITING_REPORTS = 8;
/** Of a vendor's code, while its report waits. */
export const WAITING_CODE_CHARACTERS = 64;

/** A delivery report whose SMS is known. */
export interface MessageReport {
  readonly provider: string;
  /** Empty when the vendor does not name it. */
  readonly messageId: string;
  readonly status: ReportedStatus;
  /** Empty unless failed. */
  readonly category: FailureCategory | '';
  /** When it came, on the store's clock. */
  readonly at: number;
}

/**
 * The delivery after one report; the same object when the report changes nothing. `delivered` from any provider that
 * was tried is final. `failed` counts only from the provider that has the message: an earlier provider may fail without
 * harm. `accepted` ends the doubt of `unknown`: the provider that reports it has the message.
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

/** The reports that wait for their send to be settled, with one more: each status is kept once per provider. */
export function withEarly(early: readonly MessageReport[], report: MessageReport): readonly MessageReport[] {
  const known = early.some(({ provider, status }) => provider === report.provider && status === report.status);
  return known ? early : [...early, report];
}

/** The delivery of a send that seemed not sent, when a report says that it was delivered; null otherwise. */
export function deliveredAfterAll(early: readonly MessageReport[]): Delivery | null {
  const report = early.find(({ status }) => status === 'delivered');
  if (!report) return null;
  const { provider, messageId, status, at } = report;
  return { provider, messageId, status, attempts: [], reportedAt: at };
}
