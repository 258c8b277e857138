/** The gRPC listener: grpc-js behind an adapter that is generic over the service descriptor. */
import { type handleUnaryCall, logVerbosity, Server, ServerCredentials, setLogVerbosity } from '@grpc/grpc-js';
import { CONNECTION_AGE_MS, CONNECTION_GRACE_MS, GRPC_IDLE_MS } from '../domain/deadlines.ts';
import type { CallFacts, Cut } from '../event.ts';
import { VerificationService } from '../gen/countersign/v1/verification_pb.ts';
import { Code } from '../gen/google/rpc/code_pb.ts';
import { boundConnections, type Connections } from '../http-server.ts';
import { emitRpc, runCall } from './call.ts';
import { type Edge, type EdgeOptions, isOpen, MAX_CONNECTIONS } from './edge.ts';
import { codeOf, grpcError } from './errors.ts';
import { createGate } from './grpc-admission.ts';
import { type AuthInterceptor, createAuthInterceptor, languageOf, traceOf } from './grpc-auth.ts';
import { decode, encode, serviceDefinition } from './grpc-codec.ts';
import { type Guard, type GuardOptions, guardStreams, STRANGER_STREAMS } from './grpc-guard.ts';
import { addHealth } from './grpc-health.ts';
import { createReflection } from './grpc-reflection.ts';
import { handlerOf, type Request } from './service.ts';

export interface GrpcEdge extends Edge {
  /** What `grpc.health.v1` answers for the server ('') and for the service. NOT_SERVING at first. */
  setServing(serving: boolean): void;
}

/** The beginning of HTTP/2: 24 bytes, and the frame of the settings. RFC 9113 §3.4. */
const PREFACE_BYTES = 33;

// The library would also write to stderr what it returns as an error.
setLogVerbosity(logVerbosity.NONE);

export interface GrpcEdgeOptions extends EdgeOptions, Pick<GuardOptions, 'maxHalfOpen' | 'requestMs'> {
  readonly reflection: boolean;
}

export function createGrpcEdge(options: GrpcEdgeOptions): GrpcEdge {
  const auth = createAuthInterceptor(options, () => guard);
  const server = new Server({
    'grpc.max_receive_message_length': options.maxMessageBytes,
    'grpc.max_concurrent_streams': STRANGER_STREAMS,
    // Connections are renewed (± 10 %, by grpc-js), so that callers find new instances; calls under way may finish.
    'grpc.max_connection_age_ms': CONNECTION_AGE_MS,
    'grpc.max_connection_age_grace_ms': CONNECTION_GRACE_MS,
    'grpc.max_connection_idle_ms': GRPC_IDLE_MS,
    // Detects peers that disappeared without closing their connection.
    'grpc.keepalive_time_ms': 60_000,
    'grpc.keepalive_timeout_ms': 20_000,
    // Statistics per call, which are not used here.
    'grpc.enable_channelz': 0,
    interceptors: [auth.interceptor],
  });
  const guard = guardOf(server, options);
  server.addService(serviceDefinition(VerificationService), implementation(options, auth));
  const health = addHealth(server, options, auth);
  if (options.reflection) createReflection().addToServer(server);

  let bound: string | undefined;

  return {
    setServing: (serving) => health.set(serving),

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
        // After the GOAWAY: their clients go to another instance.
        health.close();
        guard.close();
      });
    },
  };
}

function guardOf(server: Server, options: GrpcEdgeOptions): Guard {
  const { emit, maxConnections = MAX_CONNECTIONS, perPeer, silentMs, maxHalfOpen, requestMs } = options;
  const onCut = (why: Cut) => emit({ type: 'cut', listener: 'grpc', why });
  let connections: Connections | undefined;
  return guardStreams(server, {
    gate: createGate(options),
    isCaller: ({ ':path': path, authorization }) => !isOpen(path ?? '') && options.authenticate(authorization) !== null,
    onServer(http2Server) {
      const bounds = { max: maxConnections, perPeer, silentMs, firstBytes: PREFACE_BYTES, onCut };
      connections = boundConnections(http2Server, bounds);
    },
    onTrusted: (socket) => connections?.trust(socket),
    onUnknown() {
      const startedAt = options.clock();
      const unknown = { edge: 'grpc', method: 'unknown', facts: {}, code: Code.UNIMPLEMENTED, reason: null } as const;
      emitRpc(options, { ...unknown, startedAt });
    },
    onCut,
    maxHalfOpen,
    requestMs,
  });
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
