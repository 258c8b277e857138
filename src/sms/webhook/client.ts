/** One POST, with sure knowledge of whether any of it left: what fails before its connection stands was surely not sent. */
import { Agent as HttpAgent, type IncomingHttpHeaders, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { endIdle, onceStanding, watchConnections } from '../connection-watch.ts';
import { type FaultWord, faultWord } from '../faults.ts';

export interface ExchangeOptions {
  readonly url: string;
  readonly maxSockets: number;
}

export interface Exchanger {
  /** Never rejects. Redirects are not followed. */
  post(content: { headers: Readonly<Record<string, string>>; body: string }, signal: AbortSignal): Promise<Exchange>;
  /** Ends idle connections. */
  close(): void;
}

export type Exchange =
  | { readonly kind: 'failed'; readonly written: boolean; readonly fault: FaultWord }
  /** `fault`: the status is known, but the body did not come whole. */
  | {
      readonly kind: 'answered';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      readonly body: string;
      readonly fault: FaultWord | null;
    };

const MAX_ANSWER_BYTES = 16 * 1024;
/** Shorter than the 75 s or so after which servers and middleboxes drop a silent connection without a word. */
const IDLE_MS = 60_000;

export function createExchanger({ url, maxSockets }: ExchangeOptions): Exchanger {
  const target = new URL(url);
  const secure = target.protocol === 'https:';
  const settings = { keepAlive: true, maxSockets, maxFreeSockets: maxSockets, timeout: IDLE_MS } as const;
  // The connection used last is used first, so that the others can fall idle and end.
  const agent = secure
    ? new HttpsAgent({ ...settings, scheduling: 'lifo' })
    : new HttpAgent({ ...settings, scheduling: 'lifo' });
  const open = secure ? requestHttps : requestHttp;
  watchConnections(agent);

  return {
    post({ headers, body }, signal) {
      if (signal.aborted) return Promise.resolve({ kind: 'failed', written: false, fault: 'timeout' });
      const { promise, resolve } = Promise.withResolvers<Exchange>();
      const request = open(target, { method: 'POST', agent, headers });
      let written = false;
      let failed = (fault: FaultWord): Exchange => ({ kind: 'failed', written, fault });
      const give = (exchange: Exchange) => {
        signal.removeEventListener('abort', expire);
        resolve(exchange);
      };
      const abandon = (fault: FaultWord) => {
        give(failed(fault));
        request.destroy();
      };
      const expire = () => abandon('timeout');
      signal.addEventListener('abort', expire, { once: true });

      request.once('socket', (socket) => {
        onceStanding(socket, () => {
          written = true;
          request.end(body);
        });
      });
      request.on('error', ({ code }: NodeJS.ErrnoException) => give(failed(faultWord(code))));
      request.once('response', (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        const { statusCode: status = 0, headers: answerHeaders } = response;
        const answered = (fault: FaultWord | null): Exchange => {
          return { kind: 'answered', status, headers: answerHeaders, body: Buffer.concat(chunks).toString(), fault };
        };
        failed = answered;
        response.on('data', (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_ANSWER_BYTES) return abandon('malformed');
          chunks.push(chunk);
        });
        response.once('end', () => give(answered(null)));
        response.once('error', ({ code }: NodeJS.ErrnoException) => give(answered(faultWord(code))));
      });
      return promise;
    },

    close: () => endIdle(agent),
  };
}
