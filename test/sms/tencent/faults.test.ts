import { once } from 'node:events';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Failure } from '../../../src/sms/provider.ts';
import type { TencentOptions } from '../../../src/sms/tencent/provider.ts';
import { selfSignedCertificate } from '../../support/certificate.ts';
import { patienceWith, signalOnce } from '../../support/patience.ts';
import { startTencentFake, type TencentFake, VENDOR_TEXT } from '../../support/tencent-fake.ts';
import type { Behaviour } from '../../support/vendor-server.ts';
import { leadingNowhere, leadingTo, MESSAGE, NEVER, SECRETS, tencentTo } from './fixture.ts';

const BIG = `<html>${VENDOR_TEXT}${'x'.repeat(1_000_000)}</html>`;

const unhandled: unknown[] = [];
const note = (reason: unknown) => unhandled.push(reason);
let fake: TencentFake;

beforeAll(() => {
  process.on('unhandledRejection', note);
});
afterAll(() => {
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});
beforeEach(async () => {
  fake = await startTencentFake(SECRETS);
});
afterEach(() => fake.server.stop());

/** One message, given up when the signal fires. What is shown of the result may hold nothing that is secret. */
async function send(endpoint: string, options: Partial<TencentOptions> = {}, signal = NEVER) {
  const provider = tencentTo(endpoint, options);
  const result = await provider.send(MESSAGE, signal);
  provider.close?.();
  const hidden = [...Object.values(SECRETS), MESSAGE.code, MESSAGE.to.slice(1), MESSAGE.to.slice(3), VENDOR_TEXT];
  for (const shown of [JSON.stringify(result), inspect(result, { depth: null, showHidden: true })]) {
    for (const secret of hidden) expect(shown).not.toContain(secret);
  }
  return result;
}

const LIE = JSON.stringify({ Response: { SendStatusSet: [{ Code: 'Ok', SerialNo: '' }] } });
const ERROR = JSON.stringify({ Response: { Error: { Code: 'InternalError', Message: VENDOR_TEXT } } });

test.each<[string, Behaviour, { requests: number; category: string; vendorCode: string }]>([
  ['reset after', { do: 'reset_after' }, { requests: 1, category: 'transient', vendorCode: 'reset' }],
  ['closed after', { do: 'close_after' }, { requests: 1, category: 'transient', vendorCode: 'reset' }],
  ['never answers', { do: 'hang' }, { requests: 1, category: 'timeout', vendorCode: 'timeout' }],
  ['headers, then nothing', { do: 'stall', body: LIE }, { requests: 1, category: 'timeout', vendorCode: 'timeout' }],
  [
    'a body that trickles',
    { do: 'trickle', body: LIE, everyMs: 20 },
    { requests: 1, category: 'timeout', vendorCode: 'timeout' },
  ],
  ['408', { do: 'answer', status: 408 }, { requests: 1, category: 'transient', vendorCode: 'http_408' }],
  ['204', { do: 'answer', status: 204 }, { requests: 1, category: 'unknown', vendorCode: 'malformed' }],
  ['500', { do: 'answer', status: 500 }, { requests: 1, category: 'transient', vendorCode: 'http_500' }],
  [
    '502 HTML',
    { do: 'answer', status: 502, body: BIG },
    { requests: 1, category: 'transient', vendorCode: 'http_502' },
  ],
  [
    '200 with an error',
    { do: 'answer', body: ERROR },
    { requests: 1, category: 'transient', vendorCode: 'InternalError' },
  ],
  ['200 HTML', { do: 'answer', body: BIG }, { requests: 1, category: 'unknown', vendorCode: 'malformed' }],
  ['200 empty', { do: 'answer' }, { requests: 1, category: 'unknown', vendorCode: 'malformed' }],
  ['200 without Response', { do: 'answer', body: '{}' }, { requests: 1, category: 'unknown', vendorCode: 'malformed' }],
  [
    '200 with an empty set',
    { do: 'answer', body: '{"Response":{"SendStatusSet":[]}}' },
    { requests: 1, category: 'unknown', vendorCode: 'malformed' },
  ],
  [
    'an event stream',
    { do: 'answer', headers: { 'content-type': 'text/event-stream' }, body: BIG },
    { requests: 1, category: 'unknown', vendorCode: 'malformed' },
  ],
  [
    '200 that cannot be unpacked',
    { do: 'answer', headers: { 'content-encoding': 'gzip' }, body: BIG },
    { requests: 1, category: 'unknown', vendorCode: 'malformed' },
  ],
  ['a lying success', { do: 'answer', body: LIE }, { requests: 1, category: 'unknown', vendorCode: 'no_message_id' }],
])('maybe sent, once: %s', async (_, behaviour, { requests, ...failure }) => {
  fake.misbehave(behaviour);
  const result = await send(fake.url, {}, patienceWith(behaviour, fake.server));
  expect(result).toMatchObject({ kind: 'unknown', status: 'UNAVAILABLE', ...failure });
  expect(fake.server.requests).toHaveLength(requests);
});

