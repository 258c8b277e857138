import { once } from 'node:events';
import { createConnection } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { Edge } from '../../src/rpc/edge.ts';
import type { CheckCodeOutput } from '../../src/verification/types.ts';
import { callHeaders, dataFrame, headersFrame, rawConnection } from '../support/http2-frames.ts';
import { eventually } from '../support/wait.ts';
import { type Edges, frame, rawGrpc, startEdges } from './edges.ts';

const { checkCode } = VerificationService.method;
const HOUR_MS = 3_600_000;

let edges: Edges;
beforeEach(async () => {
  edges = await startEdges();
});
afterEach(() => edges.stop());

const EDGES = [
  { protocol: 'grpc', edge: (): Edge => edges.grpcEdge, port: () => Number(edges.grpc.split(':')[1]) },
  { protocol: 'json', edge: (): Edge => edges.httpEdge, port: () => Number(new URL(edges.http).port) },
] as const;

describe.each(EDGES)('closing the listener of $protocol', ({ protocol, edge, port }) => {
  test('lets calls under way finish, and takes no new connections', async () => {
    const { promise: called, resolve: begun } = Promise.withResolvers<void>();
    const { promise: finish, resolve } = Promise.withResolvers<CheckCodeOutput>();
    edges.begin({
      checkCode: () => {
        begun();
        return finish;
      },
    });
    const answer = edges.client(protocol).call(checkCode, {});
    await called;
    const closed = edge().close(HOUR_MS);
    const refused = createConnection(port(), '127.0.0.1');
    expect(await once(refused, 'error')).toMatchObject([{ code: 'ECONNREFUSED' }]);
    resolve({ result: 'not_found' });
    expect((await answer).status).toBe('OK');
    // The connection is not kept for another request.
    await closed;
  });

  test('cuts calls that outlive the grace', async () => {
    const { promise: called, resolve: begun } = Promise.withResolvers<void>();
    edges.begin({
      checkCode: () => {
        begun();
        return new Promise(() => undefined);
      },
    });
    const answer = edges.client(protocol).call(checkCode, {});
    await called;
    await edge().close(10);
    expect((await answer).status).not.toBe('OK');
  });

  test('ends idle connections at once', async () => {
    edges.begin({ checkCode: async () => ({ result: 'not_found' }) });
    await edges.client(protocol).call(checkCode, {});
    await edge().close(HOUR_MS);
  });

  test('may be done twice', async () => {
    await edge().close(HOUR_MS);
    await edge().close(HOUR_MS);
  });
});

test.each([
  ['a health Watch', '/grpc.health.v1.Health/Watch', frame(Buffer.of())],
  ['a stream of reflection', '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo', Buffer.of()],
])('%s that a client keeps open holds up no stop', async (_, path, body) => {
  const { socket, received } = rawConnection(Number(edges.grpc.split(':')[1]));
  socket.write(headersFrame(1, callHeaders(path)));
  if (body.length > 0) socket.write(dataFrame(1, body, { end: true }));
  edges.grpcEdge.setServing(true);
  // The answer of a later call: the server has the stream.
  await rawGrpc(edges.grpc, { ':path': '/grpc.health.v1.Health/Check' }, frame(Buffer.of()));
  edges.grpcEdge.setServing(false);
  await edges.grpcEdge.close(HOUR_MS);
  await eventually('the client was told', () => received.goaway > 0 && socket.destroyed);
});

test.each(EDGES)('a port that is taken is an error, not a crash ($protocol)', async ({ edge, port }) => {
  const others = await startEdges();
  await expect(edge().listen({ host: '127.0.0.1', port: new URL(others.http).port as never })).rejects.toThrow();
  expect(port()).toBeGreaterThan(0);
  await others.stop();
});
