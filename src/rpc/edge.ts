import type { Refusal } from '../domain/refusal.ts';
import type { CallClass, Emit, Shed } from '../event.ts';
import { VerificationService } from '../gen/countersign/v1/verification_pb.ts';
import { Health } from '../gen/grpc/health/v1/health_pb.ts';
import type { PeerBound } from '../http-server.ts';
import type { Admission } from './admission.ts';
import type { Authenticator } from './auth.ts';
import type { Handlers } from './service.ts';

/** What both edges need: gRPC and HTTP. */
export interface EdgeOptions {
  readonly handlers: Handlers;
  readonly authenticate: Authenticator;
  /** Of both edges together; every call is begun when left out. */
  readonly admission?: Admission | undefined;
  /** Without callers: HTTP requests to other names than this machine's are refused. */
  readonly localNamesOnly: boolean;
  readonly emit: Emit;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** The largest request message. */
  readonly maxMessageBytes: number;
  /** The most that a call of this RPC (`SendCode`) may take; a caller's own deadline can only shorten it. */
  readonly deadlineMs: (rpc: string) => number;
  /** Open at once; 4,096 when left out. */
  readonly maxConnections?: number | undefined;
  /** Open at once from one address; unlimited when left out. */
  readonly perPeer?: PeerBound | undefined;
  /** For the first bytes of a connection to arrive, in milliseconds; two seconds when left out. */
  readonly silentMs?: number | undefined;
}

/** An idle one costs 20 to 40 KB. */
export const MAX_CONNECTIONS = 4_096;

export interface Edge {
  /** Resolves to the bound port. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  /** Accepts no more calls, gives those under way at most `graceMs`, and then ends them. */
  close(graceMs: number): Promise<void>;
}

/** Probes carry no credentials. */
export const isOpen = (path: string) => path.startsWith(`/${Health.typeName}/`);

/** What an RPC is under load: logging in comes first, and who asks is more patient than who waits for a code. */
export function classOf(rpc: string): Exclude<CallClass, 'health'> {
  if (rpc === 'CheckCode') return 'check';
  return rpc === 'SendCode' ? 'send' : 'read';
}

/** How long a caller should wait whose call was shed: longer than a burst lasts. */
const RETRY_MS = 1_000;
export const SHED: Readonly<Record<Shed, Refusal>> = {
  overloaded: { reason: 'OVERLOADED', retryAfterMs: RETRY_MS },
  deadline: { reason: 'DEADLINE' },
};

/** As the log and the metrics name them. */
export const METHODS: readonly string[] = [
  ...VerificationService.methods.map(({ name }) => name),
  ...Health.methods.map(({ name }) => `Health/${name}`),
];
