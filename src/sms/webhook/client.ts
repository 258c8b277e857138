/**
 * One POST, with sure knowledge of whether any byte of it was sent: before its connection is established, nothing is. By
 * undici, which costs half the processor of `node:http`.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type Dispatcher, Pool } from 'undici';
import { MAX_PROVIDER_TIMEOUT_MS } from '../../domain/deadlines.ts';
import { type FaultWord, faultWord } from '../faults.ts';

export interface ClientOptions {
  readonly url: string;
  readonly maxSockets: number;
}

export interface WebhookClient {
  /** Never rejects. Redirects are not followed, and nothing is sent twice. */
  post(content: Content, signal: AbortSignal): Promise<PostResult>;
  /** Requests under way end; later ones are surely not sent. */
  close(): void;
}

interface Content {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type PostResult =
  | { readonly kind: 'failed'; readonly written: boolean; readonly fault: FaultWord }
  /** With a `fault` the status is known, but the body did not arrive completely. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: string;
      readonly fault: FaultWord | null;
    };

const MAX_ANSWER_BYTES = 16 * 1024;
/** Servers and devices between drop a silent connection without notice after about 75 s: we end it earlier. */
const IDLE_MS = 60_000;

export function createWebhookClient({ url, maxSockets }: ClientOptions): WebhookClient {
  const { origin, pathname, search } = new URL(url);
  const pool = new Pool(origin, {
    connections: maxSockets,
    keepAliveTimeout: IDLE_MS,
    keepAliveMaxTimeout: IDLE_MS,
    allowH2: false,
    // Longer than any attempt: a socket that never connects makes room for another one.
    connect: { timeout: MAX_PROVIDER_TIMEOUT_MS },
    // The signal alone ends a request.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const target = { method: 'POST', path: pathname + search } as const;

  return {
    post: (content, signal) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve({ kind: 'failed', written: false, fault: 'timeout' });
        pool.dispatch({ ...target, ...content }, exchange(signal, resolve));
      }),
    close() {
      if (!pool.closed) void pool.close();
    },
  };
}

function exchange(signal: AbortSignal, resolve: (result: PostResult) => void): Dispatcher.DispatchHandler {
  const chunks: Buffer[] = [];
  let size = 0;
  let answer: { readonly status: number; readonly headers: IncomingHttpHeaders } | null = null;
  let request: Dispatcher.DispatchController | null = null;
  let ended = false;

  function finish(fault: FaultWord | null): void {
    if (ended) return;
    ended = true;
    signal.removeEventListener('abort', expire);
    if (answer !== null) resolve({ kind: 'answered', ...answer, body: Buffer.concat(chunks).toString(), fault });
    else resolve({ kind: 'failed', written: request !== null, fault: fault ?? 'network' });
  }
  function abandon(fault: FaultWord): void {
    finish(fault);
    request?.abort(new Error(fault));
  }
  const expire = () => abandon('timeout');
  signal.addEventListener('abort', expire, { once: true });

  return {
    // The connection is established, and what follows is written.
    onRequestStart(controller) {
      if (ended) return controller.abort(new Error('timeout'));
      request = controller;
    },
    onResponseStart(_, status, headers) {
      answer = { status, headers };
    },
    onResponseData(_, chunk) {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) return abandon('malformed');
      chunks.push(chunk);
    },
    onResponseEnd: () => finish(null),
    onResponseError: (_, error: NodeJS.ErrnoException) => finish(faultWord(error.code)),
  };
}
