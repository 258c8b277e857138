/**
 * A delivery as it is stored: a JSON array, half as long as the object that callers are shown. Its strings have words: the
 * first one `<status>`, followed by `<time of the report> <failure>` once there is one, where the failure may be empty; an
 * attempt `<provider> <latency in ms>`, followed by `<result> <category>` unless it was accepted. lua/lib/reports.lua reads
 * and writes it, too.
 */
import type { AttemptResult, Delivery, DeliveryAttempt, DeliveryStatus, FailureCategory } from '../domain/delivery.ts';

type Stored = [status: string, provider: string, messageId: string, ...attempts: string[]];

export function deliveryText(delivery: Delivery): string {
  const { status, provider, messageId, failure = '', reportedAt, attempts } = delivery;
  const words = reportedAt === undefined ? status : `${status} ${reportedAt} ${failure}`;
  const stored: Stored = [words, provider, messageId, ...attempts.map(attemptText)];
  return JSON.stringify(stored);
}

export function deliveryOf(text: string): Delivery {
  const [words, provider, messageId, ...attempts]: Stored = JSON.parse(text);
  const [status, reportedAt, failure = ''] = words.split(' ');
  return {
    provider,
    messageId,
    status: status as DeliveryStatus,
    attempts: attempts.map(attemptOf),
    ...(failure !== '' && { failure: failure as FailureCategory }),
    ...(reportedAt !== undefined && { reportedAt: Number(reportedAt) }),
  };
}

function attemptText({ provider, latencyMs, result, category }: DeliveryAttempt): string {
  const text = `${provider} ${latencyMs}`;
  return result === 'accepted' ? text : `${text} ${result} ${category}`;
}

function attemptOf(text: string): DeliveryAttempt {
  const [provider = '', latencyMs, result = 'accepted', category = ''] = text.split(' ');
  return {
    provider,
    result: result as AttemptResult,
    category: category as FailureCategory | '',
    latencyMs: Number(latencyMs),
  };
}
