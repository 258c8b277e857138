/**
 * The HTTP edge: Connect, JSON and gRPC-Web by connect-node. What the library refuses by itself quotes the request,
 * which may hold a phone or a code. So every answer is compared with what this edge decided, and one that the library
 * made is made again as a refusal of ours, in the same protocol, by a second pass that ends at the gate.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createContextValues } from '@connectrpc/connect';
import type { UniversalHandler } from '@connectrpc/connect/protocol';
import type { Refusal } from '../domain/refusal.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import { emitRpc } from './call.ts';
import { createRouter, VISIT, type Visit } from './connect-router.ts';
import { type Answer, codeOnWire, collect, goneSignal, NO_BODY, requestOf } from './connect-wire.ts';
import type { Edge, EdgeOptions } from './edge.ts';
import { codeOf } from './errors.ts';
import { createHttpListener } from './http.ts';

/** What the library may say in its own words, which quote no field: too large, unknown compression. */
const LIBRARY_CODES: ReadonlySet<number> = new Set([Code.RESOURCE_EXHAUSTED, Code.UNIMPLEMENTED]);

export function createConnectEdge(options: EdgeOptions): Edge {
  const { emit, clock } = options;
  const handlers = new Map(createRouter(options).handlers.map((handler) => [handler.requestPath, handler]));

  const listener = createHttpListener((req, res) => {
    const startedAt = clock();
    const handler = handlers.get(req.url?.split('?', 1)[0] ?? '');
    if (handler !== undefined) return void serve(handler, { req, res, startedAt });
    send(res, { status: 404, headers: {}, body: NO_BODY });
    emitRpc(options, {
      edge: 'connect',
      method: 'unknown',
      startedAt,
      facts: {},
      code: Code.UNIMPLEMENTED,
      reason: null,
    });
  });

  async function serve(
    handler: UniversalHandler,
    { req, res, startedAt }: { req: IncomingMessage; res: ServerResponse; startedAt: number },
  ): Promise<void> {
    const method = handler.method.name;
    const visit: Visit = { facts: {}, gone: goneSignal(res), caller: null, outcome: undefined };
    let code: number;
    try {
      const contextValues = createContextValues().set(VISIT, visit);
      const request = requestOf(handler, req, { signal: visit.gone, contextValues });
      let answer = await collect(await handler(request));
      code = codeOnWire(answer);
      const correction = correctionOf(visit, code);
      if (correction !== null) {
        if (correction.reason === 'INTERNAL') {
          emit({ type: 'fault', where: method, error: new Error('the answer could not be encoded') });
        }
        visit.outcome = correction;
        code = codeOf(correction);
        answer = await collect(await handler(request));
      }
      send(res, answer);
    } catch (error) {
      emit({ type: 'fault', where: method, error });
      visit.outcome = { reason: 'INTERNAL' };
      code = Code.INTERNAL;
      if (!res.headersSent) send(res, { status: 500, headers: {}, body: NO_BODY });
    }
    // Done all the same, but nobody is left to hear of it.
    if (code === Code.OK && visit.gone.aborted) code = Code.CANCELLED;
    const reason = visit.outcome?.reason ?? null;
    emitRpc(options, { edge: 'connect', method, startedAt, facts: visit.facts, code, reason });
  }

  function send(res: ServerResponse, { status, headers, body }: Answer): void {
    if (listener.draining()) res.setHeader('connection', 'close');
    res.writeHead(status, { 'content-length': body.length, ...headers }).end(body);
  }

  return { listen: listener.listen, close: listener.close };
}

/** What to say instead of an answer that the library made; null when the answer may stand. */
function correctionOf({ outcome, gone }: Visit, code: number): Refusal | null {
  if (outcome === null) return code === Code.OK ? null : { reason: 'INTERNAL' };
  if (outcome !== undefined || LIBRARY_CODES.has(code)) return null;
  return { reason: gone.aborted ? 'CANCELED' : 'MALFORMED_REQUEST' };
}
