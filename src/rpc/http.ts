import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { closeServer, listenOn } from '../http-server.ts';
import type { Edge } from './edge.ts';

/** For the headers and the body of a request to arrive. Connections that send nothing end, too. */
const REQUEST_TIMEOUT_MS = 5_000;

export interface HttpListener extends Edge {
  /** True from `close` on: connections are not kept for another request. */
  draining(): boolean;
}

/** A plain HTTP/1.1 server. `onRequest` must not throw. */
export function createHttpListener(onRequest: (req: IncomingMessage, res: ServerResponse) => void): HttpListener {
  let draining = false;
  const server = createServer(
    {
      headersTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // How often the two time-outs above are checked; Node's default is 30 s.
      connectionsCheckingInterval: 1_000,
      // Longer than load balancers keep idle connections (60 s as a rule), so that they close them, not we.
      keepAliveTimeout: 65_000,
    },
    onRequest,
  );

  return {
    draining: () => draining,

    listen: (address) => listenOn(server, address),

    async close(graceMs) {
      draining = true;
      await closeServer(server, graceMs);
    },
  };
}