/** Tencent says what is wrong in an answer of 200: other statuses are those of a proxy before it. */
test.each<[status: number, headers: Record<string, string>, failure: Partial<Failure>]>([
  [401, {}, { category: 'credentials', status: 'INTERNAL' }],
  [403, { 'content-type': 'text/html' }, { category: 'permission', status: 'INTERNAL' }],
  [404, {}, { category: 'configuration', status: 'INTERNAL' }],
  [407, {}, { category: 'configuration', status: 'INTERNAL' }],
  [413, {}, { category: 'unknown', status: 'UNAVAILABLE' }],
  [429, {}, { category: 'rate_limited', status: 'UNAVAILABLE', retrySame: true }],
  [429, { 'retry-after': '2' }, { category: 'rate_limited', status: 'UNAVAILABLE', retrySame: true }],
  [300, {}, { category: 'configuration', status: 'INTERNAL' }],
  [302, {}, { category: 'configuration', status: 'INTERNAL' }],
  [307, {}, { category: 'configuration', status: 'INTERNAL' }],
])('surely not sent: a proxy answers %i %o', async (status, headers, failure) => {
  fake.misbehave({ do: 'answer', status, headers, body: `<html>${VENDOR_TEXT}</html>` });
  const expected = { kind: 'unavailable', actor: 'operator', vendorCode: `http_${status}`, ...failure };
  expect(await send(fake.url)).toEqual(expected);
  expect(fake.server.requests).toHaveLength(1);
});

test('reset before: maybe sent, unless the reset was faster than the connection', async () => {
  fake.misbehave({ do: 'reset_before' });
  const result = await send(fake.url);
  expect(result).toMatchObject({ category: 'transient' });
  const { kind, vendorCode } = result as Failure;
  expect(['unknown reset', 'unavailable reset']).toContain(`${kind} ${vendorCode}`);
  expect(fake.server.requests).toHaveLength(0);
});

describe('a redirect is not followed', () => {
  let elsewhere: TencentFake;

  beforeEach(async () => {
    elsewhere = await startTencentFake(SECRETS);
  });
  afterEach(() => elsewhere.server.stop());

  test.each([301, 302, 303, 307, 308])('%i', async (status) => {
    for (const location of ['/', elsewhere.url, 'http://no-such-host.invalid/', 'http://[']) {
      const before = fake.server.requests.length;
      fake.misbehave({ do: 'answer', status, headers: { location } });
      const kind = status === 303 ? 'unknown' : 'unavailable';
      expect(await send(fake.url)).toMatchObject({ kind, vendorCode: `http_${status}` });
      expect(fake.server.requests.length - before).toBe(1);
    }
    expect(elsewhere.server.connections.accepted).toBe(0);
  });

  test('not even on a connection that is there', async () => {
    const provider = tencentTo(fake.url);
    await provider.send(MESSAGE, NEVER);
    fake.misbehave({ do: 'answer', status: 307, headers: { location: '/' } });
    expect(await provider.send(MESSAGE, NEVER)).toMatchObject({ kind: 'unavailable', vendorCode: 'http_307' });
    expect(fake.server.requests).toHaveLength(2);
  });
});

