/** Stock clients, which have no proto file of ours: buf curl by reflection, and the health service. */
import { execFile } from 'node:child_process';
import { createConnection } from 'node:net';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { CheckCodeOutput } from '../../src/verification/types.ts';
import { PROTOCOLS } from '../support/clients.ts';
import { type Edges, frame, onlyRpc, rawGrpc, rawHttp, SERVICE, startEdges } from './edges.ts';

const run = promisify(execFile);

let edges: Edges;
beforeAll(async () => {
  edges = await startEdges();
});
beforeEach(() =>
  edges.begin({
    checkCode: async ({ code }): Promise<CheckCodeOutput> =>
      code === '824613'
        ? { result: 'approved', verificationId: 'abc', verifiedAt: 1_700_000_000_123 }
        : { result: 'wrong_code', verificationId: 'abc', attemptsRemaining: 4 },
  }),
);
afterAll(() => edges.stop());

/** Calls by reflection over gRPC. */
async function bufCurl(path: string, data: string, ...options: string[]): Promise<unknown> {
  const grpc = ['--http2-prior-knowledge', '--protocol', 'grpc', ...options];
  const { stdout } = await run('node_modules/.bin/buf', ['curl', ...grpc, '-d', data, `http://${edges.grpc}${path}`]);
  return JSON.parse(stdout);
}

test.each(['grpc-v1', 'grpc-v1alpha'])('buf curl finds the service by reflection (%s)', async (version) => {
  expect(await bufCurl(`${SERVICE}/CheckCode`, '{"code":"000000"}', '--reflect-protocol', version)).toEqual({
    result: 'CHECK_RESULT_WRONG_CODE',
    attemptsRemaining: 4,
    verificationId: 'abc',
  });
});

test('reflection can be switched off', async () => {
  const closed = await startEdges({ reflection: false });
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const { headers } = await rawGrpc(closed.grpc, { ':path': path }, Buffer.of());
  expect(headers['grpc-status']).toBe('12');
  await closed.stop();
});

describe.each(['', VerificationService.typeName])('the health of "%s"', (service) => {
  test('is what the service says it is, for clients that know only reflection', async () => {
    const check = () => bufCurl('/grpc.health.v1.Health/Check', JSON.stringify({ service }));
    expect(await check()).toEqual({ status: 'NOT_SERVING' });
    edges.grpcEdge.setServing(true);
    expect(await check()).toEqual({ status: 'SERVING' });
    edges.grpcEdge.setServing(false);
    // Probes come every few seconds and are nobody's call.
    expect(edges.events.filter((event) => event.type === 'rpc' && event.method === 'Check')).toEqual([]);
  });
});

test('curl speaks JSON', async () => {
  const headers = { 'content-type': 'application/json' };
  const answer = await rawHttp(`${edges.http}${SERVICE}/CheckCode`, { headers, body: '{"code":"824613"}' });
  expect(answer.status).toBe(200);
  expect(JSON.parse(answer.body)).toEqual({
    result: 'CHECK_RESULT_APPROVED',
    verifiedAt: '2023-11-14T22:13:20.123Z',
    verificationId: 'abc',
  });
});

test.each(['[', 'a b', ''])('the Host header "%s" does no harm', async (host) => {
  const { hostname, port } = new URL(edges.http);
  const socket = createConnection(Number(port), hostname);
  const head = [`host: ${host}`, 'connection: close', 'content-type: application/json', 'content-length: 2'];
  socket.write(`POST ${SERVICE}/CheckCode HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\n{}`);
  expect(await text(socket)).toContain('CHECK_RESULT_WRONG_CODE');
});

test.each(PROTOCOLS)('the same answer arrives over %s', async (protocol) => {
  const answer = await edges.client(protocol).call(VerificationService.method.checkCode, { code: '824613' });
  expect(answer).toMatchObject({
    status: 'OK',
    message: { verificationId: 'abc', verifiedAt: { seconds: 1_700_000_000n, nanos: 123_000_000 } },
  });
  const { seconds, ...event } = onlyRpc(edges.events);
  expect(event).toEqual({
    type: 'rpc',
    edge: protocol === 'grpc' ? 'grpc' : 'connect',
    method: 'CheckCode',
    status: 'OK',
    reason: null,
    facts: { caller: 'anonymous' },
  });
  expect(seconds).toBeGreaterThan(0);
});

test('a gRPC method that the service does not have is UNIMPLEMENTED', async () => {
  const { headers } = await rawGrpc(edges.grpc, { ':path': `${SERVICE}/Nothing` }, frame(Buffer.of()));
  expect(headers['grpc-status']).toBe('12');
});

describe('verification.v1, the package before it was renamed', () => {
  const OLD = 'verification.v1.VerificationService';

  test('is UNIMPLEMENTED over gRPC, and 404 over HTTP, which Connect clients read as unimplemented', async () => {
    const { headers } = await rawGrpc(edges.grpc, { ':path': `/${OLD}/CheckCode` }, frame(Buffer.of()));
    expect(headers['grpc-status']).toBe('12');
    const json = { headers: { 'content-type': 'application/json' }, body: '{"code":"824613"}' };
    expect((await rawHttp(`${edges.http}/${OLD}/CheckCode`, json)).status).toBe(404);
    expect(edges.reached).toEqual([]);
    // The control: the same requests to today's path reach the verifier.
    await rawGrpc(edges.grpc, { ':path': `${SERVICE}/CheckCode` }, frame(Buffer.of()));
    expect((await rawHttp(`${edges.http}${SERVICE}/CheckCode`, json)).status).toBe(200);
    expect(edges.reached).toEqual(['checkCode', 'checkCode']);
  });

  test('has no health', async () => {
    const body = JSON.stringify({ service: OLD });
    await expect(bufCurl('/grpc.health.v1.Health/Check', body)).rejects.toThrow('not_found');
  });
});
