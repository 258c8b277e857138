/**
 * Twilio's SDK (https://github.com/twilio/twilio-node) with two additions: it obeys a signal, and it hands out what its
 * errors leave out, status and headers of the answer. It serves every product of Twilio's; each provider opens the
 * product that it needs. The package's own entry would load all products: 8 MB in place of 2 in the bundle, and 15 MB
 * of memory.
 *
 * From the environment the SDK reads an HTTPS proxy (`HTTP_PROXY`) and a certificate authority (`TWILIO_CA_BUNDLE`): an
 * operator who sets them wants them here. `TWILIO_REGION` and `TWILIO_EDGE` would change the host behind the configured
 * base URL, and are ignored.
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
import { endIdle, onceEstablished, watchConnections } from '../connection-watch.ts';

/** One request, and what its answer said beside the body. */
export interface Exchange {
  /** Ends the request, and is its only timer. */
  readonly signal: AbortSignal;
  /** True until the connection is established: no byte of the request was sent. */
  unsent?: boolean;
  /** HTTP status of an answer that came whole. */
  status?: number;
  /** In milliseconds. */
  retryAfterMs?: number;
  requestId?: string;
}

export interface TwilioClient {
  /** What a product is opened with: `new ApiBase(sdk)` for messages. */
  readonly sdk: InstanceType<typeof BaseTwilio.Client>;
  /**
   * The request that `call` makes through the SDK belongs to the exchange, which learns what came of it. Rejects with
   * what the SDK throws, which may hold credentials and the code.
   */
  run<T>(exchange: Exchange, call: () => Promise<T>): Promise<T>;
  /** Ends idle connections. */
  close(): void;
}

export interface ClientOptions {
  readonly accountSid: string;
  readonly authToken?: string | undefined;
  /** Logs in in place of the auth token. */
  readonly apiKey?: ApiKey | undefined;
  /** In place of the product's own host, such as `https://api.twilio.com`. */
  readonly baseUrl?: string | undefined;
  readonly maxSockets: number;
}

export interface ApiKey {
  readonly sid: string;
  readonly secret: string;
}

/**
 * Load balancers commonly end a connection that was idle for a minute. We end it earlier: whether a request on a
 * connection that is being closed was read, is unknown.
 */
const IDLE_MS = 50_000;
const SECOND_MS = 1_000;
const DAY_MS = 86_400_000;

/** Throws when the account SID does not begin with AC, or when there is neither an auth token nor an API key. */
export function createTwilioClient(options: ClientOptions): TwilioClient {
  const { accountSid, authToken, apiKey = { sid: accountSid, secret: authToken } } = options;
  const httpClient = new SignalClient(options);
  const sdkOptions = { accountSid, httpClient, region: '', edge: '' };
  return {
    sdk: new BaseTwilio.Client(apiKey.sid, apiKey.secret, sdkOptions),
    run: (exchange, call) => exchanges.run(exchange, call),
    close: () => httpClient.close(),
  };
}

const exchanges = new AsyncLocalStorage<Exchange>();

/** The SDK's own HTTP client has no way to end a request. */
class SignalClient extends RequestClient {
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
      // The SDK keeps them, with the credentials, the phone and the code of the last message.
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

/**
 * Makes the request as axios would. It may have to wait for a free connection, so the request is watched, not the
 * connection.
 */
function watched(exchange: Exchange, [options, onResponse]: TransportRequest): ClientRequest {
  const request = (options.protocol === 'https:' ? requestHttps : requestHttp)(options, onResponse);
  exchange.unsent = true;
  request.once('socket', (socket) => {
    onceEstablished(socket, () => {
      exchange.unsent = false;
    });
  });
  return request;
}

/** The same resource on another server; a path of `base` goes before it. */
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
