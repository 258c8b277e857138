/** How every listener begins, ends, and holds its connections within bounds. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { HTTP_REQUEST_MS, KEEP_ALIVE_MS, SILENT_MS } from './domain/deadlines.ts';

/**
 * Why a connection was ended: it said nothing in time, the listener was full of connections, or its address had too
 * many of them.
 */
export type ConnectionCut = 'silent' | 'full' | 'peer';

export interface ConnectionBounds {
  /** Open at once. */
  readonly max: number;
  /** Open at once from one address; unlimited when left out. */
  readonly perPeer?: PeerBound | undefined;
  /** For the first bytes of a connection to arrive. */
  readonly silentMs?: number | undefined;
  /** How many bytes break the silence. */
  readonly firstBytes?: number;
  readonly onCut: (why: ConnectionCut) => void;
}

export interface PeerBound {
  readonly max: number;
  /** Addresses that stand for many peers: proxies. */
  readonly exempt: ReadonlySet<string>;
}

/** Sees which connections are worth more than others. */
export interface Connections {
  /** Whoever is at the other end has shown a credential: the connection makes room for no other. */
  trust(socket: Socket): void;
}

/**
 * Where a bound is reached, a newcomer takes the place of the oldest connection that nobody has vouched for. So
 * strangers who hold connections only push out each other, and whoever says at once who it is gets in.
 */
export function boundConnections(server: NetServer, bounds: ConnectionBounds): Connections {
  const { max, perPeer, silentMs = SILENT_MS, firstBytes = 1, onCut } = bounds;
  const open = new Set<Socket>();
  // In the order of their arrival.
  const strangers = new Set<Socket>();
  const peers = new Map<string, number>();

  function cut(socket: Socket, why: ConnectionCut): void {
    onCut(why);
    forget(socket);
    socket.destroy();
  }

  function forget(socket: Socket): void {
    strangers.delete(socket);
    if (!open.delete(socket) || perPeer === undefined) return;
    const peer = peerOf(socket);
    const left = (peers.get(peer) ?? 1) - 1;
    if (left === 0) peers.delete(peer);
    else peers.set(peer, left);
  }

  /** The newcomer itself when all others are trusted. */
  function oldestStranger(among: (socket: Socket) => boolean): Socket | undefined {
    for (const socket of strangers) if (among(socket)) return socket;
    return undefined;
  }

  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    open.add(socket);
    strangers.add(socket);
    // Bytes that came while the process was busy are read between a timer and an immediate.
    const silence = setTimeout(() => {
      setImmediate(() => {
        if (open.has(socket) && socket.bytesRead < firstBytes) cut(socket, 'silent');
      });
    }, silentMs);
    silence.unref();
    socket.once('close', () => {
      clearTimeout(silence);
      forget(socket);
    });
    if (perPeer !== undefined) {
      const count = (peers.get(peer) ?? 0) + 1;
      peers.set(peer, count);
      if (count > perPeer.max && !perPeer.exempt.has(peer)) {
        cut(oldestStranger((other) => peerOf(other) === peer) ?? socket, 'peer');
      }
    }
    if (open.size > max) cut(oldestStranger(() => true) ?? socket, 'full');
  });

  return { trust: (socket) => void strangers.delete(socket) };
}

/** Remembered: a socket that is closed has no address any more. */
const ADDRESSES = new WeakMap<Socket, string>();

function peerOf(socket: Socket): string {
  let address = ADDRESSES.get(socket);
  if (address === undefined) {
    address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=[\d.]+$)/, '');
    ADDRESSES.set(socket, address);
  }
  return address;
}

export interface HttpBounds extends ConnectionBounds {
  /** For the headers and the body of a request to arrive. */
  readonly requestMs?: number | undefined;
}

/** A plain HTTP/1.1 server. `onRequest` must not throw. */
export function createHttpServer(
  { requestMs = HTTP_REQUEST_MS, ...bounds }: HttpBounds,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): { readonly server: Server; readonly connections: Connections } {
  const server = createServer(
    {
      headersTimeout: requestMs,
      requestTimeout: requestMs,
      // How often the two time-outs above are checked; Node's default is 30 s.
      connectionsCheckingInterval: Math.min(1_000, requestMs / 5),
      keepAliveTimeout: KEEP_ALIVE_MS,
    },
    onRequest,
  );
  return { server, connections: boundConnections(server, bounds) };
}

/** Resolves with the bound port. */
export function listenOn(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

/** Takes no more connections and closes idle ones at once; requests under way have `graceMs` to end. */
export async function closeServer(server: Server, graceMs: number): Promise<void> {
  if (!server.listening) return;
  const cut = setTimeout(() => server.closeAllConnections(), graceMs);
  await new Promise<void>((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
  });
  clearTimeout(cut);
}
