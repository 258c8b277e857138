/**
 * One POST, with sure knowledge of whether any byte of it was sent: before its connection is established, nothing is.
 */
import { type ClientRequest, Agent as HttpAgent, type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { endIdle, onceEstablished, watchConnections } from '../connection-watch.ts';
import { type FaultWord, faultWord } from '../faults.ts';

export interface ClientOptions {
  readonly url: string;
  readonly maxSockets: number;
}

export interface WebhookClient {
  /** Never rejects. Redirects are not followed. */
  post(content: Content, signal: AbortSignal): Promise<PostResult>;
  /** Ends idle connections. */
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
  const target = new URL(url);
  const secure = target.protocol === 'https:';
  // `lifo`: the connection used last is used first, so that the others become idle and end.
  const pool = {
    keepAlive: true,
    maxSockets,
    maxFreeSockets: maxSockets,
    timeout: IDLE_MS,
    scheduling: 'lifo',
  } as const;
  const agent = secure ? new HttpsAgent(pool) : new HttpAgent(pool);
  const open = secure ? requestHttps : requestHttp;
  watchConnections(agent);

  return {
    async post({ headers, body }, signal) {
      if (signal.aborted) return { kind: 'failed', written: false, fault: 'timeout' };
      return exchange(open(target, { method: 'POST', agent, headers }), body, signal);
    },
    close: () => endIdle(agent),
  };
}

function exchange(request: ClientRequest, body: string, signal: AbortSignal): Promise<PostResult> {
  const { promise, resolve } = Promise.withResolvers<PostResult>();
  let written = false;
  /** What a failure from now on means. */
  let resultWith = (fault: FaultWord): PostResult => ({ kind: 'failed', written, fault });
  const finish = (result: PostResult) => {
    signal.removeEventListener('abort', expire);
    resolve(result);
  };
  const abandon = (fault: FaultWord) => {
    finish(resultWith(fault));
    request.destroy();
  };
  const expire = () => abandon('timeout');
  const fail = ({ code }: NodeJS.ErrnoException) => finish(resultWith(faultWord(code)));
  signal.addEventListener('abort', expire, { once: true });

  request.once('socket', (socket) => {
    onceEstablished(socket, () => {
      written = true;
      request.end(body);
    });
  });
  request.on('error', fail);
  request.once('response', (response) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const { statusCode: status = 0, headers } = response;
    const answered = (fault: FaultWord | null): PostResult => {
      return { kind: 'answered', status, headers, body: Buffer.concat(chunks).toString(), fault };
    };
    resultWith = answered;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > MAX_ANSWER_BYTES) return abandon('malformed');
      chunks.push(chunk);
    });
    response.once('end', () => finish(answered(null)));
    response.once('error', fail);
  });
  return promise;
}
