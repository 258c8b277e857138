/** Every way in which the fakes can fail, each with a text that quotes all it was told: number, code and credentials. */
import type { FailureCategory } from '../../src/domain/delivery.ts';
import { TENCENT_CODES } from '../../src/sms/tencent/codes.ts';
import { TWILIO_CODES } from '../../src/sms/twilio/codes.ts';
import { TWILIO_VERIFY_CODES } from '../../src/sms/twilio-verify/codes.ts';
import { REQUEST_ID } from '../support/tencent-fake.ts';
import { created201 } from '../support/twilio-fake.ts';
import { type Behaviour, json, type VendorRequest } from '../support/vendor-server.ts';
import { seenIn, VENDOR_TEXT, type VendorName } from './vendors.ts';

const CATEGORIES: readonly FailureCategory[] = [
  'invalid_number',
  'unreachable',
  'blocked',
  'rate_limited',
  'content',
  'template',
  'signature',
  'sender',
  'permission',
  'credentials',
  'balance',
  'configuration',
  'transient',
  'timeout',
  'unknown',
];

export type Failing = Behaviour | ((request: VendorRequest) => Behaviour);

/** As vendors' texts do, only worse. */
export function quoteOf({ path, headers, body }: VendorRequest): string {
  return `${VENDOR_TEXT} ${path} ${JSON.stringify(headers)} ${body} ${decodeURIComponent(body.replaceAll('+', ' '))}`;
}

/** `Response.Error`. */
export const tencentError = (Code: string) => (request: VendorRequest) =>
  json(200, { Response: { Error: { Code, Message: quoteOf(request) }, RequestId: REQUEST_ID } });

/** `SendStatusSet[0].Code`. */
const tencentStatus = (Code: string) => (request: VendorRequest) => {
  const { to: PhoneNumber, token: SessionContext } = seenIn('tencent', request);
  const status = { SerialNo: '', PhoneNumber, Fee: 0, SessionContext, Code, Message: quoteOf(request), IsoCode: 'CN' };
  return json(200, { Response: { SendStatusSet: [status], RequestId: REQUEST_ID } });
};

export const twilioError =
  (code: number, status = 400) =>
  (request: VendorRequest) => {
    const text = quoteOf(request);
    return json(status, { code, message: text, more_info: text, status, details: { text } });
  };

/** RFC 9457. */
const twilioProblem = (code: number) => (request: VendorRequest) => {
  const detail = quoteOf(request);
  return json(400, { type: 'about:blank', title: detail, status: 400, code, detail, errors: [{ detail }] });
};

const twilioFailed = (error_code: number) => (request: VendorRequest) =>
  created201({ sid: `SM${'f'.repeat(32)}`, status: 'failed', error_code, error_message: quoteOf(request) });

export const gatewayAnswer = (status: number, fields: object, headers?: Readonly<Record<string, string>>) => {
  return (request: VendorRequest) => json(status, { ...fields, message: quoteOf(request) }, headers);
};

/** What closes the provider to everybody at once. */
export const DOWN: Readonly<Record<VendorName, readonly Failing[]>> = {
  tencent: ofCategory(TENCENT_CODES, 'balance').flatMap((code) => [tencentError(code), tencentStatus(code)]),
  twilio: [],
  'twilio-verify': [],
  webhook: [gatewayAnswer(402, {}), gatewayAnswer(400, { category: 'balance' })],
};

