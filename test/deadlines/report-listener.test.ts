/** Strangers on the public port of delivery reports: who says too little is cut off in time. */
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Provider } from '../../src/sms/provider.ts';
import { createReportListener, type ReportListener } from '../../src/sms/report-listener.ts';
import { elapsedMs, figure } from './figures.ts';

const REQUEST_MS = 500;
const twilio: Provider = {
  name: 'twilio',
  send: () => Promise.reject(new Error('not here')),
  reports: { byMessageId: false, read: () => ({ kind: 'forged' }) },
};

let server: ReportListener;
let port: number;
beforeAll(async () => {
  server = createReportListener({
    ...{ providers: [twilio], publicUrl: 'https://sms.example.com/reports', trustedProxies: 0, maxBodyBytes: 1_024 },
    ...{ onReport: async () => undefined, emit: () => undefined, now: Date.now, requestMs: REQUEST_MS },
  });
  port = await server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => server.close(0));

it.each([
  ['says nothing', ''],
  ['never ends the headers', 'POST /reports/twilio HTTP/1.1\r\nhost: x\r\n'],
  ['never ends the body', 'POST /reports/twilio HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nx'],
])('who %s is cut off', async (what, text) => {
  const ms = await elapsedMs(async () => {
    const socket = connect(port, '127.0.0.1').resume();
    socket.write(text);
    await new Promise((resolve) => socket.on('close', resolve));
  });
  figure(`who ${what} is cut off after ${ms.toFixed(0)} ms, allowed are ${REQUEST_MS}`);
  expect(ms).toBeLessThan(2 * REQUEST_MS);
});
