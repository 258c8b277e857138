/** What the thread that answers probes and the thread that serves calls say to each other. */
import type { ConnectionCut } from '../http-server.ts';

export interface OpsResponse {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** What only the thread that serves calls can answer. */
export type Question = '/readyz' | '/metrics';

export type ToWorker =
  | { readonly type: 'listen'; readonly address: { readonly host: string; readonly port: number } }
  | { readonly type: 'answer'; readonly id: number; readonly response: OpsResponse }
  | { readonly type: 'close'; readonly graceMs: number };

export type FromWorker =
  | { readonly type: 'listening'; readonly port: number }
  | { readonly type: 'failed'; readonly message: string; readonly code: string | undefined }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  | { readonly type: 'cut'; readonly why: ConnectionCut }
  | { readonly type: 'closed' };

export interface WorkerSettings {
  readonly heartbeat: SharedArrayBuffer;
  readonly deadAfterMs: number;
}

export function json(status: number, body: object): OpsResponse {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}
