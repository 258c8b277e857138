import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listenOn } from '../http-server.ts';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

export interface OpsServerOptions {
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly readiness: () => Promise<Readiness>;
  readonly onFault: (error: unknown) => void;
}

export interface OpsServer {
  /** Resolves with the bound port. */
  listen(address: { host: string; port: number }): Promise<number>;
  close(graceMs: number): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** How long a client may take to send its request. */
const REQUEST_MS = 5000;

/** `/livez` says that the process answers, and never asks Redis: restarting it would not bring Redis back. */
export function createOpsServer({ metrics, readiness, onFault }: OpsServerOptions): OpsServer {
  const routes: Readonly<Record<string, () => Promise<Answer>>> = {
    '/livez': async () => json(200, { status: 'alive' }),
    '/readyz': async () => {
      const { ready, components } = await readiness();
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', components });
    },
    '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.render() }),
  };

  async function answer(request: IncomingMessage): Promise<Answer> {
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return json(404, { status: 'not found' });
    if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { status: 'method not allowed' });
    try {
      return await route();
    } catch (error) {
      onFault(error);
      return json(500, { status: 'fault' });
    }
  }

  const server = createServer(
    { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1000 },
    (request, response) => {
      request.resume();
      void answer(request).then((reply) => write(response, reply));
    },
  );

  return {
    listen: (address) => listenOn(server, address),
    close: (graceMs) => closeServer(server, graceMs),
  };
}

function json(status: number, body: object): Answer {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}

function write(response: ServerResponse, { status, type, body }: Answer): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(body);
}
