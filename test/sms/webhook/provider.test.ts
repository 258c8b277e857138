import { getEventListeners } from 'node:events';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FailureCategory } from '../../../src/domain/delivery.ts';
import type { Message, Provider, ReportRequest, SendResult } from '../../../src/sms/provider.ts';
import { createWebhookProvider, type WebhookOptions } from '../../../src/sms/webhook/provider.ts';
import { signatureHeaders, webhookKey } from '../../../src/sms/webhook/signature.ts';
import { leaksIn } from '../../e2e/leaks.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import { patienceWith, signalOnce } from '../../support/patience.ts';
import { type Behaviour, json } from '../../support/vendor-server.ts';
import { eventually } from '../../support/wait.ts';
import { startWebhookFake, type WebhookFake } from '../../support/webhook-fake.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NOW = Date.parse('2026-11-21T04:05:06.789Z');
const message: Message = {
  to: '+14155550123',
  region: 'US',
  text: 'Acme: 493817 is your code. 验证码',
  code: '493817',
  minutes: 5,
  purpose: 'login',
  locale: 'en',
  variables: { order: 'A7' },
  sender: { from: 'ACME', signName: 'Acme' },
  sendId: 'c2VuZC1pZC0x',
  reportToken: 'cmVwb3J0LXRva2Vu',
};

let fake: WebhookFake;
const opened: Provider[] = [];
beforeAll(async () => {
  fake = await startWebhookFake({ secret: SECRET, now: () => NOW });
});
afterEach(() => {
  fake.behave(null);
  for (const provider of opened.splice(0)) provider.close?.();
});
afterAll(() => fake.stop());

function provider(changed: Partial<WebhookOptions> = {}): Provider {
  const options = { secret: SECRET, maxSockets: 4, reports: true, now: () => NOW };
  const created = createWebhookProvider({ url: `${fake.url}/sms?tenant=1`, ...options, ...changed });
  opened.push(created);
  return created;
}

const forever = () => new AbortController().signal;
const send = (changed: Partial<WebhookOptions> = {}, signal = forever()) => provider(changed).send(message, signal);

