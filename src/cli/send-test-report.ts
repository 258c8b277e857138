/** What became of a message, for an operator who sees these codes for the first time. */
import type { Event } from '../event.ts';
import type { Dispatched } from '../sms/dispatch.ts';
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
    const fault = explainFault(vendorCode);
    // Vendors' explanations say themselves who has to act.
    const explained = fault === '' ? (explain?.(unlistedCode || vendorCode) ?? '') : `${fault} ${ACTORS[actor]}`;
    lines.push(`  ${explained || ACTORS[actor]}`);
  }
  if (vendorRequestId !== '') lines.push(`  ${provider}’s id of the request: ${vendorRequestId}`);
  return lines;
}

/** Words of ours, where a provider gave no code. */
const FAULTS: Readonly<Record<string, string>> = {
  refused: 'Nothing takes connections there: is the address right, and may this machine go there?',
  dns: 'The name of its host leads nowhere: is the address right, and does DNS work on this machine?',
  tls: 'This machine does not trust its certificate.',
  unreachable: 'There is no way to it from this machine.',
  no_connection: 'No connection to it came about.',
  timeout: 'It did not answer in time.',
  reset: 'It broke the connection before it answered.',
  network: 'The connection failed before it answered.',
  connection_lost: 'The connection broke before it answered.',
  redirected: 'It answers with a redirect, which is not followed: is the address right?',
  not_json: 'What answered is not the provider: is a proxy in between?',
  malformed: 'What answered is not the provider as it is documented: is a proxy in between?',
  bad_response: 'The answer is not one of docs/webhook.md.',
  no_message_id: 'It took the message without saying under which id.',
  sender: 'There is no sender: neither the route names one nor the settings of the provider.',
};

/** Empty for what is no word of ours. */
function explainFault(vendorCode: string): string {
  if (Object.hasOwn(FAULTS, vendorCode)) return FAULTS[vendorCode] ?? '';
  const [, status] = /^http_(\d{3})$/.exec(vendorCode) ?? [];
  return status === undefined ? '' : `It answered with HTTP status ${status} and no code that is known.`;
}
