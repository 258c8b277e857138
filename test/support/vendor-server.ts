/** A vendor's HTTP server on loopback that records what it is asked and misbehaves as told. */
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

export interface VendorServer {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly port: number;
  /** Every request that was read to its end, oldest first. */
  readonly requests: readonly VendorRequest[];
  /** Connections accepted so far, and those that are open. */
  readonly connections: { readonly accepted: number; readonly open: number };
  /** What happens from now on; `null`: the vendor's usual answer again. */
  behave(behaviour: Behaviour | ((request: VendorRequest) => Behaviour) | null): void;
  /** Ends every connection and refuses new ones. */
  stop(): Promise<void>;
}

export interface VendorRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export type Behaviour =
  | {
      readonly do: 'answer';
      readonly status?: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** RST as soon as the connection is there, before any request is read. */
  | { readonly do: 'reset_before' }
  /** RST, or FIN, after the request was read. */
  | { readonly do: 'reset_after' }
  | { readonly do: 'close_after' }
  /** Reads the request and never says a word. */
  | { readonly do: 'hang' }
  /** The usual answer, decided at once and given when `until` is fulfilled. */
  | { readonly do: 'hold'; readonly until: Promise<unknown> }
  /** Headers and the first byte of the body, then nothing. */
  | { readonly do: 'stall'; readonly status?: number; readonly body: string }
  /** One byte of the body at a time. */
  | { readonly do: 'trickle'; readonly status?: number; readonly body: string; readonly everyMs: number };

/** `usual` is how the vendor answers when all is well; it may check signatures and throw, which answers 500. */
export async function startVendorServer(usual: (request: VendorRequest) => Behaviour): Promise<VendorServer> {
  const requests: VendorRequest[] = [];
  const sockets = new Set<Socket>();
  let accepted = 0;
  let behaviour: Behaviour | ((request: VendorRequest) => Behaviour) | null = null;

  const server = createServer((incoming, response) => {
    void bodyOf(incoming).then((body) => {
      const request = { method: incoming.method ?? '', path: incoming.url ?? '', headers: incoming.headers, body };
      requests.push(request);
      const chosen = behaviour ?? usual;
      const told = typeof chosen === 'function' ? chosen(request) : chosen;
      if (told.do !== 'hold') return perform(told, incoming.socket, response);
      const answer = usual(request);
      void told.until.then(() => perform(answer, incoming.socket, response));
    });
  });
  server.keepAliveTimeout = 120_000;
  server.on('connection', (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    if (behaviour !== null && typeof behaviour !== 'function' && behaviour.do === 'reset_before')
      socket.resetAndDestroy();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    connections: {
      get accepted() {
        return accepted;
      },
      get open() {
        return sockets.size;
      },
    },
    behave: (next) => {
      behaviour = next;
    },
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Behaviour => ({
  do: 'answer',
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
  } catch {
    // A client that gives up in the middle: what was read is what there is.
  }
  return Buffer.concat(chunks).toString();
}

function perform(behaviour: Behaviour, socket: Socket, response: ServerResponse): void {
  switch (behaviour.do) {
    case 'answer':
      response.writeHead(behaviour.status ?? 200, behaviour.headers);
      response.end(behaviour.body ?? '');
      return;
    case 'reset_before':
    case 'reset_after':
      socket.resetAndDestroy();
      return;
    case 'close_after':
      socket.end();
      return;
    case 'hang':
    case 'hold':
      return;
    case 'stall':
    case 'trickle': {
      const { status = 200, body } = behaviour;
      response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
      let sent = 0;
      const next = () => {
        response.write(body.slice(sent, sent + 1));
        sent += 1;
        if (sent === body.length) response.end();
      };
      next();
      if (behaviour.do === 'stall') return;
      const timer = setInterval(
        () => (response.writableEnded || response.destroyed ? clearInterval(timer) : next()),
        behaviour.everyMs,
      );
      response.on('close', () => clearInterval(timer));
    }
  }
}
