/**
 * The HTTP edge: Connect, JSON and gRPC-Web by connect-node. Errors that the library makes by itself quote the request,
 * which may hold a phone or a code. So every response is compared with what our own code decided. If it decided
 * nothing, the request runs a second time and is refused before its body is read: by us, in our words and in the same
 * protocol.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createContextValues } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import type { Refusal } from '../domain/refusal.ts';
import type { CallFacts } from '../event.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import { emitRpc } from './call.ts';
import { createGate } from './connect-admission.ts';
import { createRouter, REQUEST_STATE, type RequestState } from './connect-router.ts';
import { type BufferedResponse, collect, disconnectSignal, NO_BODY, requestOf, statusCodeOf } from './connect-wire.ts';
import type { Edge, EdgeOptions } from './edge.ts';
import { codeOf, retryAfterSeconds } from './errors.ts';
import { createHttpListener } from './http.ts';
import { refusedForHost } from './local-host.ts';
import { traceIdOf } from './trace.ts';

/** Errors of the library that are sent as they are, because they quote no field: too large, unknown compression. */
const LIBRARY_CODES: ReadonlySet<number> = new Set([Code.RESOURCE_EXHAUSTED, Code.UNIMPLEMENTED]);

/** Too many requests, and service unavailable. */
const BUSY: ReadonlySet<number> = new Set([429, 503]);

export function createConnectEdge(options: EdgeOptions): Edge {
  const { emit, clock } = options;
  const gate = createGate(options);
  const handlers = new Map(createRouter(options).handlers.map((handler) => [handler.requestPath, handler]));

  const listener = createHttpListener(options, (req, res) => {
    if (options.localNamesOnly && refusedForHost(req, res)) return;
    const startedAt = clock();
    const handler = handlers.get(req.url?.split('?', 1)[0] ?? '');
    if (handler !== undefined) {
      const exchange = { req, res, startedAt };
      return gate(handler.method.name, exchange, (release) => void serve(handler, exchange).finally(release));
    }
    send(res, { status: 404, headers: {}, body: NO_BODY });
    emitRpc(options, {
      edge: 'connect',
      method: 'unknown',
      startedAt,
      facts: factsOf(req),
      code: Code.UNIMPLEMENTED,
      reason: null,
    });
  });

  async function serve(
    handler: UniversalHandler,
    { req, res, startedAt }: { req: IncomingMessage; res: ServerResponse; startedAt: number },
  ): Promise<void> {
    const method = handler.method.name;
    const state: RequestState = {
      facts: factsOf(req),
      disconnected: disconnectSignal(res),
      caller: null,
      outcome: undefined,
    };
    const fail = (error: unknown) => emit({ type: 'fault', where: method, error, facts: state.facts });
    let code: number;
    try {
      const contextValues = createContextValues().set(REQUEST_STATE, state);
      const request = requestOf(handler, req, { signal: state.disconnected, contextValues });
      let response = await collect(await handler(request));
      code = statusCodeOf(response);
      const correction = correctionOf(state, code);
      if (correction !== null) {
        if (correction.reason === 'INTERNAL') {
          fail(new Error('the answer could not be encoded'));
        }
        state.outcome = correction;
        code = codeOf(correction);
        response = await collect(await handler(request));
      }
      send(res, withRetryAfter(response, state));
    } catch (error) {
      fail(error);
      state.outcome = { reason: 'INTERNAL' };
      code = Code.INTERNAL;
      if (!res.headersSent) send(res, { status: 500, headers: {}, body: NO_BODY });
    }
    if (state.caller !== null) listener.trust(req.socket);
    // The work was done, but the caller is gone.
    if (code === Code.OK && state.disconnected.aborted) code = Code.CANCELLED;
    const reason = state.outcome?.reason ?? null;
    emitRpc(options, { edge: 'connect', method, startedAt, facts: state.facts, code, reason });
  }

  function send(res: ServerResponse, { status, headers, body }: BufferedResponse): void {
    if (listener.draining()) res.setHeader('connection', 'close');
    res.writeHead(status, { 'content-length': body.length, ...headers }).end(body);
  }

  return { listen: listener.listen, close: listener.close };
}

function factsOf({ headers }: IncomingMessage): CallFacts {
  const { traceparent } = headers;
  return { traceId: traceIdOf(typeof traceparent === 'string' ? traceparent : undefined) };
}

/** For clients that know HTTP only: what RetryInfo says. gRPC-Web has 200 for everything. */
function withRetryAfter(response: BufferedResponse, { outcome }: RequestState): BufferedResponse {
  const seconds = outcome == null ? null : retryAfterSeconds(outcome);
  if (seconds === null || !BUSY.has(response.status)) return response;
  return { ...response, headers: { ...response.headers, 'retry-after': String(seconds) } };
}

/** The refusal that replaces a response of the library; null when the response may be sent. */
function correctionOf({ outcome, disconnected }: RequestState, code: number): Refusal | null {
  if (outcome === null) return code === Code.OK ? null : { reason: 'INTERNAL' };
  if (outcome !== undefined || LIBRARY_CODES.has(code)) return null;
  return { reason: disconnected.aborted ? 'CANCELED' : 'MALFORMED_REQUEST' };
}
