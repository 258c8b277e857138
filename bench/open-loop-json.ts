/** Calls over HTTP/1.1, one at a time on a connection, at a fraction of the cost of a client library. */
import { connect } from 'node:net';
import { type Ending, type Line, type OpenCall, SERVICE } from './open-loop-call.ts';

export interface JsonLineOptions {
  readonly port: number;
  readonly token: string;
  readonly onEnd: (call: OpenCall, ending: Ending) => void;
  /** Calls that wait for any connection that is free. */
  readonly waiting: OpenCall[];
  /** Connections without a call: each takes the next one. */
  readonly free: Set<() => void>;
}

export function jsonLine({ port, token, onEnd, waiting, free }: JsonLineOptions): Line {
  let socket = open();
  let call: OpenCall | null = null;
  let answer = '';

  function open() {
    const opened = connect(port, '127.0.0.1');
    opened.setNoDelay(true);
    opened.setEncoding('latin1');
    opened.on('error', () => undefined);
    // As the pools of HTTP clients do: who waits gets a connection once it is there.
    opened.once('connect', pump);
    opened.on('data', (text: string) => read(text));
    return opened;
  }

  function read(text: string): void {
    answer += text;
    const end = answer.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? 0);
    if (answer.length < end + 4 + length) return;
    const ending = answer.startsWith('HTTP/1.1 200') ? 'ok' : 'refused';
    const ended = call;
    answer = '';
    call = null;
    if (ended !== null) onEnd(ended, ending);
    pump();
  }

  function pump(): void {
    if (call !== null) return;
    free.add(pump);
    const now = performance.now();
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (now >= next.expiresAt) {
        onEnd(next, 'expired');
        continue;
      }
      call = next;
      free.delete(pump);
      socket.write(
        `POST ${SERVICE}/${next.method} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\nauthorization: Bearer ${token}\r\n` +
          `connect-timeout-ms: ${Math.max(1, Math.ceil(next.expiresAt - now))}\r\n` +
          `content-length: ${next.body.length}\r\n\r\n${next.body.toString('latin1')}`,
      );
      return;
    }
  }

  return {
    make(next) {
      waiting.push(next);
      const [first] = free;
      first?.();
    },
    expire(now) {
      if (call === null || now < call.expiresAt) return;
      // As a client does that gives up on a request.
      socket.destroy();
      socket = open();
      const ended = call;
      call = null;
      answer = '';
      onEnd(ended, 'expired');
    },
    close: () => void socket.destroy(),
  };
}
