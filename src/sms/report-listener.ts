/**
 * The listener for delivery reports, the one that strangers reach: `POST <public path>/<provider>…`. Each provider reads
 * its own and says whether they are genuine. Neither body nor URL goes anywhere else: they hold phone numbers and secrets.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { DeliveryReport } from '../domain/delivery.ts';
import type { CallbackRefusal, Emit } from '../event.ts';
import { closeServer, listenOn } from '../http-server.ts';
import { clientAddress } from './client-address.ts';
import type { Provider, ReportReading } from './provider.ts';

export interface CallbackServerOptions {
  /** Those without `reports.read` are not there. */
  readonly providers: readonly Provider[];
  /** How providers reach this listener from outside. Proxies keep its path. */
  readonly publicUrl: string;
  /** How many of them add to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  readonly maxBodyBytes: number;
  /** Rejects when it could not be stored: the vendor is then asked to try again. */
  readonly onReport: (provider: string, report: DeliveryReport) => Promise<void>;
  readonly emit: Emit;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** How long a client may take to send its request, the first byte included; 5 s when left out. */
  readonly requestMs?: number;
  /** At once; 500 when left out. Those beyond are closed, so that strangers cannot use up what the process may open. */
  readonly maxConnections?: number;
}

export interface CallbackServer {
  /** Resolves with the bound port. */
  listen(address: { host: string; port: number }): Promise<number>;
  close(graceMs: number): Promise<void>;
}

interface Answer {
  readonly status: number;
  /** JSON; empty for none. */
  readonly body?: string;
}

const REFUSALS: Readonly<Record<CallbackRefusal, number>> = {
  forged: 403,
  malformed: 400,
  unknown_path: 404,
  too_large: 413,
  method: 405,
};

const REQUEST_MS = 5_000;
const MAX_CONNECTIONS = 500;
/** Longer than load balancers keep idle connections (60 s as a rule), so that it is they who close them. */
const KEEP_ALIVE_MS = 65_000;

export function createCallbackServer(options: CallbackServerOptions): CallbackServer {
  const { trustedProxies, maxBodyBytes, onReport, emit, now, requestMs = REQUEST_MS } = options;
  const publicUrl = options.publicUrl.replace(/\/+$/, '');
  const prefix = new URL(options.publicUrl).pathname.replace(/\/+$/, '');
  const readers = new Map(
    options.providers.flatMap(({ name, reports }) => {
      return reports?.read === undefined ? [] : [[name, reports.read.bind(reports)] as const];
    }),
  );
  let closing = false;

  /** Null when the client went away, or took too long and was told so. */
  async function answer(request: IncomingMessage): Promise<Answer | null> {
    const target = placeOf(request.url ?? '', prefix);
    const read = readers.get(target.provider);
    if (read === undefined) return refuse('', 'unknown_path');
    const { provider } = target;
    if (request.method !== 'POST') return refuse(provider, 'method');
    const body = await bodyOf(request, maxBodyBytes);
    if (body === 'gone') return null;
    if (body === 'too_large') return refuse(provider, 'too_large');
    const { headers, socket } = request;
    const forwarded = headers['x-forwarded-for'];
    const address = clientAddress({ socket: socket.remoteAddress, forwarded, trustedProxies });
    const url = `${publicUrl}${target.remainder}`;
    return take(provider, read({ url, path: target.path, headers, body, address, now: now() }));
  }

  async function take(provider: string, reading: ReportReading): Promise<Answer> {
    if (reading.kind !== 'reports') return refuse(provider, reading.kind);
    // All at once: with the store away, a hundred time-outs in a row would outlast the vendor's patience.
    const stored = await Promise.allSettled(reading.reports.map((report) => onReport(provider, report)));
    const failure = stored.find((each) => each.status === 'rejected');
    if (failure === undefined) return reading.answer;
    const { reason } = failure;
    emit({ type: 'reports_failed', provider, error: reason instanceof Error ? reason : new Error('not stored') });
    return { status: 503 };
  }

  function refuse(provider: string, why: CallbackRefusal): Answer {
    emit({ type: 'callback_refused', provider, why });
    return { status: REFUSALS[why] };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const reply = await answer(request);
      if (reply !== null) write(response, reply, closing);
    } catch (error) {
      emit({ type: 'fault', where: 'callbacks', error });
      write(response, { status: 500 }, closing);
    }
  }

  const server = createServer(
    {
      requestTimeout: requestMs,
      headersTimeout: requestMs,
      connectionsCheckingInterval: requestMs / 5,
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    (request, response) => void serve(request, response),
  );
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;

  return {
    listen: (address) => listenOn(server, address),
    async close(graceMs) {
      closing = true;
      await closeServer(server, graceMs);
    },
  };
}

interface Place {
  /** Empty when the target is not below the public path. */
  readonly provider: string;
  /** What follows the public path: `/<provider>…?…`. */
  readonly remainder: string;
  /** What follows the provider's name, without the query. */
  readonly path: string;
}

/** The target as it came: what a vendor signed must not be decoded or put in order. */
function placeOf(target: string, prefix: string): Place {
  if (!target.startsWith(`${prefix}/`)) return { provider: '', remainder: '', path: '' };
  const remainder = target.slice(prefix.length);
  const [, provider = '', path = ''] = /^\/([^/?#]*)([^?#]*)/.exec(remainder) ?? [];
  return { provider, remainder, path };
}

async function bodyOf(request: IncomingMessage, maxBytes: number): Promise<Buffer | 'too_large' | 'gone'> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return 'too_large';
  const chunks: Buffer[] = [];
  let size = 0;
  const { promise, resolve } = Promise.withResolvers<Buffer | 'too_large' | 'gone'>();
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= maxBytes) chunks.push(chunk);
    else resolve('too_large');
  });
  request.once('end', () => resolve(Buffer.concat(chunks)));
  request.once('error', () => resolve('gone'));
  return promise;
}

/** Only vendors, whose reports were taken, keep their connection. */
function write(response: ServerResponse, { status, body = '' }: Answer, closing: boolean): void {
  const keep = status < 300 && !closing;
  response.writeHead(status, {
    ...(status !== 204 && { 'content-length': Buffer.byteLength(body) }),
    ...(body !== '' && { 'content-type': 'application/json' }),
    ...(status === 405 && { allow: 'POST' }),
    ...(!keep && { connection: 'close' }),
    'cache-control': 'no-store',
  });
  response.end(body);
}
