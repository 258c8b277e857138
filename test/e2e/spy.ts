/** An app of which everything is seen: what it logs, what it counts, what it answers, and what it tells Redis. */
import type { AppOptions, RunningApp } from '../support/app.ts';
import { openClient } from '../support/clients.ts';
import { startProxy } from '../support/proxy.ts';
import type { RedisProxy } from '../support/redis-proxy.ts';
import type { Stage } from './stage.ts';

export interface SpiedApp extends RunningApp {
  readonly proxy: RedisProxy;
  /** Adds an answer that came another way. */
  heard(answer: unknown): void;
  /** Everything so far. */
  seen(): Promise<Readonly<Record<'log' | 'metrics' | 'answers' | 'redis', string>>>;
  stop(): Promise<void>;
}

/** Its addresses and clients lead past a listener that writes down every byte of the answers. */
export async function startSpied(stage: Stage, options: AppOptions): Promise<SpiedApp> {
  const app = await stage.startProxied(options);
  const told: Buffer[] = [];
  app.proxy.loseReplies(({ args }) => {
    told.push(...args);
    return false;
  });

  const answers: string[] = [];
  const heard = (answer: unknown) => {
    answers.push(JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
  };
  const listen = (address: string) => {
    const { hostname: host, port } = new URL(address);
    return startProxy({ host, port: Number(port) }, () => ({
      request: () => undefined,
      reply: (chunk) => {
        answers.push(chunk.toString('utf8'));
        return { forward: chunk, cut: false };
      },
    }));
  };
  const listeners = { grpc: await listen(`http://${app.grpc}`), http: await listen(app.http) };
  const addresses = {
    grpc: `127.0.0.1:${listeners.grpc.port}`,
    http: `http://127.0.0.1:${listeners.http.port}`,
  };
  const clients: { close(): void }[] = [];

  return {
    ...app,
    ...addresses,
    client: (protocol) => {
      const client = openClient(protocol, addresses);
      clients.push(client);
      return stage.watch({
        ...client,
        call: async (method, request, callOptions) => {
          const answer = await client.call(method, request, callOptions);
          // On the gRPC wire the status and its details are compressed out of sight.
          heard(answer);
          return answer;
        },
      });
    },
    heard,
    seen: async () => ({
      log: app.log(),
      metrics: await (await fetch(`${app.ops}/metrics`)).text(),
      answers: answers.join('\n'),
      redis: told.map((text) => text.toString('utf8')).join('\n'),
    }),
    stop: async () => {
      for (const client of clients) client.close();
      await Promise.all([listeners.grpc.close(), listeners.http.close()]);
      await app.stop();
    },
  };
}
