/** connect's router over our handlers: the gate before the body is read, and one generic implementation per RPC. */
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

/** What is known about one request, and what was decided about it. Travels in connect's context values. */
export interface Visit {
  readonly facts: CallFacts;
  /** Aborted when the connection closes. */
  readonly gone: AbortSignal;
  /** Null until admitted by the gate. */
  caller: Caller | null;
  /** Null when the call succeeded, undefined while nothing of ours has decided. */
  outcome: Refusal | null | undefined;
}

export const VISIT = createContextKey<Visit | undefined>(undefined);

export function createRouter(options: EdgeOptions): ConnectRouter {
  const { authenticate, maxMessageBytes } = options;
  // Connect hands these to its JSON codec; without a strict decoder bad UTF-8 becomes U+FFFD and goes unnoticed.
  const jsonOptions = { ignoreUnknownFields: true, textDecoder: new TextDecoder('utf-8', { fatal: true }) };

  const router = createConnectRouter({
    // HTTP/1.1 cannot carry it; the gRPC listener does.
    grpc: false,
    jsonOptions,
    readMaxBytes: maxMessageBytes,
    acceptCompression: [compressionGzip, compressionBrotli],
    // Answers are small: never compressed.
    compressMinBytes: 2 ** 31 - 1,
    // What a timer can hold; each call is capped by its own deadline.
    maxTimeoutMs: 2 ** 31 - 1,
    requestGate(context) {
      const visit = visitOf(context);
      const language = firstLanguage(context.requestHeader.get('accept-language') ?? undefined);
      if (visit.outcome != null) throw connectError(visit.outcome, language);
      const caller = authenticate(context.requestHeader.get('authorization') ?? undefined);
      if (caller === null) {
        visit.outcome = { reason: 'UNAUTHENTICATED' };
        throw connectError(visit.outcome, language);
      }
      visit.caller = caller;
      visit.facts.caller = caller.name;
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
      const visit = visitOf(context);
      const { caller, facts, gone } = visit;
      if (caller === null) throw new Error('a call without admission');
      const deadlineMs = Math.min(ourDeadlineMs, context.timeoutMs() ?? Number.POSITIVE_INFINITY);
      const cancel = runCall(
        { method: method.name, caller, facts, deadlineMs, clock, emit },
        (call) => handle(request, call),
        (refusal, answer) => {
          visit.outcome = refusal;
          if (refusal === null) resolve(answer);
          else reject(connectError(refusal, request.locale));
        },
      );
      if (gone.aborted) cancel();
      else gone.addEventListener('abort', cancel, { once: true });
    });
}

function visitOf(context: HandlerContext): Visit {
  const visit = context.values.get(VISIT);
  if (visit === undefined) throw new Error('a request without its visit');
  return visit;
}
