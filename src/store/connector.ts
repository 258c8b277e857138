/**
 * How ioredis gets its sockets, of a standalone server and of every node of a Cluster: all commands of one turn of the
 * event loop leave in one write, and a server that is silent is given up.
 */

import { connect as connectPlain, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectSecure, type ConnectionOptions as TlsOptions } from 'node:tls';
import { AbstractConnector } from 'ioredis';

export interface SocketBounds {
  /** For the connection to be established. */
  readonly connectMs: number;
  /** For the first byte of an answer to what was written. Then it is closed, so that commands do not pile up in it. */
  readonly silentMs: number;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

/** What ioredis hands over of its options. */
interface Target extends Pick<TcpNetConnectOpts, 'host' | 'port' | 'family'> {
  readonly tls?: TlsOptions;
  readonly disconnectTimeout: number;
}

/** For the option `Connector`, which ioredis calls with `new`. */
export function connectorWithin(bounds: SocketBounds) {
  return class extends AbstractConnector {
    readonly #target: Target;

    constructor(options: unknown) {
      const target = options as Target;
      super(target.disconnectTimeout);
      this.#target = target;
    }

    async connect(): Promise<Socket> {
      const { host, port, family, tls } = this.#target;
      this.connecting = true;
      const address = { host, port, family };
      const socket = tls ? connectSecure({ ...address, ...tls }) : connectPlain(address);
      // ioredis asks for it, of a socket that failed before it could listen.
      socket.once('error', (error) => {
        this.firstError = error;
      });
      giveUpUnlessConnected(socket, tls ? 'secureConnect' : 'connect', bounds);
      writeOnceATurn(socket, answersIn(socket, bounds));
      this.stream = socket;
      return socket;
    }
  };
}

/**
 * After a pause of this process its timers are due before it reads its sockets. What has arrived by then is read first,
 * so that only the server's silence counts.
 */
export function afterReading(task: () => void, ms: number): NodeJS.Timeout {
  return setTimeout(() => setImmediate(task), ms);
}

function giveUpUnlessConnected(socket: Socket, event: 'connect' | 'secureConnect', { connectMs }: SocketBounds): void {
  let waits = true;
  const expire = () => {
    if (waits) socket.destroy(Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' }));
  };
  const timer = afterReading(expire, connectMs);
  const done = () => {
    waits = false;
    clearTimeout(timer);
  };
  socket.once(event, done);
  socket.once('close', done);
}

/** What Redis says before it closes a connection that it does not take: too many of them, or protected mode. */
const REFUSED = /^-((?:ERR max number of clients|DENIED)[^\r]*)/;

/** To be called after each write. Its one timer outlives many writes: it is set anew only when it fires. */
function answersIn(socket: Socket, { silentMs, clock }: SocketBounds): () => void {
  let silentSince: number | null = null;
  let timer: NodeJS.Timeout | null = null;

  function check(): void {
    timer = null;
    if (silentSince === null) return;
    const leftMs = silentSince + silentMs - clock();
    if (leftMs > 0) timer = afterReading(check, Math.ceil(leftMs));
    else socket.destroy(new Error('Socket timeout'));
  }

  // Not before it is connected: a socket that somebody listens to hands out what nobody else listens to yet.
  socket.once('connect', () => {
    socket.once('data', (first: Buffer) => {
      const [, why] = REFUSED.exec(first.toString('latin1')) ?? [];
      if (why !== undefined) socket.destroy(new Error(why));
    });
    socket.on('data', () => {
      silentSince = null;
    });
  });
  socket.once('close', () => {
    silentSince = null;
    if (timer !== null) clearTimeout(timer);
  });
  return () => {
    if (socket.destroyed) return;
    silentSince ??= clock();
    timer ??= afterReading(check, silentMs);
  };
}

/** ioredis writes each command by itself. A system call each would cost more than all else that is done for a command. */
function writeOnceATurn(socket: Socket, written: () => void): void {
  const write = socket.write;
  let holds = false;
  const release = () => {
    holds = false;
    socket.uncork();
    written();
  };
  const held = (...parts: Parameters<Socket['write']>) => {
    if (!holds) {
      holds = true;
      socket.cork();
      setImmediate(release);
    }
    return write.apply(socket, parts);
  };
  socket.write = held as Socket['write'];
}
