/** What became of a message, for an operator who sees these codes for the first time. */
import type { Event } from '../event.ts';
import type { Dispatched } from '../sms/dispatch.ts';
import { explainFault } from '../sms/faults.ts';
import type { Actor, Provider } from '../sms/provider.ts';

/** The last line: what became of the message. */
export function describeOutcome(outcome: Dispatched): string {
  if (outcome.kind === 'not_sent') {
    const wait = WAITING.has(outcome.status) ? `, to try again in ${Math.ceil(outcome.retryAfterMs / 1000)} s` : '';
    return `NOT SENT: SendCode would answer ${outcome.status}${wait}`;
  }
  const { provider, messageId, status, attempts } = outcome.delivery;
  if (status !== 'accepted') return `MAYBE SENT by ${provider}: look at the phone`;
  const twice = attempts.some(({ result }) => result === 'unknown') ? '; two SMS may come' : '';
  return `ACCEPTED by ${provider} as ${messageId}: whether it arrives, the phone and ${provider}’s log will show${twice}`;
}

/** Statuses that tell callers to come again. */
const WAITING: ReadonlySet<string> = new Set(['UNAVAILABLE', 'RESOURCE_EXHAUSTED']);

type Attempt = Extract<Event, { type: 'attempt' }>;

const RESULTS: Readonly<Record<Attempt['result'], string>> = {
  accepted: 'accepted',
  rejected: 'refused this number or text; no other provider is asked',
  unavailable: 'surely did not send',
  unknown: 'maybe sent',
};
const ACTORS: Readonly<Record<Actor, string>> = {
  user: 'The person with the phone has to act.',
  caller: 'The calling application has to act.',
  operator: 'The operator has to act.',
  nobody: 'It passes by itself.',
};

/** What one provider did, why, and who has to act; `explain` is the provider's own. */
export function describeAttempt(attempt: Attempt, explain: Provider['explain']): string[] {
  const { provider, result, category, vendorCode, unlistedCode, vendorRequestId, actor, seconds } = attempt;
  const lines = [`${provider}: ${RESULTS[result]}, after ${Math.round(seconds * 1000)} ms`];
  if (category !== '') {
    const code = vendorCode === 'unlisted' ? unlistedCode : `${vendorCode} ${unlistedCode}`.trim();
    lines.push(`  why: ${category.replaceAll('_', ' ')}, code ${code}`);
    const explained = explainFault(vendorCode) || (explain?.(unlistedCode || vendorCode) ?? '');
    lines.push(`  ${explained}${explained && ' '}${ACTORS[actor]}`);
  }
  if (vendorRequestId !== '') lines.push(`  ${provider}’s id of the request: ${vendorRequestId}`);
  return lines;
}
