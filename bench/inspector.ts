/** Profiles of a process that was started with `--inspect`, by the protocol of its inspector. */
import { once } from 'node:events';
import type { Profile } from './profile-parts.ts';

export interface Inspector {
  start(): Promise<unknown>;
  stop(): Promise<Profile>;
  close(): void;
}

/** `address` is `host:port` of `--inspect`. */
export async function inspect(address: string): Promise<Inspector> {
  const [target] = (await (await fetch(`http://${address}/json/list`)).json()) as { webSocketDebuggerUrl: string }[];
  const socket = new WebSocket(target?.webSocketDebuggerUrl ?? '');
  await once(socket, 'open');
  const waiting = new Map<number, (result: never) => void>();
  let last = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(data) as { id: number; result: never };
    waiting.get(id)?.(result);
    waiting.delete(id);
  });
  const ask = <Result>(method: string, params = {}) =>
    new Promise<Result>((resolve) => {
      last += 1;
      waiting.set(last, resolve);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
  await ask('Profiler.enable');
  await ask('Profiler.setSamplingInterval', { interval: 500 });
  return {
    start: () => ask('Profiler.start'),
    stop: async () => (await ask<{ profile: Profile }>('Profiler.stop')).profile,
    close: () => socket.close(),
  };
}