/** Every other code of the tables, in each place where it may come; and what the gateway, which has none, can say. */
export const REFUSALS: Readonly<Record<VendorName, readonly (readonly Failing[])[]>> = {
  tencent: listed(TENCENT_CODES).map((code) => [tencentError(code), tencentStatus(code)]),
  twilio: listed(TWILIO_CODES)
    .map(Number)
    .map((code) => [twilioError(code), twilioProblem(code), twilioFailed(code)]),
  'twilio-verify': listed(TWILIO_VERIFY_CODES)
    .map(Number)
    .map((code) => [twilioError(code), twilioProblem(code)]),
  webhook: [
    ...CATEGORIES.map((category) => gatewayAnswer(422, { category, error_code: 'E-1' })),
    ...[400, 401, 403, 404, 408, 409, 425, 500, 502, 503, 504].map((status) => gatewayAnswer(status, {})),
    gatewayAnswer(503, { sent: false, retry_after_ms: 5 }),
    gatewayAnswer(409, { category: 'transient' }, { 'x-request-id': 'gateway-request-1' }),
    // A gateway that gives the number, or the code, for an id of its own.
    (request: VendorRequest) => {
      const { to, code } = seenIn('webhook', request);
      return json(422, { category: to, error_code: to, message_id: code }, { 'x-request-id': code });
    },
    (request: VendorRequest) => json(200, { message_id: seenIn('webhook', request).to.slice(1) }),
    (request: VendorRequest) => json(200, { message_id: `sms-${seenIn('webhook', request).code}` }),
  ].map((one) => [one]),
};

/** The `n`-th of codes that no table lists. */
export function unlisted(vendor: VendorName, n: number): readonly Failing[] {
  const letters = String.fromCharCode(65 + (n % 26), 97 + Math.floor(n / 26));
  const families = ['FailedOperation', 'LimitExceeded', 'InternalError', 'AuthFailure', 'Madeup'];
  const failing: Readonly<Record<VendorName, readonly Failing[]>> = {
    tencent: families.flatMap((family) => [
      tencentError(`${family}.New${letters}`),
      tencentStatus(`${family}.New${letters}`),
    ]),
    twilio: [twilioError(90_000 + n), twilioProblem(91_000 + n), twilioFailed(92_000 + n)],
    'twilio-verify': [twilioError(94_000 + n), twilioProblem(95_000 + n)],
    webhook: [gatewayAnswer(422, { category: `new-${n}`, error_code: `E-${n}` })],
  };
  return failing[vendor];
}

const HTML = { 'content-type': 'text/html' };
const page =
  (status: number, headers: Readonly<Record<string, string>> = HTML) =>
  (request: VendorRequest) =>
    ({ do: 'answer', status, headers, body: `<p>${quoteOf(request)}</p>` }) as const;

/** What can go wrong below the vendor's API, and is seen at once; the same for all. */
export const FAULTS: readonly Failing[] = [
  { do: 'reset_before' },
  { do: 'reset_after' },
  { do: 'close_after' },
  page(200),
  page(201),
  page(400),
  page(401),
  page(429),
  page(429, { 'retry-after': '2', ...HTML }),
  page(500),
  page(502),
  page(200, { 'content-type': 'text/event-stream' }),
  page(200, { 'content-encoding': 'gzip' }),
  { do: 'answer', status: 200 },
  { do: 'answer', status: 201, body: 'null' },
  { do: 'answer', status: 200, headers: { 'content-type': 'application/json' }, body: '{' },
  { do: 'answer', status: 200, body: '{"Response":{"SendStatusSet":[]}}' },
  (request) => ({ do: 'answer', status: 307, headers: { location: `/elsewhere?${encodeURI(request.body)}` } }),
  (request) => ({ do: 'answer', status: 302, headers: { location: `/elsewhere?${encodeURI(request.body)}` } }),
  (request) => json(201, { code: 20003, message: quoteOf(request), status: 401 }),
  // A success that lies: about another number, or without an id.
  (request) => {
    const status = { Code: 'Ok', SerialNo: '1:1', PhoneNumber: '+8613800000000', Message: quoteOf(request) };
    return json(200, { Response: { SendStatusSet: [status] }, sid: null, status: 'queued', message_id: null });
  },
];

/** What takes until the time-out. */
export const SILENCES: readonly Failing[] = [
  { do: 'hang' },
  (request) => ({ do: 'stall', body: quoteOf(request) }),
  (request) => ({ do: 'trickle', body: quoteOf(request), everyMs: 5 }),
];

function listed(table: ReadonlyMap<string, { readonly category: FailureCategory }>): string[] {
  const down = ofCategory(table, 'balance');
  return [...table.keys()].filter((code) => !down.includes(code));
}

function ofCategory(table: ReadonlyMap<string, { category: FailureCategory }>, category: FailureCategory): string[] {
  return [...table].filter(([, row]) => row.category === category).map(([code]) => code);
}
