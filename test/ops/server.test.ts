import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Event } from '../../src/event.ts';
import type { Readiness } from '../../src/ops/readiness.ts';
import { createOpsServer } from '../../src/ops/server.ts';

const READY: Readiness = { ready: true, components: { server: 'serving', store: 'ready' } };

let asked = 0;
let readiness: () => Promise<Readiness> = async () => READY;
const faults: unknown[] = [];
const options = {
  metrics: { contentType: 'text/plain; version=0.0.4', render: async () => 'countersign_up 1\n' },
  readiness: () => {
    asked++;
    return readiness();
  },
  emit: (event: Event) => void (event.type === 'fault' && faults.push(event.error)),
};
const server = createOpsServer(options);
let port: number;

beforeAll(async () => {
  port = await server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close(0));

const call = (path: string, method = 'GET') => fetch(`http://127.0.0.1:${port}${path}`, { method });

test('/livez answers without asking anything', async () => {
  asked = 0;
  const response = await call('/livez');
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ status: 'alive' });
  expect(asked).toBe(0);
});

describe('/readyz', () => {
  const lost: Readiness = { ready: false, components: { server: 'serving', store: 'lost' } };

  test.each([
    [200, 'ready', READY],
    [503, 'not ready', lost],
  ])('answers %d and names the components', async (status, word, answer) => {
    readiness = async () => answer;
    const response = await call('/readyz?verbose');
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ status: word, components: answer.components });
  });

  test('answers 500 and reports when it breaks, without saying why', async () => {
    const error = new Error('secret text');
    readiness = () => Promise.reject(error);
    const response = await call('/readyz');
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('secret');
    expect(faults).toEqual([error]);
  });
});

test('/metrics answers in the Prometheus format', async () => {
  const response = await call('/metrics');
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4');
  expect(await response.text()).toBe('countersign_up 1\n');
});

test('HEAD is GET without the body', async () => {
  const response = await call('/livez', 'HEAD');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-length')).toBe('19');
  expect(await response.text()).toBe('');
});

test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('%s is not allowed', async (method) => {
  const response = await call('/livez', method);
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('GET, HEAD');
});

test.each(['/', '/livez/', '/debug', '/constructor', '/__proto__', '//metrics'])('%s is nothing', async (path) => {
  expect((await call(path)).status).toBe(404);
});

test('listening on a port that is taken is an error', async () => {
  const second = createOpsServer(options);
  await expect(second.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  await second.close(0);
});

test('closing does not wait for a connection that says nothing', async () => {
  const own = createOpsServer(options);
  const silent = connect(await own.listen({ host: '127.0.0.1', port: 0 }), '127.0.0.1');
  await new Promise((resolve) => silent.once('connect', resolve));
  silent.on('error', (error) => faults.push(error));
  await own.close(0);
  silent.destroy();
});
