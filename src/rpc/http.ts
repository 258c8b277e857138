import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { closeServer, createHttpServer, listenOn } from '../http-server.ts';
import { type Edge, type EdgeOptions, MAX_CONNECTIONS } from './edge.ts';

export interface HttpListener extends Edge {
  /** True from `close` on: connections are not kept for another request. */
  draining(): boolean;
  /** A call of this connection was authenticated. */
  trust(socket: Socket): void;
}

/** A plain HTTP/1.1 server. `onRequest` must not throw. */
export function createHttpListener(
  { emit, maxConnections = MAX_CONNECTIONS, perPeer, silentMs }: EdgeOptions,
  onRequest: (req: IncomingMessage, res: ServerResponse) => void,
): HttpListener {
  let draining = false;
  const { server, connections } = createHttpServer(
    { max: maxConnections, perPeer, silentMs, onCut: (why) => emit({ type: 'cut', listener: 'http', why }) },
    onRequest,
  );

  return {
    draining: () => draining,

    trust: connections.trust,

    listen: (address) => listenOn(server, address),

    async close(graceMs) {
      draining = true;
      await closeServer(server, graceMs);
    },
  };
}
