/**
 * How fast strangers may open streams: connections on which nobody has shown a token, such as those of probes. What
 * goes beyond that is not read for the rest of the period, so that a flood fills the buffers of whoever sends it.
 */
import type { Socket } from 'node:net';

export interface Pace {
  /** Whether this connection may open one more stream now. */
  allows(socket: Socket): boolean;
}

/**
 * A period's streams of one stranger: always, and unless all of them together had too many. Short, so that no more than
 * MOST_OF_ALL come between two calls of anybody else.
 */
const SURE = 1;
const MOST = 10;
const MOST_OF_ALL = 50;
const PERIOD_MS = 100;

/** Node's handle of a socket, which HTTP/2 reads from by itself: `Socket.pause` does not reach it. */
interface Handle {
  readStop(): void;
  readStart(): void;
}

export function createPace(): Pace {
  // Of the current period.
  let endsAt = 0;
  let total = 0;
  const opened = new Map<Socket, number>();
  const held = new Set<Socket>();

  function begin(now: number): void {
    endsAt = now + PERIOD_MS;
    total = 0;
    opened.clear();
  }

  function hold(socket: Socket, now: number): void {
    if (held.has(socket)) return;
    const handle = handleOf(socket);
    if (handle === null) {
      socket.destroy();
      return;
    }
    held.add(socket);
    handle.readStop();
    setTimeout(() => {
      held.delete(socket);
      if (!socket.destroyed) handleOf(socket)?.readStart();
    }, endsAt - now).unref();
  }

  return {
    allows(socket) {
      const now = performance.now();
      if (now >= endsAt) begin(now);
      const count = (opened.get(socket) ?? 0) + 1;
      opened.set(socket, count);
      total += 1;
      if (count <= SURE || (count <= MOST && total <= MOST_OF_ALL)) return true;
      hold(socket, now);
      return false;
    },
  };
}

function handleOf(socket: Socket): Handle | null {
  const { _handle: handle } = socket as unknown as { _handle?: Partial<Handle> | null };
  return typeof handle?.readStop === 'function' && typeof handle.readStart === 'function' ? (handle as Handle) : null;
}
