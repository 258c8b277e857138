/**
 * A delivery as it is stored: a JSON array, half as long as the object that callers are shown. An attempt is one string,
 * `<provider> <latency in ms>`, followed by `<result> <category>` unless it was accepted. lua/lib/reports.lua reads it, too.
 */
import type { AttemptResult, Delivery, DeliveryAttempt, DeliveryStatus, FailureCategory } from '../domain/delivery.ts';

type Stored = [
  status: DeliveryStatus,
  provider: string,
  messageId: string,
  failure: FailureCategory | '',
  reportedAt: number,
  ...attempts: string[],
];

export function deliveryText(delivery: Delivery): string {
  const { status, provider, messageId, failure = '', reportedAt = 0, attempts } = delivery;
  const stored: Stored = [status, provider, messageId, failure, reportedAt, ...attempts.map(attemptText)];
  return JSON.stringify(stored);
}

export function deliveryOf(text: string): Delivery {
  const [status, provider, messageId, failure, reportedAt, ...attempts]: Stored = JSON.parse(text);
  return {
    provider,
    messageId,
    status,
    attempts: attempts.map(attemptOf),
    ...(failure !== '' && { failure }),
    ...(reportedAt !== 0 && { reportedAt }),
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
