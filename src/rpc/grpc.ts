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
import { createGate, type Gate, languageOf } from './grpc-auth.ts';
import { createReflection } from './grpc-reflection.ts';
import { handlerOf, type Request } from './service.ts';

export interface GrpcEdge extends Edge {
  /** What `grpc.health.v1` answers for the server ('') and for the service. Not serving until told. */
  setServing(serving: boolean): void;
}

// The library would write to stderr what comes back as an error anyway.
setLogVerbosity(logVerbosity.NONE);

export function createGrpcEdge(options: EdgeOptions & { readonly reflection: boolean }): GrpcEdge {
  const gate = createGate(options);
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    // Per connection; what exceeds it waits at the client.
    'grpc.max_concurrent_streams': 256,
    // Connections are renewed (± 10 %, by grpc-js), so that callers find new instances; calls under way may finish.
    'grpc.max_connection_age_ms': 600_000,
    'grpc.max_connection_age_grace_ms': CONNECTION_GRACE_MS,
    'grpc.max_connection_idle_ms': 900_000,
    // Finds peers that went away without a word.
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    // Bookkeeping per call that nobody reads.
    'grpc.enable_channelz': 0,
    interceptors: [gate.interceptor],
  });
  server.addService(serviceDefinition(), implementation(options, gate));
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
      // GOAWAY to everyone now, an end to what is left after the grace. In this order: tryShutdown makes drain blind.
      if (bound !== undefined) server.drain(bound, graceMs);
      await new Promise<void>((resolve, reject) => {
        server.tryShutdown((error) => (error === undefined ? resolve() : reject(error)));
      });
    },
  };
  edge.setServing(false);
  return edge;
}

/** Bytes in and bytes out: grpc-js would turn a decoder that throws into INTERNAL, so handlers decode and encode. */
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

function implementation(options: EdgeOptions, gate: Gate): Record<string, handleUnaryCall<Buffer, Buffer>> {
  const { handlers, emit, clock } = options;
  return Object.fromEntries(
    VerificationService.methods.map((method) => {
      const { name, input, output } = method;
      const handle = handlerOf(handlers, method);
      const ourDeadlineMs = options.deadlineMs(name);

      const unary: handleUnaryCall<Buffer, Buffer> = (call, callback) => {
        const { caller, startedAt } = gate.admitted(call.metadata);
        const facts: CallFacts = { caller: caller.name };
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
            // Done all the same, but nobody is left to hear of it.
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
    // The cause may quote the input.
    throw new Refused({ reason: 'MALFORMED_REQUEST' });
  }
}

/** A view, not a copy: grpc-js wants a Buffer. */
function encode(schema: DescMessage, message: Message): Buffer {
  const bytes = toBinary(schema, message);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
