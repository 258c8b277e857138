/**
 * The fault matrix as data: what a vendor does, and whether that leaves a message sent, by the evidence that the vendors'
 * documents and their SDKs give ("Sent or not?"). Refused connections, unknown names, a 429 and a 4xx with a code prove that
 * nothing was sent. Time-outs, resets, 5xx and answers that make no sense prove nothing.
 */
import type { VendorName as ProviderName } from '../../src/sms/vendors.ts';
import type { TencentAnswer } from '../support/tencent-fake.ts';
import { created201, twilioError } from '../support/twilio-fake.ts';
import { verification201, verifyError } from '../support/twilio-verify-fake.ts';
import { type Behaviour, json } from '../support/vendor-server.ts';

export interface Row {
  readonly vendor: ProviderName;
  readonly fault: string;
  readonly misbehaviour: Misbehaviour;
  readonly verdict: Verdict;
  /** Whether the vendor reads the message at all. */
  readonly read: boolean;
  /** Of a SendCode that has no other provider. */
  readonly refusal: Refusal | null;
  /** It says no last word: the provider's time-out has to end it. */
  readonly silent: boolean;
}

export type Misbehaviour =
  | Behaviour
  /** Nobody listens at its address. */
  | { readonly do: 'refuse' }
  /** Its name leads nowhere. */
  | { readonly do: 'no_name' }
  /** What only Tencent does, as its fake does it. */
  | { readonly do: 'as_tencent'; readonly answer: TencentAnswer }
  /** The answer of Verify to the request before the one that sends. */
  | { readonly do: 'cancel'; readonly answer: Behaviour };

export type Verdict =
  /** Another provider may; else all is given back. */
  | 'not_sent'
  /** Nobody can reach this number: all is given back. */
  | 'final'
  /** Charged, and the code is valid. */
  | 'maybe'
  /**
   * A reset at once can overtake the end of the handshake: then no connection came about and nothing was written, else it did
   * and something maybe was. Which it is, is a matter of microseconds; both are right, and the rest must fit.
   */
  | 'not_sent or maybe';

export interface Refusal {
  readonly status: string;
  readonly reason: string;
  /** What RetryInfo says, when the vendor said it. */
  readonly retryDelay?: string;
}

const AWAY: Refusal = { status: 'UNAVAILABLE', reason: 'DELIVERY_UNAVAILABLE' };
const MISCONFIGURED: Refusal = { status: 'INTERNAL', reason: 'DELIVERY_MISCONFIGURED' };
const NOT_THERE: Refusal = { status: 'FAILED_PRECONDITION', reason: 'DESTINATION_REFUSED' };
const NUMBER_LIMIT = (retryDelay: string): Refusal => {
  return { status: 'RESOURCE_EXHAUSTED', reason: 'PROVIDER_LIMIT', retryDelay };
};
const NO_SUCH_NUMBER: Refusal = { status: 'INVALID_ARGUMENT', reason: 'INVALID_FIELDS' };

type Outcome = Pick<Row, 'misbehaviour' | 'verdict' | 'read' | 'refusal'>;

function notSent(misbehaviour: Misbehaviour, refusal: Refusal): Outcome {
  return { misbehaviour, verdict: 'not_sent', read: !NEVER_READ.has(misbehaviour.do), refusal };
}
const NEVER_READ: ReadonlySet<string> = new Set(['refuse', 'no_name', 'reset_before', 'cancel']);
const final = (misbehaviour: Misbehaviour, refusal: Refusal): Outcome => {
  return { misbehaviour, verdict: 'final', read: true, refusal };
};
const maybe = (misbehaviour: Misbehaviour): Outcome => {
  return { misbehaviour, verdict: 'maybe', read: true, refusal: null };
};
const EITHER: Outcome = {
  misbehaviour: { do: 'reset_before' },
  verdict: 'not_sent or maybe',
  read: false,
  refusal: AWAY,
};

