/** Callers of the service over every protocol it speaks, answering in one form so that tests can compare them. */
import { Agent } from 'node:http';
import {
  create,
  createRegistry,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type JsonObject,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJson,
} from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { file_google_rpc_error_details } from '../../src/gen/google/rpc/error_details_pb.ts';
import { StatusSchema } from '../../src/gen/google/rpc/status_pb.ts';

export const PROTOCOLS = ['grpc', 'json', 'binary', 'grpc-web'] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** Where a server listens: `host:port` for gRPC, `http://host:port` for the rest. */
export interface Addresses {
  readonly grpc: string;
  readonly http: string;
}

export interface ServiceClient {
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<Answer<MessageShape<O>>>;
  close(): void;
}

export interface CallOptions {
  /** Sent as a bearer token. */
  readonly token?: string;
  readonly timeoutMs?: number;
}

export type Answer<M> = { readonly status: 'OK'; readonly message: M } | Refusal;

export interface Refusal {
  /** Canonical name, `RESOURCE_EXHAUSTED`, whatever the protocol calls it. */
  readonly status: Exclude<keyof typeof status, 'OK'>;
  readonly text: string;
  /** The details in JSON under their message's name, `details.RetryInfo`. */
  readonly details: Readonly<Record<string, JsonObject>>;
}

/** The message of an OK answer. Throws with the status and details of any other. */
export function ok<M>(answer: Answer<M>): M {
  if (answer.status === 'OK') return answer.message;
  throw new Error(`${answer.status}: ${answer.text} ${JSON.stringify(answer.details)}`);
}

export function openClient(protocol: Protocol, { grpc, http }: Addresses): ServiceClient {
  return protocol === 'grpc' ? grpcClient(grpc) : connectClient(http, protocol);
}

function grpcClient(target: string): ServiceClient {
  // A subchannel pool of its own: connections end with the client instead of being shared between tests.
  const client = new Client(target, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  return {
    call: (method, request, { token, timeoutMs } = {}) =>
      new Promise((resolve) => {
        const metadata = new Metadata();
        if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
        client.makeUnaryRequest(
          `/${method.parent.typeName}/${method.name}`,
          (message: MessageShape<typeof method.input>) => Buffer.from(toBinary(method.input, message)),
          (bytes) => fromBinary(method.output, bytes),
          create(method.input, request),
          metadata,
          timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs },
          (error, message) => resolve(error === null ? { status: 'OK', message: message as never } : fromGrpc(error)),
        );
      }),
    close: () => client.close(),
  };
}

/** Connect in JSON (as curl speaks it) or binary, or gRPC-Web, over HTTP/1.1. */
function connectClient(url: string, protocol: Exclude<Protocol, 'grpc'>): ServiceClient {
  const agent = new Agent({ keepAlive: true });
  const options = { baseUrl: url, httpVersion: '1.1', nodeOptions: { agent } } as const;
  const transport =
    protocol === 'grpc-web'
      ? createGrpcWebTransport(options)
      : createConnectTransport({ ...options, useBinaryFormat: protocol === 'binary' });
  return {
    call: async (method, request, { token, timeoutMs } = {}) => {
      const header = token === undefined ? {} : { authorization: `Bearer ${token}` };
      try {
        const { message } = await transport.unary(method, undefined, timeoutMs, header, request);
        return { status: 'OK', message };
      } catch (error) {
        if (error instanceof ConnectError) return fromConnect(error);
        throw error;
      }
    },
    close: () => agent.destroy(),
  };
}

function fromGrpc(error: ServiceError): Refusal {
  const [trailer] = error.metadata.get('grpc-status-details-bin');
  const packed = trailer === undefined ? null : fromBinary(StatusSchema, trailer as Buffer);
  if (packed !== null && (packed.code !== error.code || packed.message !== error.details)) {
    throw new Error('grpc-status-details-bin contradicts the status it came with');
  }
  const details = packed?.details.map(({ typeUrl, value }) => ({ type: typeUrl.replace(/^.*\//, ''), value })) ?? [];
  return { status: nameOf(error.code), text: error.details, details: unpack(details) };
}

function fromConnect(error: ConnectError): Refusal {
  const details = error.details.filter((detail) => 'type' in detail);
  return { status: nameOf(error.code), text: error.rawMessage, details: unpack(details) };
}

function nameOf(code: number): Refusal['status'] {
  const name = status[code] as keyof typeof status | undefined;
  if (name === undefined || name === 'OK') throw new Error(`no error has the status ${code}`);
  return name;
}

const registry = createRegistry(file_google_rpc_error_details);

function unpack(details: readonly { type: string; value: Uint8Array }[]): Record<string, JsonObject> {
  const found: Record<string, JsonObject> = {};
  for (const { type, value } of details) {
    const desc = registry.getMessage(type);
    if (desc === undefined) throw new Error(`${type} is no detail of google.rpc`);
    if (desc.name in found) throw new Error(`${type} came twice`);
    found[desc.name] = toJson(desc, fromBinary(desc, value), { registry }) as JsonObject;
  }
  return found;
}