describe('a message', () => {
  test('is posted as JSON, signed, under the id of its send', async () => {
    expect(await send()).toEqual({ kind: 'accepted', messageId: 'gw-1', segments: 1 });
    const request = fake.requests.at(-1);
    expect(request).toMatchObject({
      method: 'POST',
      path: '/sms?tenant=1',
      headers: {
        'content-type': 'application/json',
        'webhook-id': message.sendId,
        'webhook-timestamp': String(Math.floor(NOW / 1000)),
      },
    });
    expect(JSON.parse(request?.body ?? '')).toEqual({
      type: 'verification.code',
      timestamp: '2026-11-21T04:05:06.789Z',
      to: message.to,
      text: message.text,
      code: message.code,
      minutes: 5,
      purpose: 'login',
      locale: 'en',
      variables: { order: 'A7' },
      sender: { from: 'ACME', sign_name: 'Acme' },
      send_id: message.sendId,
      report_token: message.reportToken,
    });
  });

  test('that comes again under its id goes out once', async () => {
    const before = fake.messages.length;
    const again = { ...message, sendId: 'again' };
    const first = await provider().send(again, forever());
    expect(await provider().send(again, forever())).toEqual(first);
    expect(fake.messages.length - before).toBe(1);
  });

  test('with another secret is refused by the gateway', async () => {
    const before = fake.forged;
    const result = await send({ secret: 'another secret, also long enough' });
    expect(result).toMatchObject({ kind: 'unavailable', category: 'credentials', vendorCode: 'http_401' });
    expect(fake.forged - before).toBe(1);
  });

  test('leaves nothing behind on the signal', async () => {
    const signal = forever();
    await send({}, signal);
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});

const taken = (messageId: string, segments: number | null = null): SendResult => ({
  kind: 'accepted',
  messageId,
  segments,
});
const answer = (status: number, body = '', headers: Record<string, string> = {}): Behaviour => ({
  do: 'answer',
  status,
  body,
  headers,
});
const maybe = (vendorCode: string, category: FailureCategory = 'transient') => ({
  kind: 'unknown',
  category,
  vendorCode,
});
const notSent = (status: number, category: FailureCategory, more: Partial<SendResult> = {}) => ({
  kind: 'unavailable',
  category,
  vendorCode: `http_${status}`,
  ...more,
});
const refused = (category: FailureCategory, more: object = {}) => ({
  kind: 'rejected',
  category,
  vendorCode: 'http_422',
  ...more,
});
const of = (status: number, result: object) => ({ ...result, vendorCode: `http_${status}` });
const in30Seconds = new Date(Math.floor(NOW / 1000) * 1000 + 30_000).toUTCString();

describe('an answer', () => {
  test.each<[string, Behaviour, object]>([
    ['200 with an id', json(200, { message_id: 'm-1', segments: 2 }), taken('m-1', 2)],
    ['201 with an id', json(201, { message_id: 'm-1' }), taken('m-1')],
    ['202 with an id', json(202, { message_id: 'm-1', segments: -1 }), taken('m-1')],
    ['202 and no body', answer(202), taken(message.sendId)],
    ['204', answer(204), taken(message.sendId)],
    ['200 and no body', answer(200), maybe('malformed', 'unknown')],
    ['200 without an id', json(200, {}), maybe('malformed', 'unknown')],
    ['200 with an empty id', json(200, { message_id: '' }), maybe('malformed', 'unknown')],
    ['200 with an id that is no text', json(200, { message_id: 7 }), maybe('malformed', 'unknown')],
    ['200 with an endless id', json(200, { message_id: 'x'.repeat(129) }), maybe('malformed', 'unknown')],
    ['200 with an error', json(200, { error: 'no credit', category: 'balance' }), maybe('malformed', 'unknown')],
    ['200 with a list', json(200, []), maybe('malformed', 'unknown')],
    ['200 that is no JSON', answer(200, '<html>OK</html>'), maybe('malformed', 'unknown')],
    ['202 that is no JSON', answer(202, 'queued'), maybe('malformed', 'unknown')],
    ['200 of 17 KiB', json(200, { message_id: 'm', more: 'x'.repeat(17_000) }), maybe('malformed', 'unknown')],

    [
      '422 for the number',
      json(422, { category: 'invalid_number', error_code: 'E17' }),
      refused('invalid_number', { status: 'INVALID_ARGUMENT', actor: 'user', unlistedCode: 'E17' }),
    ],
    ['422 for an opt-out', json(422, { category: 'blocked' }), refused('blocked', { status: 'FAILED_PRECONDITION' })],
    [
      '422 for a limit of the number',
      json(422, { category: 'rate_limited', retry_after_ms: 30_000 }),
      refused('rate_limited', { status: 'RESOURCE_EXHAUSTED', actor: 'user', retryAfterMs: 30_000 }),
    ],
    ['422 for the text', json(422, { category: 'content' }), refused('content', { status: 'INTERNAL' })],
    ['422 in words of its own', json(422, { category: 'bad luck' }), refused('unknown', { actor: 'operator' })],
    ['422 in words of JavaScript', json(422, { category: 'constructor' }), refused('unknown')],
    ['422 and no body', answer(422), refused('unknown', { status: 'FAILED_PRECONDITION' })],
    ['422 in HTML', answer(422, '<html>'), refused('unknown')],

    ['400', json(400, {}), notSent(400, 'configuration', { status: 'INTERNAL', actor: 'operator' })],
    ['400 for a template', json(400, { category: 'template' }), notSent(400, 'template')],
    ['401', answer(401), notSent(401, 'credentials', { retrySame: false })],
    ['402', answer(402), notSent(402, 'balance', { status: 'UNAVAILABLE' })],
    ['403', answer(403, 'Forbidden'), notSent(403, 'credentials')],
    ['404', answer(404, '<html>'), notSent(404, 'configuration')],
    [
      '400 for the number',
      json(400, { category: 'invalid_number' }),
      of(400, refused('invalid_number', { status: 'INVALID_ARGUMENT', actor: 'user' })),
    ],
    [
      '404 for an opt-out',
      json(404, { category: 'blocked' }),
      of(404, refused('blocked', { status: 'FAILED_PRECONDITION', actor: 'user' })),
    ],
    ['429 for an opt-out', json(429, { category: 'blocked' }), of(429, refused('blocked'))],
    ['400 for the text', json(400, { category: 'content' }), notSent(400, 'content', { status: 'INTERNAL' })],
    [
      '402 for one country',
      json(402, { scope: 'country' }),
      notSent(402, 'balance', { status: 'UNAVAILABLE', scope: 'country' }),
    ],
    [
      '429 for one sender',
      json(429, { scope: 'message' }),
      notSent(429, 'rate_limited', { status: 'UNAVAILABLE', scope: 'message', retrySame: true }),
    ],
    ['500 for one country', json(500, { scope: 'country' }), { ...maybe('http_500'), scope: 'country' }],
    ['402 with a scope that is none', json(402, { scope: 'all' }), notSent(402, 'balance')],
    ['404 for a country', json(404, { category: 'unreachable' }), notSent(404, 'unreachable')],
    ['500 for the number', json(500, { category: 'invalid_number' }), maybe('http_500', 'invalid_number')],
    ['307 for the number', json(307, { category: 'invalid_number' }), notSent(307, 'invalid_number')],
    ['408', answer(408), maybe('http_408')],
    ['409', answer(409), maybe('http_409')],
    ['410', answer(410), notSent(410, 'configuration')],
    ['413', answer(413), notSent(413, 'configuration')],

    ['429', answer(429), notSent(429, 'rate_limited', { retrySame: true, status: 'UNAVAILABLE' })],
    ['429 for 2 s', answer(429, '', { 'retry-after': '2' }), notSent(429, 'rate_limited', { retryAfterMs: 2_000 })],
    [
      '429 until a date',
      answer(429, '', { 'retry-after': in30Seconds }),
      notSent(429, 'rate_limited', { retryAfterMs: 30_000 - (NOW % 1000) }),
    ],
    [
      '429 until a date that has passed',
      answer(429, '', { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }),
      notSent(429, 'rate_limited', { retryAfterMs: 1_000 }),
    ],
    [
      '429 for a year',
      answer(429, '', { 'retry-after': '31536000' }),
      notSent(429, 'rate_limited', { retryAfterMs: 86_400_000 }),
    ],
    [
      '429 for milliseconds',
      json(429, { retry_after_ms: 1_250 }, { 'retry-after': '2' }),
      notSent(429, 'rate_limited', { retryAfterMs: 1_250, retrySame: true }),
    ],
    [
      '429 for less than a second',
      json(429, { retry_after_ms: 250 }, { 'retry-after': '2' }),
      notSent(429, 'rate_limited', { retryAfterMs: 1_000 }),
    ],
    ['429 for no time', answer(429, '', { 'retry-after': '0' }), notSent(429, 'rate_limited', { retryAfterMs: 1_000 })],

    ['301', answer(301, '', { location: '/elsewhere' }), notSent(301, 'configuration')],
    ['303', answer(303, '', { location: '/elsewhere' }), maybe('http_303')],
    ['307', answer(307, '', { location: '/elsewhere' }), notSent(307, 'configuration')],

    ['500', answer(500), maybe('http_500')],
    ['500 that claims it was not sent', json(500, { sent: false }), maybe('http_500')],
    ['502 in HTML', answer(502, '<html>Bad Gateway</html>'), maybe('http_502')],
    ['503', answer(503, '', { 'retry-after': '2' }), maybe('http_503')],
    ['503 that was not sent', json(503, { sent: false }), notSent(503, 'transient', { retrySame: false })],
    [
      '503 that was not sent, for 2 s',
      json(503, { sent: false, category: 'rate_limited' }, { 'retry-after': '2' }),
      notSent(503, 'rate_limited', { retryAfterMs: 2_000, retrySame: true }),
    ],
    ['504', answer(504), maybe('http_504')],
  ])('of %s', async (_, behaviour, expected) => {
    fake.behave(behaviour);
    const before = fake.requests.length;
    expect(await send()).toMatchObject(expected);
    expect(fake.requests.length - before).toBe(1);
  });

  test.each(['soon', '5 minutes', '-1', '1.5', '2026-11-22', '1e3'])(
    'with Retry-After: %s names no time',
    async (text) => {
      fake.behave(answer(429, '', { 'retry-after': text }));
      expect(await send()).not.toHaveProperty('retryAfterMs');
    },
  );

  test('that repeats the message shows nothing of it', async () => {
    const { to, text, code } = message;
    const national = to.slice(2);
    for (const status of [200, 202, 400, 422, 429, 500, 503]) {
      for (const echo of [to, national, code, `E-${code}`, text, JSON.stringify(message)]) {
        const body = { message_id: echo, category: echo, error_code: echo, error: echo, sent: false };
        fake.behave(json(status, body, { 'x-request-id': encodeURIComponent(echo) }));
        const shown = JSON.stringify(await send());
        expect(leaksIn(shown, { phone: to })).toEqual([]);
        expect(shown).not.toContain(code);
        expect(shown).not.toContain('Acme');
      }
    }
  });

  test('keeps the gateway’s own id of the request, for its support', async () => {
    fake.behave(json(422, { category: 'blocked' }, { 'x-request-id': 'req-17' }));
    expect(await send()).toMatchObject({ requestId: 'req-17' });
  });
});

describe('what was surely not sent is unavailable', () => {
  let silent: Server;
  let untrusted: TlsServer;
  let asked = 0;
  let greeted = 0;
  beforeAll(async () => {
    silent = createServer((socket) => {
      greeted += 1;
      socket.on('error', () => undefined);
    }).listen(0, '127.0.0.1');
    untrusted = createTlsServer(selfSignedCertificate(), (_, response) => {
      asked += 1;
      response.end();
    }).listen(0, '127.0.0.1');
    await Promise.all([silent, untrusted].map((server) => new Promise((resolve) => server.once('listening', resolve))));
  });
  afterAll(() => {
    silent.close();
    untrusted.close();
  });
  const portOf = (server: Server) => (server.address() as AddressInfo).port;

  test('refused', async () => {
    const gone = await startWebhookFake({ secret: SECRET });
    await gone.stop();
    expect(await send({ url: gone.url })).toMatchObject({ kind: 'unavailable', vendorCode: 'refused' });
  });

  test('no such host', async () => {
    const result = await send({ url: 'http://gateway.invalid/sms' });
    expect(result).toMatchObject({ kind: 'unavailable', category: 'transient', vendorCode: 'dns' });
  });

  test('a certificate that nobody vouches for', async () => {
    const result = await send({ url: `https://localhost:${portOf(untrusted)}/sms` });
    expect(result).toMatchObject({ kind: 'unavailable', vendorCode: 'tls', actor: 'operator' });
    expect(asked).toBe(0);
  });

  test('a handshake that never ends', async () => {
    const shaking = signalOnce('the handshake has begun', () => greeted === 1);
    const result = await send({ url: `https://127.0.0.1:${portOf(silent)}/sms` }, shaking);
    expect(result).toMatchObject({ kind: 'unavailable', category: 'timeout', vendorCode: 'timeout' });
  });

  test('a caller who is gone before', async () => {
    const before = fake.requests.length;
    expect(await send({}, AbortSignal.abort())).toMatchObject({ kind: 'unavailable', vendorCode: 'timeout' });
    expect(fake.requests.length).toBe(before);
  });

  test('a caller who goes while waiting for a connection', async () => {
    fake.behave({ do: 'hang' });
    const one = provider({ maxSockets: 1 });
    const leaving = new AbortController();
    const before = fake.requests.length;
    const first = one.send(message, patienceWith({ do: 'hang' }, fake));
    const second = one.send(message, leaving.signal);
    leaving.abort();
    expect(await second).toMatchObject({ kind: 'unavailable', vendorCode: 'timeout' });
    expect(await first).toMatchObject({ kind: 'unknown', vendorCode: 'timeout' });
    expect(fake.requests.length - before).toBe(1);
  });
});

describe('what was maybe sent is unknown', () => {
  const body = JSON.stringify({ message_id: 'm-1' });

  test.each<[string, Behaviour, string]>([
    ['a reset after the request', { do: 'reset_after' }, 'reset'],
    ['a hang-up after the request', { do: 'close_after' }, 'reset'],
    ['silence', { do: 'hang' }, 'timeout'],
    ['a body that stalls', { do: 'stall', body }, 'timeout'],
    ['a body that trickles', { do: 'trickle', body, everyMs: 40 }, 'timeout'],
  ])('%s', async (_, behaviour, vendorCode) => {
    fake.behave(behaviour);
    const before = fake.requests.length;
    expect(await send({}, patienceWith(behaviour, fake))).toMatchObject({ kind: 'unknown', vendorCode });
    expect(fake.requests.length - before).toBe(1);
  });

  test('a caller who goes while the gateway works', async () => {
    const leaving = new AbortController();
    fake.behave(() => {
      leaving.abort();
      return { do: 'hang' };
    });
    expect(await send({}, leaving.signal)).toMatchObject({ kind: 'unknown', vendorCode: 'timeout' });
  });

  test('a reset before the request was read, of which only the gateway knows', async () => {
    fake.behave({ do: 'reset_before' });
    const before = fake.requests.length;
    // Unavailable when the reset wins the race with our first byte.
    expect(await send()).toMatchObject({ kind: expect.stringMatching(/^un/), vendorCode: 'reset' });
    expect(fake.requests.length).toBe(before);
  });
});

test('a refusal whose body never ends is a refusal still', async () => {
  const endless = { do: 'stall', status: 422, body: JSON.stringify({ category: 'blocked' }) } as const;
  fake.behave(endless);
  expect(await send({}, patienceWith(endless, fake))).toMatchObject({ kind: 'rejected', category: 'unknown' });
});

describe('connections', () => {
  test('1,000 sends use no more than there may be, and give them back', async () => {
    const one = provider({ maxSockets: 4 });
    const before = fake.connections.accepted;
    for (let batch = 0; batch < 50; batch++) {
      const results = await Promise.all(Array.from({ length: 20 }, () => one.send(message, forever())));
      expect(results.every(({ kind }) => kind === 'accepted')).toBe(true);
    }
    expect(fake.connections.accepted - before).toBeLessThanOrEqual(4);
  });

  test('end on closing, those of messages under way with their answers', async () => {
    const own = await startWebhookFake({ secret: SECRET, now: () => NOW });
    const one = provider({ url: own.url });
    const release = Promise.withResolvers<void>();
    own.behave({ do: 'hold', until: release.promise });
    const result = one.send(message, forever());
    await eventually('the gateway has the message', () => own.requests.length === 1);
    one.close?.();
    release.resolve();
    expect(await result).toEqual(taken('gw-1', 1));
    await eventually('no connection is left', () => own.connections.open === 0);
    await own.stop();
  });

  test('over TLS are used again, too', async () => {
    const certificate = selfSignedCertificate();
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, certificate.cert]);
    let connections = 0;
    const server = createTlsServer(certificate, (request, response) => {
      request.resume().once('end', () => response.end('{"message_id":"tls-1"}'));
    });
    server.on('secureConnection', () => {
      connections += 1;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const one = provider({ url: `https://localhost:${(server.address() as AddressInfo).port}/` });
    for (let i = 0; i < 10; i++) expect(await one.send(message, forever())).toEqual(taken('tls-1'));
    // One rests for a turn of the event loop after each answer, in case that its server ends it.
    expect(connections).toBeLessThanOrEqual(2);
    server.closeAllConnections();
    server.close();
    setDefaultCACertificates(trusted);
  });
});

describe('approvals', () => {
  test('are told together, under an id of their own', async () => {
    const one = provider();
    const [first, second] = [
      { messageId: 'gw.7', at: NOW - 1000 },
      { messageId: 'gw.8', at: NOW },
    ];
    expect(await one.converted?.([first, second], forever())).toEqual({ ok: true });
    await one.converted?.([first], forever());
    expect(fake.approvals).toEqual(['gw.7', 'gw.8', 'gw.7']);
    const [both, alone] = fake.requests.slice(-2);
    expect(JSON.parse(both?.body ?? '')).toEqual({
      type: 'verification.approved',
      timestamp: '2026-11-21T04:05:06.789Z',
      approvals: [
        { message_id: 'gw.7', at: '2026-11-21T04:05:05.789Z' },
        { message_id: 'gw.8', at: '2026-11-21T04:05:06.789Z' },
      ],
    });
    expect(both?.headers['webhook-id']).toMatch(/^approved_[\w-]{22}$/);
    expect(alone?.headers['webhook-id']).toMatch(/^approved_[\w-]{22}$/);
    expect(alone?.headers['webhook-id']).not.toBe(both?.headers['webhook-id']);
  });

  test('of the same message at another time have another id', async () => {
    const one = provider();
    for (const at of [NOW, NOW + 1]) await one.converted?.([{ messageId: 'gw-7', at }], forever());
    const [first, second] = fake.requests.slice(-2);
    expect(second?.headers['webhook-id']).not.toBe(first?.headers['webhook-id']);
  });

  test('that a gateway never answers keep no message waiting', async () => {
    const own = await startWebhookFake({ secret: SECRET, now: () => NOW });
    const one = provider({ url: own.url, maxSockets: 1 });
    own.behave({ do: 'hang' });
    const leaving = new AbortController();
    const told = Array.from({ length: 20 }, (_, at) => one.converted?.([{ messageId: 'gw-7', at }], leaving.signal));
    await eventually('they hang', () => own.requests.length === 8);
    own.behave(null);
    expect(await one.send(message, forever())).toEqual(taken('gw-1', 1));
    expect(own.requests.length, 'the other approvals wait').toBe(8 + 1);
    leaving.abort();
    expect(await Promise.all(told)).toEqual(Array(20).fill({ ok: false, vendorCode: 'timeout' }));
    expect(await one.converted?.([{ messageId: 'gw-7', at: NOW }], forever())).toEqual({ ok: true });
    one.close?.();
    await eventually('no connection is left', () => own.connections.open === 0);
    await own.stop();
  });

  test.each<[Behaviour, string]>([
    [answer(404), 'http_404'],
    [answer(302, '', { location: '/' }), 'http_302'],
    [{ do: 'reset_after' }, 'reset'],
  ])('that are not taken say so: %o', async (behaviour, vendorCode) => {
    fake.behave(behaviour);
    const told = await provider().converted?.([{ messageId: 'gw-7', at: NOW }], forever());
    expect(told).toEqual({ ok: false, vendorCode });
  });
});

describe('reports', () => {
  const key = webhookKey(SECRET);
  const read = (body: string, changed: Partial<ReportRequest> = {}) => {
    const headers = signatureHeaders(key, { id: 'report-1', timestamp: Math.floor(NOW / 1000), body });
    const address = '127.0.0.1';
    const given = { url: 'https://x.test/webhook', path: '', headers, body: Buffer.from(body), address, now: NOW };
    return provider().reports?.read?.({ ...given, ...changed });
  };
  const reading = (...reports: unknown[]) => read(JSON.stringify({ reports }));

  test('are read in our words', () => {
    expect(
      reading(
        { report_token: 'dG9rZW4', status: 'accepted', category: 'blocked' },
        { message_id: 'gw-1', status: 'delivered', more: 1 },
        { report_token: 'dG9rZW4', message_id: 'gw-1', status: 'failed', category: 'unreachable', error_code: '17' },
        { message_id: 'gw-1', status: 'failed', category: 'gone fishing' },
        { message_id: 'gw-1', status: 'failed' },
      ),
    ).toEqual({
      kind: 'reports',
      answer: { status: 204, body: '' },
      reports: [
        { token: 'dG9rZW4', messageId: '', status: 'accepted', category: '', vendorCode: '' },
        { token: '', messageId: 'gw-1', status: 'delivered', category: '', vendorCode: '' },
        { token: 'dG9rZW4', messageId: 'gw-1', status: 'failed', category: 'unreachable', vendorCode: 'other' },
        { token: '', messageId: 'gw-1', status: 'failed', category: 'unknown', vendorCode: '' },
        { token: '', messageId: 'gw-1', status: 'failed', category: 'unknown', vendorCode: '' },
      ],
    });
  });

  test('of none are reports', () => {
    expect(reading()).toMatchObject({ kind: 'reports', reports: [] });
  });

  const one = { message_id: 'gw-1', status: 'delivered' };
  test.each([
    ['no JSON', 'delivered'],
    ['a list', '[]'],
    ['no list in it', '{"reports":{}}'],
    ['too many', JSON.stringify({ reports: Array(101).fill(one) })],
    ['one that is nothing', JSON.stringify({ reports: [one, null] })],
    ['one of no message', JSON.stringify({ reports: [{ status: 'delivered' }] })],
    ['one without a status', JSON.stringify({ reports: [{ message_id: 'gw-1' }] })],
    ['a status of its own', JSON.stringify({ reports: [{ ...one, status: 'DELIVRD' }] })],
    ['an id that is no text', JSON.stringify({ reports: [{ ...one, message_id: 7 }] })],
    ['a token that is none', JSON.stringify({ reports: [{ ...one, report_token: 'a b' }] })],
    ['an endless token', JSON.stringify({ reports: [{ ...one, report_token: 'a'.repeat(201) }] })],
  ])('are malformed with %s', (_, body) => {
    expect(read(body)).toEqual({ kind: 'malformed' });
  });

  test('are forged when the signature is of something else, or old', () => {
    const body = JSON.stringify({ reports: [one] });
    expect(read(body, { body: Buffer.from(body.replace('gw-1', 'gw-2')) })).toEqual({ kind: 'forged' });
    expect(read(body, { now: NOW + 301_000 })).toEqual({ kind: 'forged' });
    expect(read(body, { headers: {} })).toEqual({ kind: 'forged' });
  });

  test('are none unless asked for', () => {
    expect(provider({ reports: false })).not.toHaveProperty('reports');
  });
});
