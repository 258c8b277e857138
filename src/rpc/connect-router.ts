/**
 * connect's router over our handlers: authentication before the body is read, and one generic implementation for every
 * RPC.
 */
import type { DescMethod, Message } from '@bufbuild/protobuf';
import {
  type ConnectRouter,
  createConnectRouter,
  createContextKey,
  type HandlerContext,
  type ServiceImpl,
} from '@connectrpc/connect';
import { compressionBrotli, compressionGzip } from '@connectrpc/connect-node';
import type { Caller } from '../domain/caller.ts';
import type { Refusal } from '../domain/refusal.ts';
import type { CallFacts } from '../event.ts';
import { VerificationService } from '../gen/countersign/v1/verification_pb.ts';
import { runCall } from './call.ts';
import type { EdgeOptions } from './edge.ts';
import { connectError } from './errors.ts';
import { handlerOf, type Request } from './service.ts';
import { firstLanguage } from './texts.ts';

/** The state of one HTTP request. connect carries it in its context values. */
export interface RequestState {
  readonly facts: CallFacts;
  /** Aborted when the connection closes. */
  readonly disconnected: AbortSignal;
  /** Null until authenticated. */
  caller: Caller | null;
  /** Null when the call succeeded; undefined as long as our own code has decided nothing. */
  outcome: Refusal | null | undefined;
}

export const REQUEST_STATE = createContextKey<RequestState | undefined>(undefined);

export function createRouter(options: EdgeOptions): ConnectRouter {
  const { authenticate, maxMessageBytes } = options;
  // connect passes these to its JSON codec. Without a strict decoder, invalid UTF-8 would silently become U+FFFD.
  const jsonOptions = { ignoreUnknownFields: true, textDecoder: new TextDecoder('utf-8', { fatal: true }) };

  const router = createConnectRouter({
    // gRPC needs HTTP/2 and has a listener of its own.
    grpc: false,
    jsonOptions,
    readMaxBytes: maxMessageBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    // Responses are small: never compressed.
    compressMinBytes: 2 ** 31 - 1,
    // The most that a timer takes; every call has a shorter deadline of its own.
    maxTimeoutMs: 2 ** 31 - 1,
    requestGate(context) {
      const state = stateOf(context);
      const language = firstLanguage(context.requestHeader.get('accept-language') ?? undefined);
      if (state.outcome != null) throw connectError(state.outcome, language);
      const caller = authenticate(context.requestHeader.get('authorization') ?? undefined);
      if (caller === null) {
        state.outcome = { reason: 'UNAUTHENTICATED' };
        throw connectError(state.outcome, language);
      }
      state.caller = caller;
      state.facts.caller = caller.name;
    },
  });

  const implementations = VerificationService.methods.map((method) => [method.localName, implement(options, method)]);
  return router.service(
    VerificationService,
    Object.fromEntries(implementations) as ServiceImpl<typeof VerificationService>,
  );
}

function implement(options: EdgeOptions, method: DescMethod) {
  const { handlers, clock, emit } = options;
  const handle = handlerOf(handlers, method);
  const ourDeadlineMs = options.deadlineMs(method.name);

  return (request: Request, context: HandlerContext): Promise<Message> =>
    new Promise((resolve, reject) => {
      const state = stateOf(context);
      const { caller, facts, disconnected } = state;
      if (caller === null) throw new Error('a call that was not authenticated');
      const deadlineMs = Math.min(ourDeadlineMs, context.timeoutMs() ?? Number.POSITIVE_INFINITY);
      const cancel = runCall(
        { method: method.name, caller, facts, deadlineMs, clock, emit },
        (call) => handle(request, call),
        (refusal, answer) => {
          state.outcome = refusal;
          if (refusal === null) resolve(answer);
          else reject(connectError(refusal, request.locale));
        },
      );
      if (disconnected.aborted) cancel();
      else disconnected.addEventListener('abort', cancel, { once: true });
    });
}

function stateOf(context: HandlerContext): RequestState {
  const state = context.values.get(REQUEST_STATE);
  if (state === undefined) throw new Error('a request without its state');
  return state;
}
