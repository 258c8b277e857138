import { once } from 'node:events';
import { Agent, request as requestHttp } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { DeliveryReport } from '../../src/domain/delivery.ts';
import type { Event } from '../../src/event.ts';
import type { Provider, ReportReading, ReportRequest } from '../../src/sms/provider.ts';
import {
  createReportListener,
  type ReportListener,
  type ReportListenerOptions,
} from '../../src/sms/report-listener.ts';
import { createWebhookProvider } from '../../src/sms/webhook/provider.ts';
import { startWebhookFake } from '../support/webhook-fake.ts';

const SECRET = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const NOW = Date.parse('2026-11-21T04:05:06Z');
const report: DeliveryReport = { token: 't', messageId: 'm', status: 'delivered', category: '', vendorCode: '' };
const THANKS: ReportReading = { kind: 'reports', reports: [report], answer: { status: 200, body: '{"result":0}' } };

/** A vendor that reads whatever it is told to, and remembers what it was asked. */
function vendor(name: string, reading: ReportReading = THANKS) {
  const asked: ReportRequest[] = [];
  const provider: Provider = {
    name,
    send: () => Promise.reject(new Error('not here')),
    reports: {
      byMessageId: false,
      read(request) {
        asked.push(request);
        return reading;
      },
    },
  };
  return { provider, asked };
}

interface Stage {
  readonly port: number;
  readonly url: string;
  readonly events: Event[];
  readonly stored: { provider: string; report: DeliveryReport }[];
}

const open: ReportListener[] = [];
afterEach(() => Promise.all(open.splice(0).map((server) => server.close(0))));

async function start(providers: readonly Provider[], changed: Partial<ReportListenerOptions> = {}): Promise<Stage> {
  const events: Event[] = [];
  const stored: Stage['stored'] = [];
  const server = createReportListener({
    providers,
    publicUrl: 'https://sms.example.com/reports',
    trustedProxies: 0,
    maxBodyBytes: 64 * 1024,
    onReport: async (provider, given) => void stored.push({ provider, report: given }),
    emit: (event) => events.push(event),
    now: () => NOW,
    ...changed,
  });
  open.push(server);
  const port = await server.listen({ host: '127.0.0.1', port: 0 });
  return { port, url: `http://127.0.0.1:${port}/reports`, events, stored };
}

const post = (url: string, init: RequestInit = {}) => fetch(url, { method: 'POST', body: 'x=1', ...init });

