/** Delivery reports, genuine and forged, that are full of phone numbers and codes. */
import { connect } from 'node:net';
import { TWILIO_CODES } from '../../src/sms/twilio/codes.ts';
import type { Scene } from './error-paths.ts';
import { CREDENTIALS, PUBLIC_URL, seenIn, VENDOR_TEXT, type VendorName, type Vendors } from './vendors.ts';

export interface Callbacks {
  /** Origin of the callback listener. */
  readonly via: string;
  /** Keeps an answer. */
  heard(answer: unknown): void;
}

/** A message that a vendor got. */
interface Sms {
  readonly to: string;
  readonly code: string;
  readonly token: string;
}

export async function reportEveryWay({ vendors, secret }: Scene, callbacks: Callbacks): Promise<void> {
  // Ids of messages are the vendors' own: what they make them of they know themselves.
  const odd = vendors.phone('all');
  secret('number within an id', odd);
  await reportByTwilio(vendors, callbacks, [...TWILIO_CODES.keys(), '99999']);
  await reportByTencent(vendors, callbacks, ['MK:0001', 'UNDELIV', 'BWLIST1', 'IB:0001', 'unlisted'], odd);
  await reportByGateway(vendors, callbacks, 'E-1', odd);
  await strayCalls(smsOf(vendors, 'twilio'), callbacks);
}

/** Of each vendor; they are refused, or not stored when the store is away. */
export async function reportOnce({ vendors }: Scene, callbacks: Callbacks): Promise<void> {
  await reportByTwilio(vendors, callbacks, ['30003']);
  await reportByTencent(vendors, callbacks, ['UNDELIV']);
  await reportByGateway(vendors, callbacks);
}

/** Codes that no table lists; `n` makes them new. */
export async function reportUnlisted({ vendors }: Scene, callbacks: Callbacks, n: number): Promise<void> {
  await reportByTwilio(vendors, callbacks, [String(93_000 + n)]);
  await reportByTencent(vendors, callbacks, [`ZZ:${n}`]);
  await reportByGateway(vendors, callbacks, `E-${n}`);
}

function smsOf(vendors: Vendors, vendor: VendorName): Sms {
  const { requests } = vendors.servers[vendor];
  const sms = requests.map((request) => seenIn(vendor, request)).findLast(({ to, token }) => to !== '' && token !== '');
  if (sms === undefined) throw new Error(`${vendor} got no message`);
  return sms;
}

async function reportByTwilio({ twilio, ...vendors }: Vendors, { via, heard }: Callbacks, codes: readonly string[]) {
  const { to, code, token } = smsOf({ twilio, ...vendors }, 'twilio');
  const url = `${PUBLIC_URL}/twilio?t=${token}`;
  const form = {
    AccountSid: CREDENTIALS.accountSid,
    MessageSid: `SM${'1'.repeat(32)}`,
    To: to,
    From: '+15557122661',
    Body: code,
    ErrorMessage: `${VENDOR_TEXT} ${to} ${code}`,
    ApiVersion: '2010-04-01',
  };
  const post = async (changes: object, options: object = {}, at = url) => {
    heard(await twilio.postCallback(at, { ...form, MessageStatus: 'failed', ...changes }, { via, ...options }));
  };
  for (const ErrorCode of codes) await post({ ErrorCode });
  for (const MessageStatus of ['queued', 'sent', 'undelivered', 'delivered', 'delivered', 'received']) {
    await post({ MessageStatus });
  }
  for (const MessageStatus of [to, code]) await post({ MessageStatus });
  await post({ MessageSid: to });
  await post({ ErrorCode: to });
  await post({ AccountSid: to });
  for (const signature of [null, '', to, code, Buffer.from(code).toString('base64')]) await post({}, { signature });
  await post({}, {}, `${PUBLIC_URL}/twilio?t=${encodeURIComponent(to)}`);
  await post({}, {}, `${PUBLIC_URL}/twilio/${code}?${to}`);
}

async function reportByTencent(vendors: Vendors, { via, heard }: Callbacks, words: readonly string[], sid = '5000:2') {
  const { to, code, token } = smsOf(vendors, 'tencent');
  const path = `/reports/tencent/${CREDENTIALS.callbackToken}`;
  const item = {
    user_receive_time: '2026-10-17 08:03:04',
    nationcode: '86',
    mobile: to.slice(3),
    report_status: 'FAIL',
    errmsg: '',
    description: `${VENDOR_TEXT} ${to} ${code}`,
    sid: '5000:1',
  };
  const post = async (body: string, at = path) => heard(await fetched(`${via}${at}`, { method: 'POST', body }));
  for (const errmsg of [...words, to, code]) {
    for (const ext of ['', token, to]) await post(JSON.stringify([{ ...item, errmsg, ext }]));
  }
  await post(JSON.stringify([{ ...item, report_status: 'SUCCESS', sid }]));
  await post(JSON.stringify([{ ...item, report_status: to }]));
  await post(JSON.stringify(new Array(101).fill(item)));
  for (const body of [to, `{"mobile":"${to}"`, `[${code}]`, '']) await post(body);
  for (const at of [`/reports/tencent/${to}`, `/reports/tencent/${code}?${to}`, `${path}/${code}`])
    await post('[]', at);
}

async function reportByGateway(
  { webhook, ...vendors }: Vendors,
  { via, heard }: Callbacks,
  error_code = 'E-1',
  message_id = 'gw-1',
) {
  const { to, code, token } = smsOf({ webhook, ...vendors }, 'webhook');
  const post = async (report: object, as: object = {}) => {
    const answer = await webhook.report(`${via}/reports/webhook`, [{ report_token: token, ...report }], as);
    heard([answer.status, [...answer.headers], await answer.text()]);
  };
  const failed = { message_id: 'gw-1', status: 'failed', error_code };
  for (const category of ['blocked', 'new', to, code]) await post({ ...failed, category });
  await post({ ...failed, report_token: undefined, message_id });
  await post({ ...failed, error_code: to, message_id: code });
  await post({ ...failed, status: to });
  await post({ ...failed, report_token: to });
  await post({ status: 'delivered' });
  await post(failed, { secret: `${to} is no secret of ours` });
  await post(failed, { id: to, at: Number(code) });
}

/** What no vendor sends. */
async function strayCalls({ to, code }: Sms, { via, heard }: Callbacks): Promise<void> {
  const base = `${via}/reports`;
  for (const path of [`/${to}`, `/${code}/twilio`, `/twilio${code}`, `?${to}`]) {
    heard(await fetched(base + path, { method: 'POST', body: to }));
  }
  for (const method of ['GET', 'PUT', 'DELETE']) heard(await fetched(`${base}/twilio?${to}`, { method }));
  heard(await fetched(`${base}/webhook`, { method: 'POST', body: `${to} ${code} `.repeat(5_000) }));
  const { hostname, port } = new URL(via);
  const head = `POST /reports/twilio?${to} HTTP/1.1\r\nhost: ${code}\r\ncontent-length: 100\r\n\r\n${to}`;
  for (const bytes of [head, `${to} ${code}\r\n\r\n`]) {
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.end(bytes));
      socket.on('data', (answer) => heard(answer.toString()));
      socket.on('error', () => resolve());
      socket.on('close', () => resolve());
    });
  }
}

async function fetched(url: string, init: RequestInit): Promise<unknown> {
  const answer = await fetch(url, init);
  return [answer.status, [...answer.headers], await answer.text()];
}
