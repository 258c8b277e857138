import { createConnection } from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Refusal, Refused } from '../../src/domain/refusal.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { Call, CheckCodeOutput } from '../../src/verification/types.ts';
import { PROTOCOLS } from '../support/clients.ts';
import { eventually } from '../support/wait.ts';
import { type Edges, onlyRpc, SERVICE, startEdges } from './edges.ts';

const { checkCode } = VerificationService.method;
const NOT_FOUND: CheckCodeOutput = { result: 'not_found' };
const HOUR_MS = 3_600_000;

let edges: Edges;
afterEach(async () => {
  vi.useRealTimers();
  await edges.stop();
});

/** A verifier that answers nothing until its signal is aborted, and what it saw. */
function waiting(answer: (call: Call) => Promise<CheckCodeOutput>) {
  const { promise: called, resolve } = Promise.withResolvers<Call>();
  const { promise: aborted, resolve: abort } = Promise.withResolvers<Refusal>();
  const verifier = {
    checkCode: (_: unknown, call: Call) => {
      resolve(call);
      call.signal.addEventListener('abort', () => abort((call.signal.reason as Refused).refusal), { once: true });
      return answer(call);
    },
  };
  return { verifier, called, aborted };
}

const never = () => new Promise<never>(() => undefined);
const onAbort = (call: Call) =>
  new Promise<void>((resolve) => call.signal.addEventListener('abort', () => resolve(), { once: true }));

describe.each(PROTOCOLS)('over %s', (protocol) => {
  test('a call that takes longer than the service allows is DEADLINE_EXCEEDED, and its work is told to stop', async () => {
    edges = await startEdges({ deadlineMs: 50 });
    const { verifier, aborted } = waiting(never);
    edges.begin(verifier);
    const answer = await edges.client(protocol).call(checkCode, { locale: 'zh' });
    expect(answer).toEqual({
      status: 'DEADLINE_EXCEEDED',
      text: 'The request took too long.',
      details: {
        ErrorInfo: { reason: 'DEADLINE', domain: 'countersign' },
        LocalizedMessage: { locale: 'zh-CN', message: '请求处理超时。' },
      },
    });
    expect(await aborted).toEqual({ reason: 'DEADLINE' });
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'DEADLINE_EXCEEDED', reason: 'DEADLINE' });
  });

  test('the deadline of the caller counts when it is shorter', async () => {
    edges = await startEdges({ deadlineMs: HOUR_MS });
    const client = edges.client(protocol);
    edges.begin({ checkCode: async () => NOT_FOUND });
    // So that the connection is there.
    await client.call(checkCode, {});
    const { verifier, called, aborted } = waiting(never);
    edges.begin(verifier);
    // Sockets are real; no time passes for them.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'], shouldClearNativeTimers: true });
    const answer = client.call(checkCode, {}, { timeoutMs: 300 });
    const { remainingMs } = await called;
    expect(remainingMs()).toBeGreaterThan(298);
    expect(remainingMs()).toBeLessThanOrEqual(301);
    await vi.advanceTimersByTimeAsync(301);
    expect((await answer).status).toBe('DEADLINE_EXCEEDED');
    // A client may close its connection a moment before the server's own timer.
    expect((await aborted).reason).toMatch(/^(DEADLINE|CANCELED)$/);
    await eventually('the event', () => edges.events.length === 1);
  });

  test('a longer deadline, or none, is capped by ours', async () => {
    edges = await startEdges({ deadlineMs: HOUR_MS / 2 });
    const client = edges.client(protocol);
    for (const options of [{}, { timeoutMs: HOUR_MS }]) {
      const { verifier, called } = waiting(async () => NOT_FOUND);
      edges.begin(verifier);
      expect((await client.call(checkCode, {}, options)).status).toBe('OK');
      expect((await called).remainingMs()).toBeLessThanOrEqual(HOUR_MS / 2);
    }
  });

  test('ours is that of the RPC that is called', async () => {
    edges = await startEdges({ deadlineMs: (rpc) => (rpc === 'CheckCode' ? HOUR_MS / 2 : HOUR_MS) });
    const { verifier, called } = waiting(async () => NOT_FOUND);
    edges.begin(verifier);
    await edges.client(protocol).call(checkCode, {});
    expect((await called).remainingMs()).toBeLessThanOrEqual(HOUR_MS / 2);
  });

  test('work that answers when told to stop has the last word', async () => {
    edges = await startEdges({ deadlineMs: 50 });
    const { verifier } = waiting(async (call) => {
      await onAbort(call);
      return NOT_FOUND;
    });
    edges.begin(verifier);
    expect((await edges.client(protocol).call(checkCode, {})).status).toBe('OK');
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'OK', reason: null });
  });

  test('a fault after the deadline is still heard of', async () => {
    edges = await startEdges({ deadlineMs: 50 });
    const { promise, reject } = Promise.withResolvers<never>();
    edges.begin({ checkCode: () => promise });
    expect((await edges.client(protocol).call(checkCode, {})).status).toBe('DEADLINE_EXCEEDED');
    const error = new Error('late');
    reject(error);
    await eventually('the fault', () => edges.events.length === 2);
    expect(edges.events.map(({ type }) => type)).toEqual(['rpc', 'fault']);
  });
});

