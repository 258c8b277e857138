/**
 * Calls of Tencent Cloud's API through its SDK: one client and one pool of connections. The SDK drops the causes of errors,
 * so what is surely known of a failed call, that nothing was written, is seen on the connection itself.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import { Agent as HttpAgent } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
// The package itself would load the clients of older versions of the API as well.
import { Client } from 'tencentcloud-sdk-nodejs-sms/tencentcloud/services/sms/v20210111/sms_client.js';
import { endIdle, onceStanding, watchConnections } from '../connection-watch.ts';
import { faultWord } from '../faults.ts';
import { isTencentCode, type TencentWord } from './failures.ts';

export interface ConnectionOptions {
  readonly secretId: string;
  readonly secretKey: string;
  readonly region: string;
  /** URL; `http://` for fakes on this machine only. */
  readonly endpoint: string;
  /** Replaces options of the connections, for tests that stand in for Tencent's own host name. */
  readonly agent?: AgentOptions;
}

export interface Connection {
  /** Never rejects. */
  call(action: string, parameters: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Outcome>;
  /** Ends idle connections. */
  close(): void;
}

export type Outcome =
  /** What is in `Response`: nothing of it is checked. */
  | { readonly kind: 'answered'; readonly response: Readonly<Record<string, unknown>>; readonly requestId: string }
  | { readonly kind: 'refused'; readonly code: string; readonly requestId: string }
  /** `maybeSent` unless it is known that nothing of the request was written. */
  | { readonly kind: 'failed'; readonly word: TencentWord; readonly maybeSent: boolean };

/** What is seen of one call below the SDK. */
interface Trace {
  /** 2 when there was a redirect. */
  requests: number;
  /** `reused` until a connection was made for this call. */
  connection: 'reused' | 'opening' | 'open';
  /** Why it could not be opened. */
  code: string;
}

export function connectTencent(options: ConnectionOptions): Connection {
  const { secretId, secretKey, region } = options;
  const { protocol, host } = new URL(options.endpoint);
  const secure = protocol === 'https:';
  const traces = new AsyncLocalStorage<Trace>();
  const agent = openAgent(secure, options.agent, () => traces.getStore());

  /**
   * The SDK's fetch asks for the agent before each request, so also before the one by which it would follow a redirect: that would
   * send twice, or show the message to another host.
   */
  function agentOnce(): HttpAgent {
    const trace = traces.getStore();
    if (trace !== undefined && ++trace.requests > 1) throw new Error('redirected');
    return agent;
  }

  const client = new Client({
    credential: { secretId, secretKey },
    region,
    profile: {
      httpProfile: {
        protocol: `${protocol}//`,
        endpoint: host,
        // None of its own: the signal of a call is the only timer. The SDK's default is a minute.
        reqTimeout: 0,
        // The SDK hands it to node-fetch, which takes functions too.
        agent: agentOnce as unknown as HttpAgent,
      },
    },
  });

  return {
    async call(action, parameters, signal) {
      if (signal.aborted) return { kind: 'failed', word: 'timeout', maybeSent: false };
      const trace: Trace = { requests: 0, connection: 'reused', code: '' };
      const ended = new AbortController();
      const end = () => ended.abort();
      signal.addEventListener('abort', end, { once: true });
      try {
        const options = { signal: ended.signal };
        const response: unknown = await traces.run(trace, () => client.request(action, parameters, options));
        if (!isRecord(response) || isEventStream(response)) {
          return { kind: 'failed', word: 'malformed', maybeSent: true };
        }
        return { kind: 'answered', response, requestId: requestIdIn(response.RequestId) };
      } catch (error) {
        return outcomeOf(isRecord(error) ? error : {}, trace, signal.aborted);
      } finally {
        signal.removeEventListener('abort', end);
        // The SDK does not read the body of an answer other than 200: without this its connection would stay open unused.
        end();
      }
    },
    close: () => endIdle(agent),
  };
}

/** Longer than the 5 s of Node's own agent; Tencent asks to close what was idle for 90 s. */
const IDLE_MS = 60_000;

function openAgent(secure: boolean, replaced: AgentOptions = {}, traceOf: () => Trace | undefined): HttpAgent {
  // Calls are bounded where their deadline counts, not by a queue in here.
  const options = { keepAlive: true, timeout: IDLE_MS, maxSockets: Infinity, scheduling: 'lifo', ...replaced } as const;
  const agent: HttpAgent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  watchConnections(agent, (socket) => {
    // Without a limit on connections each is opened by the call that needs it.
    const trace = traceOf();
    if (trace === undefined) return;
    trace.connection = 'opening';
    onceStanding(socket, () => {
      trace.connection = 'open';
    });
    socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
      trace.code = code;
    });
  });
  return agent;
}

function outcomeOf(error: Readonly<Record<string, unknown>>, trace: Trace, aborted: boolean): Outcome {
  const failed = (word: TencentWord, maybeSent = true): Outcome => ({ kind: 'failed', word, maybeSent });
  const written = trace.requests > 0 && trace.connection !== 'opening';
  if (aborted) return failed('timeout', written);
  const { code, type, httpCode, requestId } = error;
  if (type === undefined && isTencentCode(code)) return { kind: 'refused', code, requestId: requestIdIn(requestId) };
  if (trace.requests > 1) return failed('redirected');
  if (typeof httpCode === 'number') return failed(`http_${httpCode}`);
  if (!written) return failed(faultWord(trace.code), false);
  // Without JSON, without `Response`, or with a code that is none.
  if (type === 'invalid-json' || error instanceof TypeError || (type === undefined && code !== undefined)) {
    return failed('malformed');
  }
  // Of an error on a connection that stands, the SDK drops the code: hardly anything but a break is possible there.
  return failed(faultWord(code ?? (trace.code || 'ECONNRESET')));
}

/**
 * By its content type alone the SDK takes an answer for a stream of events. What reads it would end the process when the stream
 * breaks, were nobody listening.
 */
function isEventStream({ eventSource, readline }: Readonly<Record<string, unknown>>): boolean {
  if (!(eventSource instanceof EventEmitter)) return false;
  for (const part of [eventSource, readline]) if (part instanceof EventEmitter) part.on('error', () => undefined);
  return true;
}

function requestIdIn(value: unknown): string {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value) ? value : '';
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
