/**
 * Twilio's SDK (https://github.com/twilio/twilio-node), made to obey a signal and to tell what its errors leave out: status and
 * headers of the answer. Only the modules that sending needs are loaded: the package's own entry brings every product along,
 * 8 MB in place of 2 in the bundle, which those who use no Twilio carry too, and 15 MB of memory for those who do.
 *
 * Of the environment the SDK reads HTTPS proxy (`HTTP_PROXY`) and authority (`TWILIO_CA_BUNDLE`), which an operator means when
 * they set them. `TWILIO_REGION` and `TWILIO_EDGE` would rewrite the host behind the configured base URL, and are ignored.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import BaseTwilio from 'twilio/lib/base/BaseTwilio.js';
import RequestClient from 'twilio/lib/base/RequestClient.js';
import ApiBase from 'twilio/lib/rest/ApiBase.js';
import type { MessageListInstance } from 'twilio/lib/rest/api/v2010/account/message.js';
import { endIdle, onceStanding, watchConnections } from '../connection-watch.ts';

/** One request, and what its answer said beside the body. */
export interface Exchange {
  readonly signal: AbortSignal;
  /** Known while its connection does not stand: nothing of the request has left. */
  unsent?: boolean;
  /** HTTP status of an answer that came whole. */
  status?: number;
  /** In milliseconds. */
  retryAfterMs?: number;
  requestId?: string;
}

export interface TwilioClient {
  readonly messages: MessageListInstance;
  /** Makes the requests of `call` the exchange's. Rejects with what the SDK throws: it may hold credentials and the code. */
  run<T>(exchange: Exchange, call: () => Promise<T>): Promise<T>;
  /** Ends idle connections. */
  close(): void;
}

export interface ClientOptions {
  readonly accountSid: string;
  readonly username: string;
  readonly password: string;
  readonly baseUrl: string | undefined;
  readonly maxSockets: number;
}

/** Below the minute after which load balancers commonly end an idle connection: a send into a closed one is lost in doubt. */
const IDLE_MS = 50_000;
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** Throws when the account SID does not begin with AC. */
export function createTwilioClient(options: ClientOptions): TwilioClient {
  const { accountSid, username, password } = options;
  const httpClient = new ObedientClient(options);
  const client = new BaseTwilio.Client(username, password, { accountSid, httpClient, region: '', edge: '' });
  return {
    messages: new ApiBase(client).v2010.account.messages,
    run: (exchange, call) => exchanges.run(exchange, call),
    close: () => httpClient.close(),
  };
}

const exchanges = new AsyncLocalStorage<Exchange>();

class ObedientClient extends RequestClient {
  readonly #base: URL | null;

  constructor({ baseUrl, maxSockets }: ClientOptions) {
    // The SDK keeps 5 idle connections unless told otherwise, and gives them up after its `timeout`.
    const pool = { maxSockets, maxTotalSockets: maxSockets, maxFreeSockets: maxSockets, scheduling: 'lifo' } as const;
    super({ ...pool, timeout: IDLE_MS });
    this.#base = baseUrl === undefined ? null : new URL(baseUrl);
    this.axios.defaults.httpAgent = new Agent({ ...pool, keepAlive: true, timeout: IDLE_MS });
    for (const agent of [this.axios.defaults.httpAgent, this.axios.defaults.httpsAgent]) {
      if (agent instanceof Agent) watchConnections(agent);
    }
    this.axios.interceptors.request.use((config) => {
      const exchange = exchanges.getStore();
      if (exchange === undefined) return config;
      config.signal = exchange.signal;
      // The SDK puts its `timeout` here. The signal is the only timer of a request.
      config.timeout = 0;
      config.transport = { request: (...request: TransportRequest) => watched(exchange, request) };
      return config;
    });
  }

  override async request<T>(request: RequestClient.RequestOptions<T>) {
    const uri = this.#base === null ? request.uri : moved(request.uri, this.#base);
    const exchange = exchanges.getStore();
    try {
      const response = await super.request({ ...request, uri });
      if (exchange !== undefined) note(exchange, response.statusCode, response.headers);
      return response;
    } finally {
      // They hold the credentials, the phone and the code of the last message.
      delete this.lastRequest;
      delete this.lastResponse;
    }
  }

  close(): void {
    endIdle(this.axios.defaults.httpAgent);
    endIdle(this.axios.defaults.httpsAgent);
  }
}

type TransportRequest = [options: RequestOptions, onResponse: (response: IncomingMessage) => void];

/** The request that axios would make by itself. It may wait for its connection, so it is the request that is watched. */
function watched(exchange: Exchange, [options, onResponse]: TransportRequest): ClientRequest {
  const request = (options.protocol === 'https:' ? requestHttps : requestHttp)(options, onResponse);
  exchange.unsent = true;
  request.once('socket', (socket) => {
    onceStanding(socket, () => {
      exchange.unsent = false;
    });
  });
  return request;
}

/** The same resource of another server; a path of `base` goes before it. */
function moved(uri: string, base: URL): string {
  const url = new URL(uri);
  url.protocol = base.protocol;
  url.host = base.host;
  if (base.port === '') url.port = '';
  url.pathname = base.pathname.replace(/\/$/, '') + url.pathname;
  return url.href;
}

function note(exchange: Exchange, status: number, headers: Readonly<Record<string, unknown>>): void {
  exchange.status = status;
  const retryAfter = headers['retry-after'];
  if (typeof retryAfter === 'string' && /^\d{1,9}$/.test(retryAfter)) {
    exchange.retryAfterMs = Math.min(Math.max(Number(retryAfter) * 1000, SECOND_MS), DAY_MS);
  }
  const requestId = headers['twilio-request-id'];
  if (typeof requestId === 'string' && /^[\w-]{1,64}$/.test(requestId)) exchange.requestId = requestId;
}
