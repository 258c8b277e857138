/**
 * The listener for delivery reports: `POST <public path>/<provider>…`. It is the only one that is open to the internet.
 * Each provider reads its own reports and says whether they are genuine. Body and URL go nowhere else: they contain
 * phone numbers and secrets.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DeliveryReport } from '../domain/delivery.ts';
import type { CallbackRefusal, Emit } from '../event.ts';
import { type ConnectionCut, closeServer, createHttpServer, listenOn, type PeerBound } from '../http-server.ts';
import { clientAddress } from './client-address.ts';
import type { Provider, ReportReading } from './provider.ts';

export interface ReportListenerOptions {
  /** For those without `reports.read` the answer is 404. */
  readonly providers: readonly Provider[];
  /** The URL by which providers reach this listener. Proxies must keep its path. */
  readonly publicUrl: string;
  /** How many proxies append to `X-Forwarded-For`. */
  readonly trustedProxies: number;
  readonly maxBodyBytes: number;
  /** Rejects when the report could not be stored: the answer is 503 then, so that the vendor repeats it. */
  readonly onReport: (provider: string, report: DeliveryReport) => Promise<void>;
  readonly emit: Emit;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** For a client to send its whole request, counted from the connection; 5 s when left out. */
  readonly requestMs?: number | undefined;
  /** For a client to begin its request; 2 s when left out. */
  readonly silentMs?: number | undefined;
  /** 500 when left out. */
  readonly maxConnections?: number | undefined;
  /** Open at once from one address; unlimited when left out. */
  readonly perPeer?: PeerBound | undefined;
}

export interface ReportListener {
  /** Resolves with the bound port. */
  listen(address: { host: string; port: number }): Promise<number>;
  close(graceMs: number): Promise<void>;
}

/** An answer by HTTP. */
interface Reply {
  readonly status: number;
  /** JSON, or empty. */
  readonly body?: string;
}

const REFUSALS: Readonly<Record<CallbackRefusal, number>> = {
  forged: 403,
  malformed: 400,
  unknown_path: 404,
  too_large: 413,
  method: 405,
};

const MAX_CONNECTIONS = 500;

export function createReportListener(options: ReportListenerOptions): ReportListener {
  const { emit, requestMs, silentMs, perPeer, maxConnections = MAX_CONNECTIONS } = options;
  const replyTo = createReplies(options);
  let closing = false;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const reply = await replyTo(request);
      if (reply === null) return;
      if (isAccepted(reply)) connections.trust(request.socket);
      write(response, reply, closing);
    } catch (error) {
      emit({ type: 'fault', where: 'callbacks', error });
      write(response, { status: 500 }, closing);
    }
  }

  const onCut = (why: ConnectionCut) => emit({ type: 'cut', listener: 'callbacks', why });
  const { server, connections } = createHttpServer(
    { max: maxConnections, perPeer, silentMs, requestMs, onCut },
    (request, response) => void serve(request, response),
  );

  return {
    listen: (address) => listenOn(server, address),
    async close(graceMs) {
      closing = true;
      await closeServer(server, graceMs);
    },
  };
}

/** The reply to a request; null when the client has gone, or took too long, which Node answers. */
function createReplies(options: ReportListenerOptions): (request: IncomingMessage) => Promise<Reply | null> {
  const { providers, trustedProxies, maxBodyBytes, onReport, emit, now } = options;
  const publicUrl = options.publicUrl.replace(/\/+$/, '');
  const prefix = new URL(options.publicUrl).pathname.replace(/\/+$/, '');
  const readers = new Map(
    providers.flatMap(({ name, reports }) => {
      return reports?.read === undefined ? [] : [[name, reports.read.bind(reports)] as const];
    }),
  );

  function refuse(provider: string, why: CallbackRefusal): Reply {
    emit({ type: 'callback_refused', provider, why });
    return { status: REFUSALS[why] };
  }

  async function store(provider: string, reading: ReportReading): Promise<Reply> {
    if (reading.kind !== 'reports') return refuse(provider, reading.kind);
    // All at once: while the store does not answer, a hundred time-outs in a row would last longer than the vendor
    // waits.
    const stored = await Promise.allSettled(reading.reports.map((report) => onReport(provider, report)));
    const failure = stored.find((each) => each.status === 'rejected');
    if (failure === undefined) return reading.answer;
    const { reason } = failure;
    emit({ type: 'reports_failed', provider, error: reason instanceof Error ? reason : new Error('not stored') });
    return { status: 503 };
  }

  return async (request) => {
    const { provider, remainder, path } = placeOf(request.url ?? '', prefix);
    const read = readers.get(provider);
    if (read === undefined) return refuse('', 'unknown_path');
    if (request.method !== 'POST') return refuse(provider, 'method');
    const body = await bodyOf(request, maxBodyBytes);
    if (body === 'gone') return null;
    if (body === 'too_large') return refuse(provider, 'too_large');
    const { headers, socket } = request;
    const forwarded = headers['x-forwarded-for'];
    const address = clientAddress({ socket: socket.remoteAddress, forwarded, trustedProxies });
    return store(provider, read({ url: `${publicUrl}${remainder}`, path, headers, body, address, now: now() }));
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

/** The target is used as it came: a vendor signed these bytes, so they are neither decoded nor normalized. */
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

/** The client is a vendor. */
function isAccepted({ status }: Reply): boolean {
  return status < 300;
}

/** Only a vendor keeps its connection. */
function write(response: ServerResponse, reply: Reply, closing: boolean): void {
  const { status, body = '' } = reply;
  const keep = isAccepted(reply) && !closing;
  response.writeHead(status, {
    ...(status !== 204 && { 'content-length': Buffer.byteLength(body) }),
    ...(body !== '' && { 'content-type': 'application/json' }),
    ...(status === 405 && { allow: 'POST' }),
    ...(!keep && { connection: 'close' }),
    'cache-control': 'no-store',
  });
  response.end(body);
}
