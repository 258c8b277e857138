import type { Emit } from '../event.ts';
import type { Authenticator } from './auth.ts';
import type { Handlers } from './service.ts';

/** What both edges need: gRPC and HTTP. */
export interface EdgeOptions {
  readonly handlers: Handlers;
  readonly authenticate: Authenticator;
  /** Without callers: HTTP requests to other names than this machine's are refused. */
  readonly localNamesOnly: boolean;
  readonly emit: Emit;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** The largest request message. */
  readonly maxMessageBytes: number;
  /** The most that a call of this RPC (`SendCode`) may take; a caller's own deadline can only shorten it. */
  readonly deadlineMs: (rpc: string) => number;
}

export interface Edge {
  /** Resolves to the bound port. */
  listen(address: { readonly host: string; readonly port: number }): Promise<number>;
  /** Accepts no more calls, gives those under way at most `graceMs`, and then ends them. */
  close(graceMs: number): Promise<void>;
}
