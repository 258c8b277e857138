/**
 * What calls are compared with, as a process of its own. `node bench/empty.ts edges`: our two edges with handlers that answer an empty
 * message. `node bench/empty.ts library`: a grpc-js server with nothing of ours. `node bench/empty.ts http2`: without grpc-js, too.
 */
import { once } from 'node:events';
import { createServer } from 'node:http2';
import { create } from '@bufbuild/protobuf';
import { type handleUnaryCall, Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { addressOf } from '../src/config/address.ts';
import { VerificationService } from '../src/gen/countersign/v1/verification_pb.ts';
import { createMetrics } from '../src/ops/metrics.ts';
import { createOpsServer } from '../src/ops/server.ts';
import { createAuthenticator } from '../src/rpc/auth.ts';
import { createConnectEdge } from '../src/rpc/connect.ts';
import { createGrpcEdge } from '../src/rpc/grpc.ts';
import type { Handlers } from '../src/rpc/service.ts';

const { GRPC_LISTEN = '', HTTP_LISTEN = '', OPS_LISTEN = '' } = process.env;
const METHODS = VerificationService.methods;

async function serveEdges(): Promise<void> {
  const handlers = METHODS.map(({ localName, output }) => [localName, async () => create(output)]);
  const edge = {
    handlers: Object.fromEntries(handlers) as Handlers,
    authenticate: createAuthenticator([]),
    emit: () => undefined,
    clock: () => performance.now(),
    localNamesOnly: false,
    maxMessageBytes: 16 * 1024,
    deadlineMs: () => 2_000,
  };
  await createGrpcEdge({ ...edge, reflection: false }).listen(addressOf(GRPC_LISTEN));
  await createConnectEdge(edge).listen(addressOf(HTTP_LISTEN));
}

async function serveLibrary(): Promise<void> {
  const asIs = (bytes: Buffer) => bytes;
  const nothing = Buffer.of();
  const answer: handleUnaryCall<Buffer, Buffer> = (_call, callback) => callback(null, nothing);
  const definition: ServiceDefinition = Object.fromEntries(
    METHODS.map(({ name }) => [
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
  const server = new Server({ 'grpc.enable_channelz': 0 });
  server.addService(definition, Object.fromEntries(METHODS.map(({ name }) => [name, answer])));
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(GRPC_LISTEN, ServerCredentials.createInsecure(), (error) => (error ? reject(error) : resolve()));
  });
}

/** An empty message with an OK behind it, as gRPC has it on the wire. */
async function serveHttp2(): Promise<void> {
  const server = createServer();
  const empty = Buffer.alloc(5);
  server.on('stream', (stream) => {
    stream.resume();
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.end(empty);
    });
  });
  const { host, port } = addressOf(GRPC_LISTEN);
  server.listen(port, host);
  await once(server, 'listening');
}

const SERVERS: Readonly<Record<string, () => Promise<void>>> = {
  edges: serveEdges,
  library: serveLibrary,
  http2: serveHttp2,
};
await SERVERS[process.argv[2] ?? '']?.();
const ops = createOpsServer({
  metrics: createMetrics([]),
  readiness: async () => ({ ready: true, components: { server: 'serving', store: 'ready' } }),
  emit: (event) => {
    if (event.type === 'fault') throw event.error;
  },
});
await ops.listen(addressOf(OPS_LISTEN));
process.on('SIGTERM', () => process.exit(0));