describe('surely not sent', () => {
  let servers: (Server | TlsServer)[];

  beforeEach(() => {
    servers = [];
  });
  afterEach(() => {
    for (const server of servers) server.close();
  });

  async function listening(server: Server | TlsServer): Promise<number> {
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }

  test('refused', async () => {
    await fake.server.stop();
    expect(await send(fake.url)).toMatchObject({ kind: 'unavailable', category: 'transient', vendorCode: 'refused' });
  });

  test('refused by every address of the name, of which Node tells in an error without a text', async () => {
    await fake.server.stop();
    const lookup = leadingTo('127.0.0.1', '127.0.0.2');
    const endpoint = `http://sms.tencentcloudapi.com:${fake.server.port}`;
    expect(await send(endpoint, { agent: { lookup } })).toMatchObject({ kind: 'unavailable', vendorCode: 'refused' });
  });

  test.each(['ENOTFOUND', 'EAI_AGAIN'])('a name that leads nowhere: %s', async (code) => {
    const result = await send('https://sms.tencentcloudapi.com', { agent: { lookup: leadingNowhere(code) } });
    expect(result).toMatchObject({ kind: 'unavailable', category: 'transient', vendorCode: 'dns' });
  });

  test('a name that the resolver of this machine does not know, however long that takes', async () => {
    const result = await tencentTo('https://no-such-host.invalid').send(MESSAGE, NEVER);
    expect(result).toMatchObject({ kind: 'unavailable' });
  });

  test('a certificate that is not trusted', async () => {
    let asked = 0;
    const port = await listening(createTlsServer(selfSignedCertificate(), () => asked++));
    const result = await send(`https://localhost:${port}`);
    expect(result).toMatchObject({
      kind: 'unavailable',
      category: 'transient',
      status: 'UNAVAILABLE',
      vendorCode: 'tls',
    });
    expect(asked).toBe(0);
  });

  test('no TLS at all', async () => {
    const result = await send(`https://127.0.0.1:${fake.server.port}`);
    expect(result).toMatchObject({
      kind: 'unavailable',
      category: 'transient',
      status: 'UNAVAILABLE',
      vendorCode: 'tls',
    });
  });

  test('given up before the connection was made', async () => {
    let begun = false;
    const silent = createServer((socket) => {
      begun = true;
      socket.on('error', () => undefined).resume();
    });
    const port = await listening(silent);
    const result = await send(
      `https://127.0.0.1:${port}`,
      {},
      signalOnce('the handshake has begun', () => begun),
    );
    expect(result).toMatchObject({ kind: 'unavailable', category: 'timeout', vendorCode: 'timeout' });
  });

  test('given up before it began', async () => {
    const result = await tencentTo(fake.url).send(MESSAGE, AbortSignal.abort());
    expect(result).toMatchObject({ kind: 'unavailable', category: 'timeout', vendorCode: 'timeout' });
    expect(fake.server.connections.accepted).toBe(0);
  });
});

test('over TLS an answer is read, and a silence after the request counts as maybe sent', async () => {
  const identity = selfSignedCertificate();
  let answering = true;
  let requests = 0;
  const server = createTlsServer(identity, (_request, response) => {
    requests += 1;
    const status = { Code: 'Ok', SerialNo: '5000:1', PhoneNumber: MESSAGE.to, Fee: 1 };
    if (answering)
      response.setHeader('connection', 'close').end(JSON.stringify({ Response: { SendStatusSet: [status] } }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `https://localhost:${(server.address() as AddressInfo).port}`;
  expect(await send(endpoint, { agent: { ca: identity.cert } })).toMatchObject({ kind: 'accepted' });
  answering = false;
  const read = signalOnce('the request was read', () => requests === 2);
  expect(await send(endpoint, { agent: { ca: identity.cert } }, read)).toMatchObject({
    kind: 'unknown',
    category: 'timeout',
  });
  server.closeAllConnections();
  server.close();
});
