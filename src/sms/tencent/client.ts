/**
 * Calls of Tencent Cloud's API through its SDK: one client and one pool of connections. The SDK drops the causes of
 * errors, so whether anything of a failed call was written is observed on the connection itself.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { EventEmitter } from 'node:events';
import { Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent } from 'node:https';
// The package's own entry would load the clients of older versions of the API as well.
import { Client } from 'tencentcloud-sdk-nodejs-sms/tencentcloud/services/sms/v20210111/sms_client.js';
import { endIdle, onceEstablished, watchConnections } from '../connection-watch.ts';
import { type FaultWord, faultFailure, faultWord, type KnownFailure } from '../faults.ts';
import { httpFailure } from '../http-status.ts';
import { isTencentCode } from './failures.ts';

export interface ConnectionOptions {
  readonly secretId: string;
  readonly secretKey: string;
  readonly region: string;
  /** URL; `http://` for fakes on this machine only. */
  readonly endpoint: string;
  /** Replaces options of the connections. Tests use it to lead Tencent's own host name elsewhere. */
  readonly agent?: AgentOptions;
}

export interface Connection {
  /** Never rejects. */
  call(action: string, parameters: Readonly<Record<string, unknown>>, signal: AbortSignal): Promise<Outcome>;
  /** Ends idle connections. */
  close(): void;
}

export type Outcome =
  /** The content of `Response`, unchecked. */
  | { readonly kind: 'answered'; readonly response: Readonly<Record<string, unknown>>; readonly requestId: string }
  | { readonly kind: 'refused'; readonly code: string; readonly requestId: string }
  | { readonly kind: 'failed'; readonly failure: KnownFailure };

/** What is observed of one call below the SDK. */
interface Trace {
  /** More than 1 when the answer was a redirect. */
  requests: number;
  /** `reused` unless a connection is opened for this call. */
  connection: 'reused' | 'opening' | 'open';
  /** The code of the connection's error. */
  code: string;
  /** HTTP status of the first answer, 0 without one. */
  status: number;
}

const traces = new AsyncLocalStorage<Trace>();
/** The SDK does not tell the status of a redirect, which decides whether anything was sent. */
subscribe('http.client.response.finish', (message) => {
  const trace = traces.getStore();
  if (trace?.status === 0) trace.status = (message as { response: IncomingMessage }).response.statusCode ?? 0;
});

export function connectTencent(options: ConnectionOptions): Connection {
  const { secretId, secretKey, region } = options;
  const { protocol, host } = new URL(options.endpoint);
  const secure = protocol === 'https:';
  const agent = openAgent(secure, options.agent, () => traces.getStore());

  /**
   * The SDK's fetch asks for the agent before each request. A second one would follow a redirect: it would send twice,
   * or reveal the message to another host.
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
        // No time-out (the SDK's default is a minute): the signal of a call is the only timer.
        reqTimeout: 0,
        // The SDK passes it to node-fetch, which accepts functions, too.
        agent: agentOnce as unknown as HttpAgent,
      },
    },
  });

  return {
    async call(action, parameters, signal) {
      if (signal.aborted) return failed('timeout', false);
      const trace: Trace = { requests: 0, connection: 'reused', code: '', status: 0 };
      const ended = new AbortController();
      const end = () => ended.abort();
      signal.addEventListener('abort', end, { once: true });
      try {
        const options = { signal: ended.signal };
        const response: unknown = await traces.run(trace, () => client.request(action, parameters, options));
        if (!isRecord(response) || isEventStream(response)) {
          return failed('malformed');
        }
        return { kind: 'answered', response, requestId: requestIdIn(response.RequestId) };
      } catch (error) {
        return outcomeOf(isRecord(error) ? error : {}, trace, signal.aborted);
      } finally {
        signal.removeEventListener('abort', end);
        // The SDK does not read the body of an answer other than 200: without this its connection would stay open
        // unused.
        end();
      }
    },
    close: () => endIdle(agent),
  };
}

/** Longer than the 5 s of Node's own agent. Tencent asks clients to close connections that were idle for 90 s. */
const IDLE_MS = 60_000;

function openAgent(secure: boolean, replaced: AgentOptions = {}, traceOf: () => Trace | undefined): HttpAgent {
  // Messages at once are limited by the guard, not by a queue here.
  const options = { keepAlive: true, timeout: IDLE_MS, maxSockets: Infinity, scheduling: 'lifo', ...replaced } as const;
  const agent: HttpAgent = secure ? new HttpsAgent(options) : new HttpAgent(options);
  watchConnections(agent, (socket) => {
    // As there is no limit on connections, each is opened by the call that uses it first.
    const trace = traceOf();
    if (trace === undefined) return;
    trace.connection = 'opening';
    onceEstablished(socket, () => {
      trace.connection = 'open';
    });
    socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => {
      trace.code = code;
    });
  });
  return agent;
}

function failed(word: FaultWord, maybeSent = true): Outcome {
  return { kind: 'failed', failure: faultFailure(word, maybeSent) };
}

function outcomeOf(error: Readonly<Record<string, unknown>>, trace: Trace, aborted: boolean): Outcome {
  const written = trace.requests > 0 && trace.connection !== 'opening';
  if (aborted) return failed('timeout', written);
  const { code, type, httpCode, requestId } = error;
  if (type === undefined && isTencentCode(code)) return { kind: 'refused', code, requestId: requestIdIn(requestId) };
  if (trace.status >= 300) return { kind: 'failed', failure: httpFailure(trace.status) };
  if (!written) return failed(faultWord(trace.code), false);
  // A success that is none of Tencent's; or the answer is not JSON, has no `Response`, or something else for a code.
  const strange = httpCode !== undefined || type === 'invalid-json' || error instanceof TypeError;
  if (strange || (type === undefined && code !== undefined)) return failed('malformed');
  // The SDK drops the code of an error on an established connection. Almost always it is a reset.
  return failed(faultWord(code ?? (trace.code || 'ECONNRESET')));
}

/**
 * The SDK treats an answer as a stream of events by its content type alone. Without a listener, an error of that stream
 * would end the process.
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