/** An answer of some proxy. */
export const html = (status: number): Behaviour => {
  const headers = { 'content-type': 'text/html', 'retry-after': '7' };
  return { do: 'answer', status, headers, body: '<html>vendor text</html>' };
};
const OTHERWHERE: Behaviour = { do: 'answer', status: 307, headers: { location: '/elsewhere' } };
const RETRY_AFTER = { 'retry-after': '7' };
const TOLD_TO_WAIT: Refusal = { ...AWAY, retryDelay: '7s' };
const SID = `SM${'a'.repeat(32)}`;
const tencent = (answer: TencentAnswer): Misbehaviour => ({ do: 'as_tencent', answer });
const tencentError = (code: string) => tencent({ how: 'refuse_call', code });
/** A success that never comes whole. */
const SUCCESS = {
  tencent: { body: JSON.stringify({ Response: { SendStatusSet: [{ Code: 'Ok', SerialNo: '5000:1', Fee: 1 }] } }) },
  twilio: {
    status: 201,
    body: JSON.stringify({ sid: SID, status: 'queued', num_segments: '1', filler: 'x'.repeat(99) }),
  },
  'twilio-verify': { status: 201, body: JSON.stringify({ sid: `VE${'a'.repeat(32)}`, filler: 'x'.repeat(99) }) },
  webhook: { body: JSON.stringify({ message_id: 'gw-1', segments: 1, filler: 'x'.repeat(99) }) },
} as const;

const everywhere = (outcome: Outcome) => {
  return { tencent: outcome, twilio: outcome, 'twilio-verify': outcome, webhook: outcome };
};

