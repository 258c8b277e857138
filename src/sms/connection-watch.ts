/**
 * Whether the connection of a request is established, with TLS including the check of the certificate. No byte of a
 * request is written earlier, so a request that fails earlier was surely not sent.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

const opening = new WeakSet<Duplex>();

/** Watches the new connections of an agent. `onConnecting` is called with each one as soon as it begins. */
export function watchConnections(agent: HttpAgent, onConnecting?: (socket: Duplex) => void): void {
  const established = agent instanceof HttpsAgent ? 'secureConnect' : 'connect';
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (target, callback) => {
    const socket = connect(target, callback);
    if (!socket) return socket;
    opening.add(socket);
    // This listener comes first: what waits for the connection is written after it ran.
    socket.once(established, () => opening.delete(socket));
    onConnecting?.(socket);
    return socket;
  };
}

/**
 * Calls `then` as soon as the connection is established. One that is not watched counts as established: its requests as
 * maybe sent.
 */
export function onceEstablished(socket: Duplex, then: () => void): void {
  if (opening.has(socket)) socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', then);
  else then();
}

/**
 * Unlike `destroy()` it lets requests under way end. Agents of proxies, which are not of Node's class, keep no idle
 * connections.
 */
export function endIdle(agent: unknown): void {
  if (!(agent instanceof HttpAgent)) return;
  agent.keepSocketAlive = () => false;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
