/**
 * Authentication of gRPC calls by their metadata, before the message is read. grpc-js has interceptors for this. One
 * that wraps the call in a ServerInterceptingCall adds a second set of listeners to every call and halves throughput,
 * so this one replaces two methods of the call itself.
 */
import type {
  Metadata,
  ServerInterceptingCall,
  ServerInterceptingCallInterface,
  ServerInterceptor,
} from '@grpc/grpc-js';
import { ANONYMOUS, type Caller } from '../domain/caller.ts';
import type { Reason } from '../domain/refusal.ts';
import { VerificationService } from '../gen/countersign/v1/verification_pb.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import { emitRpc } from './call.ts';
import { type EdgeOptions, isOpen } from './edge.ts';
import { grpcError } from './errors.ts';
import type { Guard } from './grpc-guard.ts';
import { firstLanguage } from './texts.ts';
import { traceIdOf } from './trace.ts';

export interface AuthInterceptor {
  readonly interceptor: ServerInterceptor;
  /** Hands a call over to its handler, which from then on emits its event. Throws when it was not authenticated. */
  take(metadata: Metadata): AuthenticatedCall;
}

export interface AuthenticatedCall {
  readonly caller: Caller;
  /** On the edge's clock. */
  readonly startedAt: number;
  /** Its handler has it, and emits its event. */
  handled: boolean;
}

/** The reason of a call that ended before its handler got it, by its status. */
const REASONS: ReadonlyMap<number, Reason> = new Map([
  [Code.INVALID_ARGUMENT, 'MALFORMED_REQUEST'],
  [Code.UNAUTHENTICATED, 'UNAUTHENTICATED'],
  [Code.DEADLINE_EXCEEDED, 'DEADLINE'],
  [Code.CANCELLED, 'CANCELED'],
]);

export function createAuthInterceptor(options: EdgeOptions, guard: () => Pick<Guard, 'adopt'>): AuthInterceptor {
  const { authenticate, clock } = options;
  const authenticated = new WeakMap<Metadata, AuthenticatedCall>();

  return {
    interceptor: ({ path }, call) => {
      intercept(path, call);
      // grpc-js needs only the methods of a call here: it passes such an object from one interceptor to the next.
      return call as ServerInterceptingCall;
    },

    take(metadata) {
      const authCall = authenticated.get(metadata);
      if (authCall === undefined) throw new Error('a call that was not authenticated');
      authCall.handled = true;
      return authCall;
    },
  };

  function intercept(path: string, call: ServerInterceptingCallInterface): void {
    const method = methodOf(path);
    const open = isOpen(path);
    const startedAt = clock();
    const start = call.start;
    const sendStatus = call.sendStatus;
    let received: Metadata | undefined;
    let authCall: AuthenticatedCall | undefined;
    let code: number = Code.CANCELLED;
    let release: () => void = () => undefined;

    call.sendStatus = (status) => {
      // Before a handler has the message, what grpc-js calls an internal error is a request that it cannot decompress
      // or whose headers it cannot read: the caller's fault, answered without repeating the input.
      const broken = status.code === Code.INTERNAL && authCall?.handled !== true;
      const sent = broken ? grpcError({ reason: 'MALFORMED_REQUEST' }, languageOf(received)) : status;
      code = sent.code ?? Code.UNKNOWN;
      release();
      sendStatus.call(call, sent);
    };

    call.start = (listener) => {
      start.call(call, {
        onReceiveMetadata(metadata) {
          received = metadata;
          const caller = open ? ANONYMOUS : authenticate(header(metadata, 'authorization'));
          release = guard().adopt((status) => call.sendStatus(status));
          if (caller === null) return call.sendStatus(grpcError({ reason: 'UNAUTHENTICATED' }, languageOf(metadata)));
          authCall = { caller, startedAt, handled: false };
          authenticated.set(metadata, authCall);
          listener.onReceiveMetadata(metadata);
        },
        onReceiveMessage: (message) => listener.onReceiveMessage(message),
        onReceiveHalfClose: () => listener.onReceiveHalfClose(),
        // grpc-js calls this at the end of every call, answered or not.
        onCancel() {
          listener.onCancel();
          release();
          if (authCall?.handled === true) return;
          const caller = authCall === undefined || open ? {} : { caller: authCall.caller.name };
          const facts = { ...caller, traceId: traceOf(received) };
          emitRpc(options, { edge: 'grpc', method, startedAt, facts, code, reason: REASONS.get(code) ?? null });
        },
      });
    };
  }
}

/** `SendCode`; with its service where that is not ours: `Health/Check`. */
function methodOf(path: string): string {
  return path.startsWith(`/${VerificationService.typeName}/`)
    ? path.slice(path.lastIndexOf('/') + 1)
    : path.slice(path.lastIndexOf('.') + 1);
}

/** The language of a refusal when the request, and with it its `locale`, was not decoded. */
export function languageOf(metadata: Metadata | undefined): string {
  return metadata === undefined ? '' : firstLanguage(header(metadata, 'accept-language'));
}

export function traceOf(metadata: Metadata | undefined): string | undefined {
  const values = metadata?.get('traceparent') ?? [];
  return values.length === 1 ? traceIdOf(values[0]?.toString()) : undefined;
}

function header(metadata: Metadata, name: string): string | undefined {
  return metadata.get(name)[0]?.toString();
}