describe('a caller that gives up', () => {
  /** Starts a call and returns the function that cancels it. */
  const CANCELABLE = {
    grpc: () => {
      const client = new Client(edges.grpc, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
      const asIs = (bytes: Buffer) => bytes;
      const call = client.makeUnaryRequest(`${SERVICE}/CheckCode`, asIs, asIs, Buffer.of(), () => client.close());
      return () => call.cancel();
    },
    connect: () => {
      const controller = new AbortController();
      const headers = { 'content-type': 'application/json' };
      const init = { method: 'POST', headers, body: '{}', signal: controller.signal };
      const cut = fetch(`${edges.http}${SERVICE}/CheckCode`, init).then(
        () => 'answered',
        () => 'cut',
      );
      return () => {
        controller.abort();
        return cut;
      };
    },
  };

  test.each(['grpc', 'connect'] as const)(
    'aborts the signal, and is CANCELLED when the work has ended (%s)',
    async (edge) => {
      edges = await startEdges();
      const { promise: finish, resolve } = Promise.withResolvers<CheckCodeOutput>();
      const { verifier, called, aborted } = waiting(async () => finish);
      edges.begin(verifier);
      const cancel = CANCELABLE[edge]();
      const call = await called;
      cancel();
      expect(await aborted).toEqual({ reason: 'CANCELED' });
      // Nothing is reported before the outcome is known.
      expect(edges.events).toEqual([]);
      call.facts.outcome = 'approved';
      resolve(NOT_FOUND);
      await eventually('the event', () => edges.events.length === 1);
      expect(onlyRpc(edges.events)).toMatchObject({ status: 'CANCELLED', facts: { outcome: 'approved' } });
    },
  );

  test.each(['grpc', 'connect'] as const)('is refused by work that had not begun (%s)', async (edge) => {
    edges = await startEdges();
    const { verifier, called } = waiting(async (call) => {
      await onAbort(call);
      throw call.signal.reason;
    });
    edges.begin(verifier);
    const cancel = CANCELABLE[edge]();
    await called;
    cancel();
    await eventually('the event', () => edges.events.length === 1);
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'CANCELLED', reason: 'CANCELED' });
  });

  test('while its body is still on the way is CANCELLED, and reaches nothing', async () => {
    edges = await startEdges();
    edges.begin();
    const { hostname, port } = new URL(edges.http);
    const socket = createConnection(Number(port), hostname);
    const head = ['host: x', 'content-type: application/json', 'content-length: 100'].join('\r\n');
    socket.end(`POST ${SERVICE}/CheckCode HTTP/1.1\r\n${head}\r\n\r\n{"phone":`);
    await eventually('the event', () => edges.events.length === 1);
    expect(onlyRpc(edges.events)).toMatchObject({ status: 'CANCELLED', reason: 'CANCELED' });
    expect(edges.reached).toEqual([]);
    socket.destroy();
  });
});
