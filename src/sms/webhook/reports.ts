/** Delivery reports that a gateway posts, signed like the messages it gets (docs/webhook.md). */
import type { KeyObject } from 'node:crypto';
import type { DeliveryReport, ReportedStatus } from '../../domain/delivery.ts';
import type { ReportReading, ReportRequest } from '../provider.ts';
import { categoryIn, messageIdIn, objectIn } from './failures.ts';
import { isSigned } from './signature.ts';

const MAX_REPORTS = 100;
const STATUSES: readonly string[] = ['accepted', 'delivered', 'failed'] satisfies ReportedStatus[];
const TOKEN = /^[A-Za-z0-9_-]{1,200}$/;

/** Takes all reports or none: a gateway that writes one wrongly learns that, and no report is lost silently. */
export function readReports(key: KeyObject, request: ReportRequest): ReportReading {
  if (!isSigned(key, request)) return { kind: 'forged' };
  const items = objectIn(request.body.toString())?.reports;
  if (!Array.isArray(items) || items.length > MAX_REPORTS) return { kind: 'malformed' };
  const reports = items.map(reportOf);
  if (reports.some((report) => report === null)) return { kind: 'malformed' };
  return { kind: 'reports', reports: reports.filter((report) => report !== null), answer: { status: 204, body: '' } };
}

function reportOf(value: unknown): DeliveryReport | null {
  if (typeof value !== 'object' || value === null) return null;
  const item: Readonly<Record<string, unknown>> = { ...value };
  const { report_token: token, message_id: messageId, status, error_code: code } = item;
  if (token !== undefined && !(typeof token === 'string' && TOKEN.test(token))) return null;
  if (messageId !== undefined && messageIdIn(messageId) === null) return null;
  if (token === undefined && messageId === undefined) return null;
  if (typeof status !== 'string' || !STATUSES.includes(status)) return null;
  const failed = status === 'failed';
  return {
    token: token ?? '',
    messageId: messageIdIn(messageId) ?? '',
    status: status as ReportedStatus,
    category: failed ? (categoryIn(item) ?? 'unknown') : '',
    vendorCode: failed && code !== undefined ? 'other' : '',
  };
}