const FAULTS: Readonly<Record<string, Partial<Record<ProviderName, Outcome>>>> = {
  'refuses connections': everywhere(notSent({ do: 'refuse' }, AWAY)),
  'has no address': everywhere(notSent({ do: 'no_name' }, AWAY)),
  'resets before it read the request': {
    ...everywhere(EITHER),
    // Its first request sends nothing, whatever becomes of it.
    'twilio-verify': notSent({ do: 'reset_before' }, AWAY),
  },
  'resets after it read the request': everywhere(maybe({ do: 'reset_after' })),
  'hangs up after it read the request': everywhere(maybe({ do: 'close_after' })),
  'never answers': everywhere(maybe({ do: 'hang' })),
  'stalls after the headers': {
    tencent: maybe({ do: 'stall', ...SUCCESS.tencent }),
    twilio: maybe({ do: 'stall', ...SUCCESS.twilio }),
    'twilio-verify': maybe({ do: 'stall', ...SUCCESS['twilio-verify'] }),
    webhook: maybe({ do: 'stall', ...SUCCESS.webhook }),
  },
  'trickles the body': {
    tencent: maybe({ do: 'trickle', ...SUCCESS.tencent, everyMs: 20 }),
    twilio: maybe({ do: 'trickle', ...SUCCESS.twilio, everyMs: 20 }),
    'twilio-verify': maybe({ do: 'trickle', ...SUCCESS['twilio-verify'], everyMs: 20 }),
    webhook: maybe({ do: 'trickle', ...SUCCESS.webhook, everyMs: 20 }),
  },
  'answers 429 with Retry-After': {
    // Tencent says so in an answer of 200: a 429 is that of a proxy before it. The SDK drops the header.
    tencent: notSent(json(429, {}, RETRY_AFTER), AWAY),
    twilio: notSent(twilioError(429, 20429, RETRY_AFTER), TOLD_TO_WAIT),
    'twilio-verify': notSent(verifyError(20429, '', RETRY_AFTER), TOLD_TO_WAIT),
    webhook: notSent(json(429, {}, RETRY_AFTER), TOLD_TO_WAIT),
  },
  'answers 429 without Retry-After': {
    tencent: notSent(json(429, {}), AWAY),
    twilio: notSent(twilioError(429, 20429), AWAY),
    'twilio-verify': notSent(verifyError(20429), AWAY),
    webhook: notSent(json(429, {}), AWAY),
  },
  'answers 200: too many requests': { tencent: notSent(tencentError('RequestLimitExceeded'), AWAY) },
  'answers 500': {
    tencent: maybe(json(500, {})),
    twilio: maybe(twilioError(500, 20500)),
    'twilio-verify': maybe(verifyError(20500)),
    webhook: maybe(json(500, { category: 'transient' })),
  },
  'answers 502 in HTML': everywhere(maybe(html(502))),
  'answers 200 with an error': {
    tencent: notSent(tencentError('FailedOperation.TemplateIncorrectOrUnapproved'), MISCONFIGURED),
    // What is an error in a success, of a vendor that has statuses for errors?
    twilio: maybe(json(200, { code: 20003, message: 'vendor text', status: 401 })),
    'twilio-verify': maybe(json(200, { code: 20003, message: 'vendor text', status: 401 })),
    webhook: maybe(json(200, { category: 'credentials', error_code: 'vendor_code' })),
  },
  'answers 200 with an error inside of it': { tencent: maybe(tencentError('InternalError.SendAndRecvFail')) },
  'answers 200 without JSON': everywhere(maybe(html(200))),
  'answers 200 with an empty set': {
    tencent: maybe(tencent({ how: 'response', response: { SendStatusSet: [], RequestId: '9f0e1d2c' } })),
    twilio: maybe(json(200, { messages: [] })),
    'twilio-verify': maybe(verification201({ send_code_attempts: [] })),
    webhook: maybe(json(200, {})),
  },
  'took it, and says that it failed': {
    tencent: notSent(tencent({ how: 'refuse_number', code: 'FailedOperation.ContainSensitiveWord' }), MISCONFIGURED),
    twilio: notSent(created201({ sid: SID, status: 'failed', error_code: 30007 }), MISCONFIGURED),
    webhook: notSent(json(503, { sent: false, category: 'content' }), MISCONFIGURED),
  },
  'took it, and says that it failed in a way we do not know': { webhook: maybe(json(201, { status: 'failed' })) },
  'says that the number is not one': {
    tencent: final(
      tencent({ how: 'refuse_number', code: 'InvalidParameterValue.IncorrectPhoneNumber' }),
      NO_SUCH_NUMBER,
    ),
    twilio: final(twilioError(400, 21211), NO_SUCH_NUMBER),
    'twilio-verify': final(verifyError(60200, 'Invalid parameter `To`'), NO_SUCH_NUMBER),
    webhook: final(json(422, { category: 'invalid_number' }), NO_SUCH_NUMBER),
  },
  'has sent five SMS for one verification': {
    'twilio-verify': final(verifyError(60203), NUMBER_LIMIT('600s')),
  },
  'takes no codes of ours': { 'twilio-verify': notSent(verifyError(60204), MISCONFIGURED) },
  'wants to vet the use case for this country': { 'twilio-verify': notSent(verifyError(60220), NOT_THERE) },
  'blocks numbers that begin like this one, for fraud': {
    'twilio-verify': final(verifyError(60410), NUMBER_LIMIT('3600s')),
  },
  'is closed to this country': { 'twilio-verify': notSent(verifyError(60605), NOT_THERE) },
  'fails before it is asked to send': {
    'twilio-verify': notSent({ do: 'cancel', answer: verifyError(20500) }, AWAY),
  },
  redirects: {
    ...everywhere(notSent(OTHERWHERE, MISCONFIGURED)),
  },
  'is behind a proxy that answers 401 in HTML': everywhere(notSent(html(401), MISCONFIGURED)),
  'is behind a proxy that answers 403 in HTML': everywhere(notSent(html(403), MISCONFIGURED)),
  'is behind a proxy that answers 404 in HTML': everywhere(notSent(html(404), MISCONFIGURED)),
  'lies: success without an id': {
    tencent: maybe(tencent({ how: 'ok_but', status: { SerialNo: '' } })),
    twilio: maybe(created201({ status: 'queued', sid: null })),
    'twilio-verify': maybe(verification201({ sid: null })),
    webhook: maybe(json(200, { message_id: '', segments: 1 })),
  },
  'lies: success for another number': {
    tencent: maybe(tencent({ how: 'ok_but', status: { PhoneNumber: '+14155550100' } })),
  },
};

/** What ends by a time-out only. */
export const SILENT: ReadonlySet<string> = new Set(['hang', 'stall', 'trickle']);

export const ROWS: readonly Row[] = Object.entries(FAULTS).flatMap(([fault, outcomes]) =>
  Object.entries(outcomes).map(([vendor, outcome]) => {
    const silent = SILENT.has(outcome.misbehaviour.do);
    return { vendor: vendor as ProviderName, fault, silent, ...outcome };
  }),
);

/** Of those rows in which other providers are faulty, too. */
export const SAMPLE: ReadonlySet<string> = new Set([
  'refuses connections',
  'resets before it read the request',
  'resets after it read the request',
  'never answers',
  'answers 429 with Retry-After',
  'answers 502 in HTML',
  'says that the number is not one',
  'lies: success without an id',
]);
