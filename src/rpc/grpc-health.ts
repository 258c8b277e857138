/**
 * `grpc.health.v1`: whether the server serves, whatever Redis does. Open to everybody, because probes carry no
 * credentials; so it keeps nothing that strangers send, and a stop ends what they keep open.
 */
import { create, type DescMethod, type Message } from '@bufbuild/protobuf';
import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { Refused } from '../domain/refusal.ts';
import { VerificationService } from '../gen/countersign/v1/verification_pb.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import {
  Health,
  HealthCheckRequestSchema,
  HealthCheckResponseSchema,
  HealthListResponseSchema,
  HealthCheckResponse_ServingStatus as Status,
} from '../gen/grpc/health/v1/health_pb.ts';
import { emitRpc } from './call.ts';
import type { EdgeOptions } from './edge.ts';
import { grpcError } from './errors.ts';
import { type AuthInterceptor, languageOf } from './grpc-auth.ts';
import { decode, encode, serviceDefinition } from './grpc-codec.ts';

export interface HealthService {
  set(serving: boolean): void;
  /** Ends all watches, which would otherwise keep their connections open. */
  close(): void;
}

type Unary = ServerUnaryCall<Buffer, Buffer>;
type Watch = ServerWritableStream<Buffer, Buffer>;
interface Failure {
  readonly code: number;
  readonly details: string;
}

const MAX_WATCHES = 1_024;
/** The server as a whole, and its service. */
const NAMES: readonly string[] = ['', VerificationService.typeName];
const UNKNOWN: Failure = { code: Code.NOT_FOUND, details: 'There is no such service.' };
/** By this code a client takes the server for healthy, as one that cannot be watched. */
const FULL: Failure = { code: Code.UNIMPLEMENTED, details: 'There are too many watches.' };
const STOPPING: Failure = { code: Code.UNAVAILABLE, details: 'The server is stopping.' };

export function addHealth(server: Server, options: EdgeOptions, auth: AuthInterceptor): HealthService {
  const { check, list, watch } = Health.method;
  const watches = new Map<Watch, { readonly known: boolean }>();
  let serving: Status = Status.NOT_SERVING;

  const statusOf = (known: boolean): Buffer => {
    return encode(
      watch.output,
      create(HealthCheckResponseSchema, { status: known ? serving : Status.SERVICE_UNKNOWN }),
    );
  };

  /** What `ask` makes of the request, counted. */
  function answer(
    call: Unary | Watch,
    method: DescMethod,
    ask: (known: boolean) => Buffer | Failure,
  ): Buffer | Failure {
    const { startedAt } = auth.take(call.metadata);
    const known = knownService(call);
    const answered = typeof known === 'boolean' ? ask(known) : known;
    const code = isFailure(answered) ? answered.code : Code.OK;
    emitRpc(options, { edge: 'grpc', method: `Health/${method.name}`, startedAt, facts: {}, code, reason: null });
    return answered;
  }

  const unary = (method: DescMethod, ask: (known: boolean) => Message | Failure) => {
    return (call: Unary, callback: sendUnaryData<Buffer>) => {
      const answered = answer(call, method, (known) => {
        const asked = ask(known);
        return isFailure(asked) ? asked : encode(method.output, asked);
      });
      if (isFailure(answered)) callback(answered);
      else callback(null, answered);
    };
  };

  server.addService(serviceDefinition(Health), {
    [check.name]: unary(check, (known) => {
      return known ? create(HealthCheckResponseSchema, { status: serving }) : UNKNOWN;
    }),
    [list.name]: unary(list, () => {
      const statuses = Object.fromEntries(NAMES.map((name) => [name, { status: serving }]));
      return create(HealthListResponseSchema, { statuses });
    }),
    [watch.name]: (call: Watch) => {
      const answered = answer(call, watch, (known) => {
        if (watches.size >= MAX_WATCHES) return FULL;
        watches.set(call, { known });
        return statusOf(known);
      });
      if (isFailure(answered)) return void call.emit('error', answered);
      call.once('cancelled', () => watches.delete(call));
      call.write(answered);
    },
  });

  return {
    set(isServing) {
      serving = isServing ? Status.SERVING : Status.NOT_SERVING;
      for (const [call, { known }] of watches) if (known) call.write(statusOf(true));
    },
    close() {
      for (const call of watches.keys()) call.emit('error', STOPPING);
      watches.clear();
    },
  };
}

/** Whether the service that was asked for is one of ours. */
function knownService({ request, metadata }: Unary | Watch): boolean | Failure {
  try {
    return NAMES.includes(decode(HealthCheckRequestSchema, request).service);
  } catch (error) {
    if (error instanceof Refused) return grpcError(error.refusal, languageOf(metadata));
    throw error;
  }
}

function isFailure(answered: Buffer | Message | Failure): answered is Failure {
  return 'details' in answered;
}
