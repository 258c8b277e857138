/** The gRPC listener: grpc-js behind an adapter that is generic over the service descriptor. */
import { type DescMessage, fromBinary, type Message, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  type handleUnaryCall,
  logVerbosity,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  setLogVerbosity,
} from '@grpc/grpc-js';
import { HealthImplementation } from 'grpc-health-check';
import { CONNECTION_GRACE_MS } from '../domain/deadlines.ts';
import { Refused } from '../domain/refusal.ts';
import type { CallFacts } from '../event.ts';
import { VerificationService } from '../gen/countersign/v1/verification_pb.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import { emitRpc, runCall } from './call.ts';
import type { Edge, EdgeOptions } from './edge.ts';
import { codeOf, grpcError } from './errors.ts';
import { type AuthInterceptor, createAuthInterceptor, languageOf, traceOf } from './grpc-auth.ts';
import { createReflection } from './grpc-reflection.ts';
import { handlerOf, type Request } from './service.ts';

export interface GrpcEdge extends Edge {
  /** What `grpc.health.v1` answers for the server ('') and for the service. NOT_SERVING at first. */
  setServing(serving: boolean): void;
}

// The library would also write to stderr what it returns as an error.
setLogVerbosity(logVerbosity.NONE);

export function createGrpcEdge(options: EdgeOptions & { readonly reflection: boolean }): GrpcEdge {
  const auth = createAuthInterceptor(options);
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    // Per connection; further calls wait in the client.
    'grpc.max_concurrent_streams': 256,
    // Connections are renewed (± 10 %, by grpc-js), so that callers find new instances; calls under way may finish.
    'grpc.max_connection_age_ms': 600_000,
    'grpc.max_connection_age_grace_ms': CONNECTION_GRACE_MS,
    'grpc.max_connection_idle_ms': 900_000,
    // Detects peers that disappeared without closing their connection.
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    // Statistics per call, which are not used here.
    'grpc.enable_channelz': 0,
    interceptors: [auth.interceptor],
  });
  server.addService(serviceDefinition(), implementation(options, auth));
  const health = new HealthImplementation();
  health.addToServer(server);
  if (options.reflection) createReflection().addToServer(server);

  let bound: string | undefined;

  const edge: GrpcEdge = {
    setServing(serving) {
      for (const name of ['', VerificationService.typeName]) {
        health.setStatus(name, serving ? 'SERVING' : 'NOT_SERVING');
      }
    },

    async listen({ host, port }) {
      const address = host.includes(':') ? `[${host}]` : host;
      const boundPort = await new Promise<number>((resolve, reject) => {
        server.bindAsync(`${address}:${port}`, ServerCredentials.createInsecure(), (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        );
      });
      bound = `${address}:${boundPort}`;
      return boundPort;
    },

    async close(graceMs) {
      // GOAWAY to all clients now; calls that are left after the grace period are cut. `drain` comes first: it finds
      // no connections any more after tryShutdown.
      if (bound !== undefined) server.drain(bound, graceMs);
      await new Promise<void>((resolve, reject) => {
        server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
      });
    },
  };
  edge.setServing(false);
  return edge;
}

/** Handlers decode and encode by themselves: grpc-js answers INTERNAL when a decoder throws. */
function serviceDefinition(): ServiceDefinition {
  const asIs = (bytes: Buffer) => bytes;
  return Object.fromEntries(
    VerificationService.methods.map(({ name }) => [
      name,
      {
        path: `/${VerificationService.typeName}/${name}`,
        requestStream: false,
        responseStream: false,
        requestSerialize: asIs,
        requestDeserialize: asIs,
        responseSerialize: asIs,
        responseDeserialize: asIs,
      },
    ]),
  );
}

function implementation(options: EdgeOptions, auth: AuthInterceptor): Record<string, handleUnaryCall<Buffer, Buffer>> {
  const { handlers, emit, clock } = options;
  return Object.fromEntries(
    VerificationService.methods.map((method) => {
      const { name, input, output } = method;
      const handle = handlerOf(handlers, method);
      const ourDeadlineMs = options.deadlineMs(name);

      const unary: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
        const { caller, startedAt } = auth.take(call.metadata);
        const facts: CallFacts = { caller: caller.name, traceId: traceOf(call.metadata) };
        // grpc-js keeps the caller's deadline on the wall clock.
        const theirDeadlineMs = Number(call.getDeadline()) - Date.now();
        const deadlineMs = Math.max(0, Math.min(ourDeadlineMs, theirDeadlineMs));
        let request: Request | undefined;

        const cancel = runCall(
          { method: name, caller, facts, deadlineMs, clock, emit },
          async (running) => {
            request = decode(input, call.request) as Request;
            return encode(output, await handle(request, running));
          },
          (refusal, answer) => {
            let code = codeOf(refusal);
            if (refusal === null) callback(null, answer);
            else callback(grpcError(refusal, request?.locale ?? languageOf(call.metadata)));
            // The work was done, but the caller is gone.
            if (refusal === null && call.cancelled) code = Code.CANCELLED;
            const reason = refusal?.reason ?? null;
            emitRpc(options, { edge: 'grpc', method: name, startedAt, facts, code, reason });
          },
        );
        call.on('cancelled', cancel);
      };
      return [name, unary];
    }),
  );
}

function decode<Desc extends DescMessage>(schema: Desc, bytes: Uint8Array): MessageShape<Desc> {
  try {
    return fromBinary(schema, bytes);
  } catch {
    // Without the cause, which may quote the input.
    throw new Refused({ reason: 'MALFORMED_REQUEST' });
  }
}

/** A view, not a copy: grpc-js wants a Buffer. */
function encode(schema: DescMessage, message: Message): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
