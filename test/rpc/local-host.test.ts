/** A server without callers answers to names of this machine only: no page on the web may call it by a name of its own. */
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startApp } from '../support/app.ts';
import { type Edges, startEdges } from './edges.ts';

const BODY = JSON.stringify({ phone: '+14155550123', purpose: 'login' });
const PATH = '/countersign.v1.VerificationService/SendCode';

/** `fetch` does not let a caller choose the Host header. */
function post(url: string, host: string | undefined): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', ...(host !== undefined && { host }) };
    const sent = request(
      { hostname, port, path: PATH, method: 'POST', headers, setHost: host === undefined },
      (res) => {
        let body = '';
        res.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        res.on('end', () => resolve({ status: res.statusCode ?? 0, body }));
      },
    );
    sent.on('error', reject).end(BODY);
  });
}

const FOREIGN = [
  ...['evil.example', 'evil.example:8080', 'localhost.evil.example', '127.0.0.1.nip.io', 'localhost:8080.evil.example'],
  ...['192.168.1.5:8080', '0.0.0.0:8080', '[::]:8080', '128.0.0.1', 'xlocalhost', 'localhost@evil.example', ''],
];
const LOCAL = [
  ...[undefined, 'localhost', 'LOCALHOST:8080', '127.0.0.1', '127.0.0.1:8080', '127.1.2.3', '[::1]', '[::1]:8080'],
  'app.localhost:3000',
];

describe('without callers', () => {
  let edges: Edges;
  beforeAll(async () => {
    edges = await startEdges({ localNamesOnly: true });
  });
  afterAll(() => edges.stop());

  test.each(FOREIGN)('a request to %j is misdirected, and reaches nothing', async (host) => {
    edges.begin();
    const { status, body } = await post(edges.http, host);
    expect(status).toBe(421);
    expect(body).toMatch(
      /^This server has no callers configured, so it answers only to localhost, 127\.0\.0\.1 and \[::1\]/,
    );
    expect(body).not.toContain('evil');
    expect(edges.reached).toEqual([]);
  });

  test.each(LOCAL)('a request to %j is served', async (host) => {
    edges.begin();
    await post(edges.http, host);
    expect(edges.reached).toEqual(['sendCode']);
  });
});

test('without the guard the same requests reach the service', async () => {
  const edges = await startEdges({ localNamesOnly: false });
  edges.begin();
  for (const host of FOREIGN) await post(edges.http, host);
  expect(edges.reached).toHaveLength(FOREIGN.length);
  await edges.stop();
});

test('with callers any name is served, because a page on the web has no token', async () => {
  const app = await startApp({ env: { COUNTERSIGN_CALLERS: `{auth: {tokens: [${'a'.repeat(64)}]}}` } });
  for (const host of FOREIGN.slice(0, 5)) expect((await post(app.http, host)).status).toBe(401);
  await app.stop();
});

test('the code of a development server is not shown to a page that rebinds its name', async () => {
  const app = await startApp({ configured: true });
  const rebound = await post(app.http, 'evil.example');
  expect(rebound.status).toBe(421);
  expect(rebound.body).not.toMatch(/\d{6}/);
  const { code } = JSON.parse((await post(app.http, undefined)).body);
  expect(code).toMatch(/^\d{6}$/);
  await app.stop();
});
