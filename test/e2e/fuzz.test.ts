/**
 * Whatever comes in, the answer is one that the documentation names, nothing fails inside, and the next caller is
 * served. `npm run fuzz` makes 200,000 inputs of what are 3,000 here.
 */
import { Agent, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Event } from '../../src/event.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { frame, rawGrpc, rawHttp, SERVICE, startEdges } from '../rpc/edges.ts';
import { type RunningApp, startApp } from '../support/app.ts';
import { type FuzzInput, fuzzInput } from './fuzz-inputs.ts';
import { CALLBACK_TOKEN, PUBLIC_URL } from './reporters.ts';
import { figure } from './stage.ts';
import { CALLER, PRODUCTION, startVendorFakes, type VendorFakes } from './vendor-fakes.ts';

const INPUTS = Number(process.env.FUZZ_INPUTS ?? 3_000);
/** To make a single input again. */
const FIRST = Number(process.env.FUZZ_FIRST ?? 1);
const AT_ONCE = 32;
const TOKEN = `Bearer ${CALLER.token}`;

/** By gRPC status: all of docs/clients.md but INTERNAL, and 415 of HTTP for what is no gRPC. */
const GRPC = new Set(['0', '1', '3', '4', '5', '7', '8', '9', '12', '14', '16', 'HTTP 415']);
const HTTP = new Set([200, 400, 401, 403, 404, 405, 412, 413, 415, 429, 499, 501, 503, 504]);
const CALLBACKS = new Set([200, 204, 400, 403, 404, 405, 413]);

let fakes: VendorFakes;
let app: RunningApp;
let session: ClientHttp2Session;
const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE });

beforeAll(async () => {
  fakes = await startVendorFakes();
  app = await startApp({
    configured: true,
    env: {
      ...fakes.env('twilio', 'tencent', 'webhook'),
      COUNTERSIGN_CALLERS: PRODUCTION.COUNTERSIGN_CALLERS,
      SMS_MOCK_MODE: 'off',
      CALLBACK_PUBLIC_URL: PUBLIC_URL,
      CALLBACK_TRUSTED_PROXIES: '1',
      TENCENT_CALLBACK_TOKEN: CALLBACK_TOKEN,
      TENCENT_CALLBACK_ADDRESSES: '["203.0.113.0/24"]',
      LOG_LEVEL: 'silent',
    },
  });
  session = open();
});
afterAll(async () => {
  agent.destroy();
  session.destroy();
  await app.stop();
  await fakes.stop();
});

/** A connection is renewed after ten minutes: it takes no new calls then, and ends when those under way have. */
function open(): ClientHttp2Session {
  const opened = connect(`http://${app.grpc}`);
  opened.once('goaway', () => {
    session = open();
  });
  opened.on('error', () => undefined);
  return opened;
}

/** As clients do with what the server has surely not looked at. */
async function grpc(input: FuzzInput): Promise<string> {
  const before = session;
  return grpcOnce(input).catch((error: unknown) => {
    if (session === before) throw error;
    return grpcOnce(input);
  });
}

function grpcOnce({ path, headers, body }: FuzzInput): Promise<string> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: TOKEN,
      ...headers,
    });
    let status = 'none';
    const see = (head: Record<string, unknown>) => {
      if (head['grpc-status'] !== undefined) status = String(head['grpc-status']);
      else if (head[':status'] !== undefined && head[':status'] !== 200) status = `HTTP ${head[':status']}`;
    };
    stream.on('response', see);
    stream.on('trailers', see);
    stream.on('error', reject);
    stream.on('close', () => resolve(status));
    stream.resume();
    stream.end(body);
  });
}

function http(base: string, { path, method, headers, body }: FuzzInput): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const sent = httpRequest({ hostname, port, path, method, agent, headers: { authorization: TOKEN, ...headers } });
    sent.on('response', (response) => {
      response.resume();
      response.on('error', reject);
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(method === 'GET' ? undefined : body);
  });
}

/** Null when the answer is a documented one. */
async function complaint(n: number): Promise<string | null> {
  const input = fuzzInput(n);
  const where = `input ${n} (${input.port} ${input.method} ${input.path})`;
  try {
    if (input.port === 'grpc') {
      const status = await grpc(input);
      return GRPC.has(status) ? null : `${where}: status ${status}`;
    }
    const status = await http(input.port === 'http' ? app.http : String(app.callbacks), input);
    return (input.port === 'http' ? HTTP : CALLBACKS).has(status) ? null : `${where}: HTTP ${status}`;
  } catch (error) {
    return `${where}: ${String(error)}`;
  }
}

test(`${INPUTS} inputs: documented answers only`, async () => {
  const complaints: string[] = [];
  let next = FIRST - 1;
  let faults = 0;
  const work = async () => {
    while (next < FIRST - 1 + INPUTS && complaints.length < 20) {
      next += 1;
      const found = await complaint(next);
      if (found !== null) complaints.push(found);
      const events = app.events as Event[];
      if (events.length < 1_000) continue;
      faults += events.filter(({ type }) => type === 'fault').length;
      events.length = 0;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  faults += app.events.filter(({ type }) => type === 'fault').length;
  expect(complaints).toEqual([]);
  expect(faults).toBe(0);
  for (const protocol of ['grpc', 'json'] as const) {
    const answer = await app
      .client(protocol)
      .call(
        VerificationService.method.rateStatus,
        { phone: '+14155550177', purpose: 'login' },
        { token: CALLER.token },
      );
    expect(answer.status).toBe('OK');
  }
  figure(`${INPUTS} fuzzed inputs, documented answers only`);
}, 3_600_000);

test('negative control: a fault inside is no documented answer', async () => {
  const edges = await startEdges();
  edges.begin({ rateStatus: () => Promise.reject(new Error('a fault')) });
  const path = `${SERVICE}/RateStatus`;
  const grpcAnswer = await rawGrpc(edges.grpc, { ':path': path }, frame(Buffer.of()));
  const httpAnswer = await rawHttp(edges.http + path, { headers: { 'content-type': 'application/json' }, body: '{}' });
  await edges.stop();
  expect(GRPC.has(String(grpcAnswer.headers['grpc-status']))).toBe(false);
  expect(HTTP.has(httpAnswer.status)).toBe(false);
  expect(edges.events.some(({ type }) => type === 'fault')).toBe(true);
});