describe('a report', () => {
  test('reaches its provider as it was called, and is stored before the vendor hears its answer', async () => {
    const { provider, asked } = vendor('twilio');
    const { url, stored, events } = await start([provider]);
    const response = await post(`${url}/twilio/c?t=A%20b&t=2`, {
      headers: { 'x-twilio-signature': 'signed' },
    });
    expect([response.status, await response.text()]).toEqual([200, '{"result":0}']);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(stored).toEqual([{ provider: 'twilio', report }]);
    expect(asked).toMatchObject([
      {
        url: 'https://sms.example.com/reports/twilio/c?t=A%20b&t=2',
        path: '/c',
        body: Buffer.from('x=1'),
        address: '127.0.0.1',
        now: NOW,
        headers: { 'x-twilio-signature': 'signed' },
      },
    ]);
    expect(events).toEqual([]);
  });

  test.each([
    ['https://sms.example.com', '/twilio?t=1', 'https://sms.example.com/twilio?t=1', ''],
    ['https://sms.example.com/', '/twilio/x', 'https://sms.example.com/twilio/x', '/x'],
    ['https://sms.example.com:8443/a/b', '/a/b/twilio', 'https://sms.example.com:8443/a/b/twilio', ''],
    ['https://sms.example.com/a/b/', '/a/b/twilio/', 'https://sms.example.com/a/b/twilio/', '/'],
    [
      'https://sms.example.com',
      '/twilio/%2E%2e//x%2fy?',
      'https://sms.example.com/twilio/%2E%2e//x%2fy?',
      '/%2E%2e//x%2fy',
    ],
  ])('with %s as the public URL, %s is %s', async (publicUrl, path, url, rest) => {
    const { provider, asked } = vendor('twilio');
    const { port } = await start([provider], { publicUrl });
    expect(await raw(port, { path })).toBe(200);
    expect(asked).toMatchObject([{ url, path: rest }]);
  });

  test.each([
    [0, undefined, '127.0.0.1'],
    [0, '203.0.113.7', '127.0.0.1'],
    [1, '203.0.113.7', '203.0.113.7'],
    [1, '192.0.2.1, 203.0.113.7', '203.0.113.7'],
    [1, undefined, '127.0.0.1'],
  ])('behind %d proxies, with X-Forwarded-For: %s, is from %s', async (trustedProxies, forwarded, address) => {
    const { provider, asked } = vendor('tencent');
    const { url } = await start([provider], { trustedProxies });
    await post(`${url}/tencent`, forwarded === undefined ? {} : { headers: { 'x-forwarded-for': forwarded } });
    expect(asked).toMatchObject([{ address }]);
  });

  test('over a dual-stack socket is from its IPv4 address', async () => {
    const { provider, asked } = vendor('tencent');
    const server = createReportListener({
      ...{ providers: [provider], publicUrl: 'https://x.test', trustedProxies: 0, maxBodyBytes: 10, now: () => NOW },
      onReport: async () => undefined,
      emit: () => undefined,
    });
    open.push(server);
    const port = await server.listen({ host: '::', port: 0 });
    await post(`http://127.0.0.1:${port}/tencent`);
    expect(asked).toMatchObject([{ address: '127.0.0.1' }]);
  });

  test('comes a hundred times at once, and each is stored', async () => {
    const { provider } = vendor('twilio');
    const { url, stored } = await start([provider]);
    const answers = await Promise.all(Array.from({ length: 100 }, () => post(`${url}/twilio`)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(stored.length).toBe(100);
  });

  test('that cannot be stored is asked for again', async () => {
    const { provider } = vendor('twilio', {
      kind: 'reports',
      reports: Array(100).fill(report),
      answer: { status: 204, body: '' },
    });
    const error = new Error('away');
    let tried = 0;
    const { url, events } = await start([provider], {
      onReport: () => {
        tried += 1;
        return tried === 50 ? Promise.reject(error) : Promise.resolve();
      },
    });
    const response = await post(`${url}/twilio`);
    expect([response.status, await response.text()]).toEqual([503, '']);
    expect(tried).toBe(100);
    expect(events).toEqual([{ type: 'reports_failed', provider: 'twilio', error }]);
  });

  test('keeps the connection of its vendor, which strangers do not', async () => {
    const { provider } = vendor('twilio');
    const { url } = await start([provider]);
    expect((await post(`${url}/twilio`)).headers.get('connection')).toBe('keep-alive');
    expect((await post(`${url}/nobody`)).headers.get('connection')).toBe('close');
  });
});

describe('a gateway’s reports', () => {
  async function stage(now = () => NOW) {
    const fake = await startWebhookFake({ secret: SECRET, now: () => NOW });
    const webhook = createWebhookProvider({
      ...{ url: fake.url, secret: SECRET, maxSockets: 1, reports: true },
      now,
    });
    const started = await start([webhook], { now });
    const reports = [{ report_token: 'dG9rZW4', status: 'delivered' }];
    await fake.stop();
    return { ...started, send: fake.report, reports, at: `${started.url}/webhook` };
  }

  test('are taken with 204, the same again as well', async () => {
    const { send, reports, at, stored } = await stage();
    const same = { id: 'report-7' };
    expect((await send(at, reports, same)).status).toBe(204);
    expect((await send(at, reports, same)).status).toBe(204);
    expect(stored.map(({ report: { token } }) => token)).toEqual(['dG9rZW4', 'dG9rZW4']);
  });

  test.each([
    ['signed with another secret', { secret: 'another secret, also long enough' }, 403, 'forged'],
    ['signed for another time', { headers: { 'webhook-timestamp': String(NOW / 1000 - 10) } }, 403, 'forged'],
    ['signed for another id', { headers: { 'webhook-id': 'other' } }, 403, 'forged'],
    ['of an hour ago', { at: NOW / 1000 - 3600 }, 403, 'forged'],
  ] as const)('%s are refused and counted', async (_, as, status, why) => {
    const { send, reports, at, stored, events } = await stage();
    expect((await send(at, reports, as)).status).toBe(status);
    expect(events).toEqual([{ type: 'callback_refused', provider: 'webhook', why }]);
    expect(stored).toEqual([]);
  });

  test('not understood are malformed, and none of them is stored', async () => {
    const { send, reports, at, stored, events } = await stage();
    expect((await send(at, [...reports, { status: 'delivered' }])).status).toBe(400);
    expect(events).toEqual([{ type: 'callback_refused', provider: 'webhook', why: 'malformed' }]);
    expect(stored).toEqual([]);
  });
});

describe('a stranger', () => {
  const silent: Provider = { name: 'silent', send: () => Promise.reject(new Error('not here')) };

  test.each([
    ['POST', '/reports/nobody', 404, '', 'unknown_path'],
    ['POST', '/reports/silent', 404, '', 'unknown_path'],
    ['POST', '/reports/twilio2', 404, '', 'unknown_path'],
    ['POST', '/reports/constructor', 404, '', 'unknown_path'],
    ['POST', '/reports', 404, '', 'unknown_path'],
    ['POST', '/reports/', 404, '', 'unknown_path'],
    ['POST', '/reports//twilio', 404, '', 'unknown_path'],
    ['POST', '/twilio', 404, '', 'unknown_path'],
    ['POST', '/', 404, '', 'unknown_path'],
    ['POST', 'http://sms.example.com/reports/twilio', 404, '', 'unknown_path'],
    ['GET', '/reports/nobody', 404, '', 'unknown_path'],
    ['GET', '/reports/twilio', 405, 'twilio', 'method'],
    ['HEAD', '/reports/twilio', 405, 'twilio', 'method'],
    ['PUT', '/reports/twilio', 405, 'twilio', 'method'],
    ['OPTIONS', '/reports/twilio', 405, 'twilio', 'method'],
  ])('%s %s hears %d', async (method, path, status, provider, why) => {
    const { provider: twilio, asked } = vendor('twilio');
    const { port, events } = await start([twilio, silent]);
    expect(await raw(port, { method, path })).toBe(status);
    expect(events).toEqual([{ type: 'callback_refused', provider, why }]);
    expect(asked).toEqual([]);
  });

  test.each([
    ['that says its length', { 'content-length': '70000' }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('who sends more than 64 KiB %s hears 413', async (_, headers) => {
    const { provider, asked } = vendor('twilio');
    const { port, events } = await start([provider]);
    expect(await raw(port, { path: '/reports/twilio', headers, body: 'x'.repeat(70_000) })).toBe(413);
    expect(events).toEqual([{ type: 'callback_refused', provider: 'twilio', why: 'too_large' }]);
    expect(asked).toEqual([]);
  });

  test('who sends 64 KiB is heard', async () => {
    const { provider } = vendor('twilio');
    const { url } = await start([provider]);
    expect((await post(`${url}/twilio`, { body: 'x'.repeat(64 * 1024) })).status).toBe(200);
  });

  test.each([
    ['says nothing', ''],
    ['never ends the headers', 'POST /reports/twilio HTTP/1.1\r\nhost: x\r\n'],
    ['never ends the body', 'POST /reports/twilio HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx'],
  ])('who %s is cut off', async (_, text) => {
    const { provider, asked } = vendor('twilio');
    const { port } = await start([provider], { requestMs: 100 });
    const socket = connect(port, '127.0.0.1');
    socket.write(text);
    const heard = await new Promise<string>((resolve) => {
      let all = '';
      socket.on('data', (chunk) => {
        all += chunk;
      });
      socket.on('close', () => resolve(all));
    });
    expect(heard).toMatch(/^(?:HTTP\/1\.1 408 |$)/);
    expect(asked).toEqual([]);
  });

  test('who holds all connections that there may be keeps no vendor out', async () => {
    const { provider } = vendor('twilio');
    const { port, events } = await start([provider], { maxConnections: 3 });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const report = (from?: Agent) => raw(port, { path: '/reports/twilio', ...(from && { agent: from }) });
    expect(await report(agent)).toBe(200);
    const strangers: Socket[] = [];
    for (let n = 0; n < 4; n++) strangers.push(await connected(port));
    // A vendor who is new here, and one who kept a connection.
    expect(await report()).toBe(200);
    expect(await report(agent)).toBe(200);
    // The oldest made room.
    await Promise.all(strangers.slice(0, 3).map((socket) => socket.closed || once(socket, 'close')));
    expect(strangers[3]?.closed).toBe(false);
    expect(events.filter(({ type }) => type === 'cut')).toEqual(
      Array.from({ length: 3 }, () => ({ type: 'cut', listener: 'callbacks', why: 'full' })),
    );
    strangers[3]?.destroy();
    agent.destroy();
  });

  test('who goes away in the middle leaves no trace', async () => {
    const { provider, asked } = vendor('twilio');
    const { port, url, events } = await start([provider]);
    const socket = connect(port, '127.0.0.1');
    await new Promise((resolve) => {
      socket.write('POST /reports/twilio HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx', resolve);
    });
    socket.destroy();
    expect((await post(`${url}/twilio`)).status).toBe(200);
    expect(asked.length).toBe(1);
    expect(events).toEqual([]);
  });
});

test('a provider that throws against its contract is a fault of ours', async () => {
  const { provider } = vendor('twilio');
  const error = new Error('thrown');
  const reports = {
    byMessageId: false,
    read: () => {
      throw error;
    },
  };
  const { url, events } = await start([{ ...provider, reports }]);
  expect((await post(`${url}/twilio`)).status).toBe(500);
  expect(events).toEqual([{ type: 'fault', where: 'callbacks', error }]);
});

test('no event shows what was sent', async () => {
  const marks = ['+14155550123', '493817', 'hidden-path', 'hidden-query', 'hidden-header'];
  for (const kind of ['forged', 'malformed'] as const) {
    const { provider } = vendor('twilio', { kind });
    const { url, events } = await start([provider]);
    for (const path of ['/twilio/hidden-path?hidden-query', '/hidden-path']) {
      await post(url + path, { body: marks.join(), headers: { 'x-twilio-signature': 'hidden-header' } });
    }
    expect(events.length).toBe(2);
    expect(marks.filter((mark) => JSON.stringify(events).includes(mark))).toEqual([]);
  }
});

test('closing lets a report that is being stored end, and takes no more', async () => {
  const { provider } = vendor('twilio');
  const storing = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<void>();
  const { url } = await start([provider], {
    onReport: () => {
      asked.resolve();
      return storing.promise;
    },
  });
  const answer = post(`${url}/twilio`);
  await asked.promise;
  const closed = open[0]?.close(5_000);
  await expect(post(`${url}/twilio`)).rejects.toThrow();
  storing.resolve();
  expect((await answer).status).toBe(200);
  expect((await answer).headers.get('connection')).toBe('close');
  await closed;
});

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  return socket.resume();
}

/** Exactly this target and these headers, which fetch would put in order. */
function raw(
  port: number,
  request: { method?: string; path: string; headers?: Record<string, string>; body?: string; agent?: Agent },
): Promise<number | undefined> {
  const { method = 'POST', path, headers = {}, body = '', agent } = request;
  return new Promise((resolve, reject) => {
    const sent = requestHttp({ host: '127.0.0.1', port, method, path, headers, agent }, (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
