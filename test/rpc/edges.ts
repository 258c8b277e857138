/** Both edges on loopback over a scripted verifier, and raw requests that no client library would make. */
import { once } from 'node:events';
import { connect, type OutgoingHttpHeaders } from 'node:http2';
import type { Event } from '../../src/event.ts';
import { type CallerConfig, createAuthenticator } from '../../src/rpc/auth.ts';
import { createConnectEdge } from '../../src/rpc/connect.ts';
import type { Edge } from '../../src/rpc/edge.ts';
import { createGrpcEdge, type GrpcEdge, type GrpcEdgeOptions } from '../../src/rpc/grpc.ts';
import { createHandlers } from '../../src/rpc/service.ts';
import type { Verifier } from '../../src/verification/verifier.ts';
import { type Addresses, openClient, type Protocol, type ServiceClient } from '../support/clients.ts';

export const SERVICE = '/countersign.v1.VerificationService';
export const MAX_MESSAGE_BYTES = 1024;

export interface Edges extends Addresses {
  readonly grpcEdge: GrpcEdge;
  readonly httpEdge: Edge;
  /** Everything emitted since `begin`. */
  readonly events: Event[];
  /** The methods that reached the verifier since `begin`. */
  readonly reached: string[];
  /** What the verifier does from now on; a method that is not given must not be called. */
  begin(verifier?: Partial<Verifier>): void;
  client(protocol: Protocol): ServiceClient;
  stop(): Promise<void>;
}

export async function startEdges(
  options: {
    callers?: readonly CallerConfig[];
    localNamesOnly?: boolean;
    deadlineMs?: number | ((rpc: string) => number);
    reflection?: boolean;
    bounds?: Partial<GrpcEdgeOptions>;
  } = {},
): Promise<Edges> {
  const events: Event[] = [];
  const reached: string[] = [];
  const clients: ServiceClient[] = [];
  let script: Partial<Verifier> = {};
  const verifier = new Proxy({} as Verifier, {
    get: (_, name: keyof Verifier) => (request: never, call: never) => {
      reached.push(name);
      const method = script[name];
      if (method === undefined) throw new Error(`${name} was not expected`);
      return method(request, call);
    },
  });
  const deadlineMs = options.deadlineMs ?? 10_000;
  const shared = {
    handlers: createHandlers(verifier),
    authenticate: createAuthenticator(options.callers ?? []),
    localNamesOnly: options.localNamesOnly ?? false,
    emit: (event: Event) => void events.push(event),
    clock: () => performance.now(),
    maxMessageBytes: MAX_MESSAGE_BYTES,
    deadlineMs: typeof deadlineMs === 'number' ? () => deadlineMs : deadlineMs,
    ...options.bounds,
  };
  const grpcEdge = createGrpcEdge({ ...shared, reflection: options.reflection ?? true });
  const httpEdge = createConnectEdge(shared);
  const anyPort = { host: '127.0.0.1', port: 0 };
  const addresses = {
    grpc: `127.0.0.1:${await grpcEdge.listen(anyPort)}`,
    http: `http://127.0.0.1:${await httpEdge.listen(anyPort)}`,
  };
  return {
    ...addresses,
    grpcEdge,
    httpEdge,
    events,
    reached,
    begin(next = {}) {
      script = next;
      events.length = 0;
      reached.length = 0;
    },
    client(protocol) {
      const client = openClient(protocol, addresses);
      clients.push(client);
      return client;
    },
    async stop() {
      for (const client of clients) client.close();
      await Promise.all([grpcEdge.close(1_000), httpEdge.close(1_000)]);
    },
  };
}

/** A request message of `bytes` as gRPC frames it. */
export function frame(bytes: Uint8Array, compressed = false): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(compressed ? 1 : 0);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

export interface RawAnswer {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** One HTTP/2 request to the gRPC listener. Trailers are merged into `headers`. */
export async function rawGrpc(target: string, headers: OutgoingHttpHeaders, body: Uint8Array): Promise<RawAnswer> {
  const session = connect(`http://${target}`);
  try {
    const stream = session.request({
      ':method': 'POST',
      'content-type': 'application/grpc+proto',
      te: 'trailers',
      ...headers,
    });
    const seen: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    stream.on('response', (head) => Object.assign(seen, head));
    stream.on('trailers', (head) => Object.assign(seen, head));
    stream.on('data', (chunk: Buffer) => void chunks.push(chunk));
    stream.end(body);
    await once(stream, 'close');
    return { headers: seen, body: Buffer.concat(chunks).toString('latin1') };
  } finally {
    session.destroy();
  }
}

/** One HTTP/1.1 request to the Connect listener. */
export async function rawHttp(
  url: string,
  init: { method?: string; headers?: Record<string, string>; body?: NonNullable<RequestInit['body']> },
): Promise<RawAnswer & { readonly status: number }> {
  const response = await fetch(url, { method: 'POST', ...init });
  const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
  return { status: response.status, headers: Object.fromEntries(response.headers), body };
}

/** The one `rpc` event since `begin`; throws when there is none or another. */
export function onlyRpc(events: readonly Event[]) {
  const found = events.filter((event) => event.type === 'rpc');
  const [event] = found;
  if (event === undefined || found.length !== 1) throw new Error(`expected one rpc event: ${JSON.stringify(found)}`);
  return event;
}
