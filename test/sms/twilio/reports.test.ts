import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { getExpectedTwilioSignature } from 'twilio/lib/webhooks/webhooks.js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ReportReading, Reports } from '../../../src/sms/provider.ts';
import { createReports } from '../../../src/sms/twilio/reports.ts';
import { startTwilioFake, type TwilioFake } from '../../support/twilio-fake.ts';
import { ACCOUNT, MESSAGE_SID } from './fixture.ts';

const PUBLIC = 'https://cb.example/hooks';
const URL_OF_REPORT = `${PUBLIC}/twilio?t=token_of-the-report`;
const FORM = {
  MessageSid: MESSAGE_SID,
  SmsSid: MESSAGE_SID,
  MessageStatus: 'delivered',
  SmsStatus: 'delivered',
  To: '+15558675310',
  From: '+15557122661',
  AccountSid: ACCOUNT.accountSid,
  ApiVersion: '2010-04-01',
};

let fake: TwilioFake;
let via: string;
let readings: ReportReading[];
const reports: Reports = createReports(ACCOUNT);
/** What stands in front of us: it calls itself by the public URL, and passes the query on as it came. */
const listener = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const reading = reports.read?.({
    url: `https://cb.example${request.url}`,
    path: '',
    headers: request.headers,
    body: Buffer.concat(chunks),
    address: '127.0.0.1',
    now: 0,
  });
  if (reading === undefined) throw new Error('there is no reader');
  readings.push(reading);
  const answer = { reports: 204, forged: 403, malformed: 400 }[reading.kind];
  response.writeHead(answer).end();
});

beforeAll(async () => {
  fake = await startTwilioFake(ACCOUNT);
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  via = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
});

afterAll(async () => {
  listener.close();
  await fake.stop();
});

beforeEach(() => {
  readings = [];
});

const post = (form: Readonly<Record<string, string>>, options = {}) =>
  fake.postCallback(URL_OF_REPORT, form, { via, ...options });

const signed = (url: string, form: Readonly<Record<string, string>>) => ({
  signature: getExpectedTwilioSignature(ACCOUNT.authToken, url, form),
});

describe('what Twilio reports', () => {
  it.each([
    ['queued', '', 'accepted', '', ''],
    ['accepted', '', 'accepted', '', ''],
    ['scheduled', '', 'accepted', '', ''],
    ['sending', '', 'accepted', '', ''],
    ['sent', '', 'accepted', '', ''],
    ['partially_delivered', '', 'accepted', '', ''],
    ['delivered', '', 'delivered', '', ''],
    ['read', '', 'delivered', '', ''],
    ['undelivered', '30003', 'failed', 'unreachable', '30003'],
    ['undelivered', '30005', 'failed', 'invalid_number', '30005'],
    ['undelivered', '30007', 'failed', 'content', '30007'],
    ['failed', '30450', 'failed', 'rate_limited', '30450'],
    ['failed', '21610', 'failed', 'blocked', '21610'],
    ['failed', '39999', 'failed', 'unknown', 'other'],
    ['failed', '+15558675310', 'failed', 'unknown', 'other'],
    ['failed', '', 'failed', 'unknown', ''],
    ['canceled', '', 'failed', 'unknown', ''],
    ['delivered', '30003', 'delivered', '', ''],
  ])('%s %s', async (word, code, status, category, vendorCode) => {
    const form = { ...FORM, MessageStatus: word, SmsStatus: word, ...(code !== '' && { ErrorCode: code }) };
    expect(await post(form)).toBe(204);
    const report = { token: 'token_of-the-report', messageId: MESSAGE_SID, status, category, vendorCode };
    expect(readings).toEqual([{ kind: 'reports', reports: [report], answer: { status: 204, body: '' } }]);
  });

  it('may have fields that nobody knew of: they are signed with the rest', async () => {
    expect(await post({ ...FORM, RawDlrDoneDate: '2302141200', Neues: 'ä & = +', Empty: '' })).toBe(204);
  });

  it('without a token is passed on, to be counted as unmatched', async () => {
    expect(await fake.postCallback(`${PUBLIC}/twilio`, FORM, { via })).toBe(204);
    expect(readings).toMatchObject([{ reports: [{ token: '', messageId: MESSAGE_SID }] }]);
  });

  it('of messages to us is answered and ignored', async () => {
    expect(await post({ ...FORM, MessageStatus: 'received' })).toBe(204);
    expect(readings).toMatchObject([{ kind: 'reports', reports: [] }]);
  });

  it.each([
    ['an unknown status', { MessageStatus: 'teleported' }],
    ['no status', { MessageStatus: '' }],
    ['no message', { MessageSid: '' }],
    ['text for a message', { MessageSid: 'not an id' }],
  ])('with %s is malformed', async (_, change) => {
    expect(await post({ ...FORM, ...change })).toBe(400);
  });
});

describe('only Twilio is believed', () => {
  it.each([
    ['no signature', null],
    ['an empty signature', ''],
    ['text for a signature', 'forged'],
    ['a signature of the right length', Buffer.alloc(20).toString('base64')],
  ])('%s is forged', async (_, signature) => {
    expect(await post(FORM, { signature })).toBe(403);
  });

  it('a signature is for one URL, its token included', async () => {
    const other = `${via}/hooks/twilio?t=another-token`;
    const { signature } = signed(URL_OF_REPORT, FORM);
    expect(await fake.postCallback(other, FORM, { signature })).toBe(403);
    expect(await fake.postCallback(`${via}/hooks/twilio/more?t=token_of-the-report`, FORM, { signature })).toBe(403);
    expect(await fake.postCallback(`${via}/hooks/twilio?t=token_of-the-report`, FORM, { signature })).toBe(204);
  });

  it('http is not https', async () => {
    const { signature } = signed(URL_OF_REPORT.replace('https:', 'http:'), FORM);
    expect(await post(FORM, { signature })).toBe(403);
  });

  it('a port that a proxy adds or takes makes no difference', async () => {
    const { signature } = signed(URL_OF_REPORT.replace('cb.example', 'cb.example:443'), FORM);
    expect(await post(FORM, { signature })).toBe(204);
  });

  it.each([
    ['added', { ...FORM, ErrorCode: '30003' }],
    ['changed', { ...FORM, MessageStatus: 'failed' }],
    ['taken away', { ...FORM, ApiVersion: '' }],
  ])('a field that was %s on the way is forged', async (_, form) => {
    expect(await post(form, signed(URL_OF_REPORT, FORM))).toBe(403);
  });

  it('another account, with our own token, is forged', async () => {
    expect(await post({ ...FORM, AccountSid: `AC${'6'.repeat(32)}` })).toBe(403);
    const { AccountSid: _, ...nameless } = FORM;
    expect(await post(nameless)).toBe(403);
  });

  it.each(['', '%', 'a=%ff%fe&b', '\u0000', 'a&'.repeat(5_000)])('nothing throws, whatever is posted', (body) => {
    const headers = { 'x-twilio-signature': 'forged' };
    for (const url of [URL_OF_REPORT, `${PUBLIC}/twilio?t=%ff`, 'no url', '']) {
      const request = { url, path: '', headers, body: Buffer.from(body), address: '127.0.0.1', now: 0 };
      expect(reports.read?.(request)).toEqual({ kind: 'forged' });
    }
  });
});
