/**
 * How fast strangers may open streams: connections on which nobody has shown a token, such as those of probes. What
 * goes beyond that is not read for the rest of the period, so that a flood fills the buffers of whoever sends it.
 */
import type { Socket } from 'node:net';

export interface Pace {
  /** Whether this connection may open one more stream now. */
  allows(socket: Socket): boolean;
}

/** A period's streams of one stranger: always, and unless all of them together had too many. */
const SURE = 1;
const MOST = 10;
const MOST_OF_ALL = 50;
const PERIOD_MS = 100;
/** Between two connections that are read again: what had come on all of them would hold up the calls of everybody else. */
const RELEASE_MS = 5;

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
  // In the order in which they may be read again, with the time before which they may not.
  const held = new Map<Socket, number>();

  function begin(now: number): void {
    endsAt = now + PERIOD_MS;
    total = 0;
    opened.clear();
  }

  function hold(socket: Socket): void {
    if (held.has(socket)) return;
    const handle = handleOf(socket);
    if (handle === null) {
      socket.destroy();
      return;
    }
    if (held.size === 0) schedule(endsAt);
    held.set(socket, endsAt);
    handle.readStop();
  }

  function schedule(at: number): void {
    setTimeout(release, Math.max(RELEASE_MS, at - performance.now())).unref();
  }

  function release(): void {
    const [first] = held.keys();
    if (first === undefined) return;
    held.delete(first);
    if (!first.destroyed) handleOf(first)?.readStart();
    const [next] = held.values();
    if (next !== undefined) schedule(next);
  }

  return {
    allows(socket) {
      const now = performance.now();
      if (now >= endsAt) begin(now);
      const count = (opened.get(socket) ?? 0) + 1;
      opened.set(socket, count);
      total += 1;
      if (count <= SURE || (count <= MOST && total <= MOST_OF_ALL)) return true;
      hold(socket);
      return false;
    },
  };
}

function handleOf(socket: Socket): Handle | null {
  const { _handle: handle } = socket as unknown as { _handle?: Partial<Handle> | null };
  return typeof handle?.readStop === 'function' && typeof handle.readStart === 'function' ? (handle as Handle) : null;
}
