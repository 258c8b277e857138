import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Emit } from '../event.ts';
import { closeServer, createHttpServer, listenOn } from '../http-server.ts';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

export interface OpsServerOptions {
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly readiness: () => Promise<Readiness>;
  readonly emit: Emit;
}

export interface OpsServer {
  /** Resolves with the bound port. */
  listen(address: { host: string; port: number }): Promise<number>;
  close(graceMs: number): Promise<void>;
}

interface OpsResponse {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Probes and a Prometheus or two. */
const MAX_CONNECTIONS = 500;

/** `/livez` says only that the process answers. It does not ask Redis: a restart would not bring Redis back. */
export function createOpsServer({ metrics, readiness, emit }: OpsServerOptions): OpsServer {
  const routes: Readonly<Record<string, () => Promise<OpsResponse>>> = {
    '/livez': async () => json(200, { status: 'alive' }),
    '/readyz': async () => {
      const { ready, ...found } = await readiness();
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...found });
    },
    '/metrics': async () => ({ status: 200, type: metrics.contentType, body: await metrics.render() }),
  };

  async function respond(request: IncomingMessage): Promise<OpsResponse> {
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return json(404, { status: 'not found' });
    if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { status: 'method not allowed' });
    try {
      return await route();
    } catch (error) {
      emit({ type: 'fault', where: 'ops', error });
      return json(500, { status: 'fault' });
    }
  }

  const { server } = createHttpServer(
    { max: MAX_CONNECTIONS, onCut: (why) => emit({ type: 'cut', listener: 'ops', why }) },
    (request, response) => {
      request.resume();
      void respond(request).then((answer) => write(response, answer));
    },
  );

  return {
    listen: (address) => listenOn(server, address),
    close: (graceMs) => closeServer(server, graceMs),
  };
}

function json(status: number, body: object): OpsResponse {
  return { status, type: 'application/json', body: `${JSON.stringify(body)}\n` };
}

function write(response: ServerResponse, { status, type, body }: OpsResponse): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(body);
}
