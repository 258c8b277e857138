/**
 * Whether the connection of a request stands. Not a byte is written before it does and, with TLS, before the certificate was
 * found right: what fails earlier was surely not sent.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

const opening = new WeakSet<Duplex>();

/** From now on it is known of the agent's new connections whether they stand. `begun` is told of each, when it begins. */
export function watchConnections(agent: HttpAgent, begun?: (socket: Duplex) => void): void {
  const stands = agent instanceof HttpsAgent ? 'secureConnect' : 'connect';
  const connect = agent.createConnection.bind(agent);
  agent.createConnection = (target, callback) => {
    const socket = connect(target, callback);
    if (!socket) return socket;
    opening.add(socket);
    // Listens before anything is written: what waits for the connection is written after this.
    socket.once(stands, () => opening.delete(socket));
    begun?.(socket);
    return socket;
  };
}

/** Runs `then` as soon as the connection stands. One that nobody watched counts as standing, which is the careful guess. */
export function onceStanding(socket: Duplex, then: () => void): void {
  if (opening.has(socket)) socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', then);
  else then();
}

/** Not `destroy()`, which cuts off what is under way: such connections end with their answers. Agents of proxies keep none. */
export function endIdle(agent: unknown): void {
  if (!(agent instanceof HttpAgent)) return;
  agent.keepSocketAlive = () => false;
  for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
}
