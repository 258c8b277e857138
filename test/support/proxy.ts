/** A TCP proxy on loopback: transparent until a test makes it slow, silent or broken. */
import { once } from 'node:events';
import { type AddressInfo, createServer, connect as dial, type Socket } from 'node:net';

/** Requests travel from the client to the server behind the proxy, replies the other way. */
export type Direction = 'requests' | 'replies';

export interface TcpProxy {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** Everything in this direction arrives `ms` later than it was sent, in order; 0 ends that for what comes next. */
  delay(direction: Direction, ms: number): void;
  /** Holds everything in this direction back until `resume`; connections stay open. */
  stall(direction: Direction): void;
  resume(direction: Direction): void;
  /** Resets every connection; what was delayed or held back is lost. */
  cut(): void;
  /** Refuses new connections until `accept`. */
  refuse(): void;
  accept(): Promise<void>;
  close(): Promise<void>;
}

/** Reads along on one connection. May lose a reply: with `cut`, `forward` is still delivered, then both sides are reset. */
export interface Tap {
  request(chunk: Buffer): void;
  reply(chunk: Buffer): { readonly forward: Buffer; readonly cut: boolean };
}

export async function startProxy(upstream: { host: string; port: number }, tap?: () => Tap): Promise<TcpProxy> {
  const weather: Weather = {
    requests: { delayMs: 0, stalled: false },
    replies: { delayMs: 0, stalled: false },
  };
  const links = new Set<Link>();
  const server = createServer((client) => {
    const link = joinSockets(client, dial(upstream), { weather, tap: tap?.() });
    links.add(link);
    client.once('close', () => links.delete(link));
  });
  const listen = async (port: number) => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const change = (direction: Direction, to: Partial<Weather[Direction]>) => {
    Object.assign(weather[direction], to);
    for (const link of links) link.flush(direction);
  };
  const cut = () => {
    for (const link of links) link.cut();
  };
  const refuse = () => {
    if (server.listening) server.close();
  };
  return {
    host: '127.0.0.1',
    port,
    cut,
    refuse,
    delay: (direction, delayMs) => change(direction, { delayMs }),
    stall: (direction) => change(direction, { stalled: true }),
    resume: (direction) => change(direction, { stalled: false }),
    accept: () => listen(port),
    close: async () => {
      const closed = server.listening ? once(server, 'close') : null;
      refuse();
      cut();
      await closed;
    },
  };
}

type Weather = Record<Direction, { delayMs: number; stalled: boolean }>;

interface Link {
  flush(direction: Direction): void;
  cut(): void;
}

function joinSockets(
  client: Socket,
  server: Socket,
  { weather, tap }: { weather: Weather; tap: Tap | undefined },
): Link {
  const cut = () => {
    for (const pipe of Object.values(pipes)) pipe.drop();
    client.resetAndDestroy();
    server.resetAndDestroy();
  };
  const pipes: Record<Direction, Pipe> = {
    requests: createPipe(server, weather.requests),
    replies: createPipe(client, weather.replies),
  };
  for (const socket of [client, server]) {
    socket.setNoDelay(true);
    // A reset by one side is passed on to the other: `close` follows.
    socket.on('error', () => undefined);
  }
  client.on('data', (chunk: Buffer) => {
    tap?.request(chunk);
    pipes.requests.push(chunk);
  });
  server.on('data', (chunk: Buffer) => {
    const { forward, cut: lost } = tap?.reply(chunk) ?? { forward: chunk, cut: false };
    if (forward.length > 0) pipes.replies.push(forward);
    if (lost) pipes.replies.end(cut);
  });
  client.on('close', () => pipes.requests.end(() => server.destroySoon()));
  server.on('close', () => pipes.replies.end(() => client.destroySoon()));
  return { cut, flush: (direction) => pipes[direction].flush() };
}

interface Pipe {
  push(chunk: Buffer): void;
  /** Calls `then` when everything pushed so far was written. */
  end(then: () => void): void;
  flush(): void;
  drop(): void;
}

/** Keeps order by handing over only ever the head of one queue. No back pressure: tests send little. */
function createPipe(to: Socket, weather: Weather[Direction]): Pipe {
  let queue: { readonly due: number; readonly act: () => void }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const flush = () => {
    clearTimeout(timer);
    while (!weather.stalled) {
      const head = queue[0];
      if (head === undefined) return;
      const wait = head.due - performance.now();
      if (wait > 0) {
        timer = setTimeout(flush, Math.ceil(wait));
        return;
      }
      queue.shift();
      head.act();
    }
  };
  const add = (act: () => void) => {
    queue.push({ due: performance.now() + weather.delayMs, act });
    flush();
  };
  return {
    flush,
    push: (chunk) => add(() => void to.write(chunk)),
    end: add,
    drop: () => {
      clearTimeout(timer);
      queue = [];
    },
  };
}
