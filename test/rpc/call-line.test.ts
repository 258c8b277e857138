/** What of a caller's own ids is on the line of the call, on both edges, however the call ends. */
import { create, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Refused } from '../../src/domain/refusal.ts';
import { SendCodeRequestSchema } from '../../src/gen/countersign/v1/verification_pb.ts';
import { type Edges, frame, onlyRpc, rawGrpc, rawHttp, SERVICE, startEdges } from './edges.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;
const ID = '7f9c1f2e-6a3b-4c55-9d0e-2b1a90f4c6d8';

let edges: Edges;
let locked: Edges;
beforeAll(async () => {
  edges = await startEdges();
  locked = await startEdges({ callers: [{ name: 'auth', purposes: 'all', tokenHashes: ['ab'.repeat(32)] }] });
});
afterAll(() => Promise.all([edges.stop(), locked.stop()]));

interface Sent {
  readonly traceparent?: string | string[];
  readonly requestId?: string;
}

type Calling = (on: Edges, sent: Sent) => Promise<unknown>;

const EDGES: readonly (readonly [edge: string, call: Calling])[] = [
  [
    'grpc',
    (on, { traceparent, requestId = '' }) =>
      rawGrpc(
        on.grpc,
        { ':path': `${SERVICE}/SendCode`, ...(traceparent !== undefined && { traceparent }) },
        frame(toBinary(SendCodeRequestSchema, create(SendCodeRequestSchema, { requestId }))),
      ),
  ],
  [
    'connect',
    (on, { traceparent, requestId = '' }) =>
      rawHttp(`${on.http}${SERVICE}/SendCode`, {
        headers: {
          'content-type': 'application/json',
          ...(traceparent !== undefined && { traceparent: String(traceparent) }),
        },
        body: JSON.stringify({ requestId }),
      }),
  ],
];

describe.each(EDGES)('over %s', (_, call) => {
  const refuse = async (sent: Sent) => {
    edges.begin({ sendCode: () => Promise.reject(new Refused({ reason: 'COOLDOWN', retryAfterMs: 1 })) });
    await call(edges, sent);
    return onlyRpc(edges.events).facts;
  };

  test('a refused call shows its request_id and its trace', async () => {
    expect(await refuse({ requestId: ID, traceparent: TRACEPARENT })).toMatchObject({ requestId: ID, traceId: TRACE });
  });

  test('a call without them shows neither', async () => {
    expect(await refuse({})).toMatchObject({ requestId: undefined, traceId: undefined });
  });

  test('a request_id with a phone in it is not shown', async () => {
    expect(await refuse({ requestId: 'login-4155550123' })).toMatchObject({ requestId: undefined });
  });

  test('a call without a token still shows its trace', async () => {
    locked.begin();
    await call(locked, { traceparent: TRACEPARENT });
    expect(onlyRpc(locked.events)).toMatchObject({ status: 'UNAUTHENTICATED', facts: { traceId: TRACE } });
  });

  test.each([
    ['a later version, with a field more', `01-${TRACE}-00f067aa0ba902b7-01-more`, TRACE],
    ['a field more in version 00', `${TRACEPARENT}-more`, undefined],
    ['version ff', TRACEPARENT.replace('00-', 'ff-'), undefined],
    ['capitals', TRACEPARENT.toUpperCase(), undefined],
    ['a trace of zeros', TRACEPARENT.replace(TRACE, '0'.repeat(32)), undefined],
    ['a parent of zeros', TRACEPARENT.replace('00f067aa0ba902b7', '0'.repeat(16)), undefined],
    ['a trace that is too short', TRACEPARENT.replace(TRACE, TRACE.slice(1)), undefined],
    ['two headers', `${TRACEPARENT}, ${TRACEPARENT}`, undefined],
    ['a forged record', '00-","level":"fatal","msg":"forged', undefined],
    ['a phone', '+14155550123', undefined],
    ['nothing', '', undefined],
  ])('traceparent: %s', async (_name, traceparent, traceId) => {
    expect(await refuse({ traceparent })).toMatchObject({ traceId });
  });
});

describe.each(EDGES)('over %s', (_, call) => {
  test('the line of a fault has the ids of its call', async () => {
    const error = new Error('a bug');
    edges.begin({ sendCode: () => Promise.reject(error) });
    await call(edges, { requestId: ID, traceparent: TRACEPARENT });
    const facts = { requestId: ID, traceId: TRACE };
    expect(edges.events).toMatchObject([
      { type: 'fault', error, facts },
      { type: 'rpc', facts },
    ]);
  });
});

test('two traceparent headers of gRPC are none', async () => {
  edges.begin({ sendCode: () => Promise.reject(new Refused({ reason: 'DEADLINE' })) });
  await EDGES[0]?.[1](edges, { traceparent: [TRACEPARENT, TRACEPARENT.replace('4bf9', '4bf8')] });
  expect(onlyRpc(edges.events).facts.traceId).toBeUndefined();
});

test('a path that names no method shows the trace of the call', async () => {
  edges.begin();
  await rawHttp(`${edges.http}/nothing`, { headers: { traceparent: TRACEPARENT } });
  expect(onlyRpc(edges.events)).toMatchObject({ method: 'unknown', facts: { traceId: TRACE } });
});
