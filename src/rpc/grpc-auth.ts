/**
 * What happens to a gRPC call before its message is read: its caller is established from the metadata, or it is refused.
 * grpc-js offers interceptors for this. One that wraps the call in a ServerInterceptingCall costs every call a second
 * set of listeners and halves throughput, so this one hands on the call it was given, with two methods replaced.
 */
import type {
  Metadata,
  ServerInterceptingCall,
  ServerInterceptingCallInterface,
  ServerInterceptor,
} from '@grpc/grpc-js';
import type { Caller } from '../domain/caller.ts';
import type { Reason } from '../domain/refusal.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import { emitRpc } from './call.ts';
import type { EdgeOptions } from './edge.ts';
import { grpcError } from './errors.ts';
import { firstLanguage } from './texts.ts';

export interface Gate {
  readonly interceptor: ServerInterceptor;
  /** Hands a call over to its handler, which then answers for its event. */
  admitted(metadata: Metadata): Admission;
}

export interface Admission {
  readonly caller: Caller;
  /** On the edge's clock. */
  readonly startedAt: number;
  /** Whether its handler has it, and will report it. */
  handled: boolean;
}

/** Probes carry no credentials. */
const OPEN_SERVICE = '/grpc.health.v1.Health/';

/** Why a call ended that no handler saw, as far as grpc-js tells. */
const REASONS: ReadonlyMap<number, Reason> = new Map([
  [Code.INVALID_ARGUMENT, 'MALFORMED_REQUEST'],
  [Code.UNAUTHENTICATED, 'UNAUTHENTICATED'],
  [Code.DEADLINE_EXCEEDED, 'DEADLINE'],
  [Code.CANCELLED, 'CANCELED'],
]);

export function createGate(options: EdgeOptions): Gate {
  const { authenticate, clock } = options;
  const admissions = new WeakMap<Metadata, Admission>();

  return {
    interceptor: ({ path }, call) => {
      if (!path.startsWith(OPEN_SERVICE)) guard(path.slice(path.lastIndexOf('/') + 1), call);
      // Anything with the methods of a call will do: this is what grpc-js passes from one interceptor to the next.
      return call as ServerInterceptingCall;
    },

    admitted(metadata) {
      const admission = admissions.get(metadata);
      if (admission === undefined) throw new Error('a call without admission');
      admission.handled = true;
      return admission;
    },
  };

  function guard(method: string, call: ServerInterceptingCallInterface): void {
    const startedAt = clock();
    const start = call.start;
    const sendStatus = call.sendStatus;
    let received: Metadata | undefined;
    let admission: Admission | undefined;
    let code: number = Code.CANCELLED;

    call.sendStatus = (status) => {
      // Before a handler has the message, what grpc-js calls an internal error is a request that it cannot decompress
      // or whose headers it cannot read: the caller's fault, told without an echo of the input.
      const broken = status.code === Code.INTERNAL && admission?.handled !== true;
      const sent = broken ? grpcError({ reason: 'MALFORMED_REQUEST' }, languageOf(received)) : status;
      code = sent.code ?? Code.UNKNOWN;
      sendStatus.call(call, sent);
    };

    call.start = (listener) => {
      start.call(call, {
        onReceiveMetadata(metadata) {
          received = metadata;
          const caller = authenticate(header(metadata, 'authorization'));
          if (caller === null) return call.sendStatus(grpcError({ reason: 'UNAUTHENTICATED' }, languageOf(metadata)));
          admission = { caller, startedAt, handled: false };
          admissions.set(metadata, admission);
          listener.onReceiveMetadata(metadata);
        },
        onReceiveMessage: (message) => listener.onReceiveMessage(message),
        onReceiveHalfClose: () => listener.onReceiveHalfClose(),
        // The end of every call, answered ones included.
        onCancel() {
          listener.onCancel();
          if (admission?.handled === true) return;
          const facts = admission === undefined ? {} : { caller: admission.caller.name };
          emitRpc(options, { edge: 'grpc', method, startedAt, facts, code, reason: REASONS.get(code) ?? null });
        },
      });
    };
  }
}

/** The language of refusals of a request whose `locale` was not read. */
export function languageOf(metadata: Metadata | undefined): string {
  return metadata === undefined ? '' : firstLanguage(header(metadata, 'accept-language'));
}

function header(metadata: Metadata, name: string): string | undefined {
  return metadata.get(name)[0]?.toString();
}
