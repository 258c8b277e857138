/** A production service with three vendors, of which everything that it says is kept. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { Event } from '../../src/event.ts';
import { startApp } from '../support/app.ts';
import type { Child } from '../support/child.ts';
import { openClient } from '../support/clients.ts';
import { freePort } from '../support/port.ts';
import { startProxy } from '../support/proxy.ts';
import { startServer } from '../support/server.ts';
import type { SharedRedis } from '../support/shared-redis.ts';
import { eventually } from '../support/wait.ts';
import type { Callbacks } from './callback-paths.ts';
import type { Scene } from './error-paths.ts';
import type { Secrets } from './leaks.ts';
import { settingsFor, startVendors, type Vendors } from './vendors.ts';

export interface Watched extends Scene {
  readonly callbacks: Callbacks;
  /** By where it was said. Figures that are measured are left out: any digits may turn up in them. */
  said(): Promise<Readonly<Record<string, string>>>;
  /** Everything that must show nowhere, so far. */
  secrets(): Secrets;
  stop(): Promise<unknown>;
}

export interface WatchOptions {
  readonly format: 'json' | 'pretty';
  /** Whether Twilio is called by an API key. */
  readonly apiKey: boolean;
  /** Added to the settings. */
  readonly env?: (vendors: Vendors) => Readonly<Record<string, string>>;
}

/** The service itself, wherever it runs. */
export interface Host {
  readonly grpc: string;
  readonly http: string;
  readonly ops: string;
  said(): Readonly<Record<string, string>>;
  stop(): Promise<unknown>;
}

export type Start = (env: Readonly<Record<string, string>>, file: string) => Promise<Host>;

export async function watch(start: Start, redis: SharedRedis, options: WatchOptions): Promise<Watched> {
  const vendors = await startVendors();
  const { hostname, port } = new URL(redis.url);
  const proxy = await startProxy({ host: hostname, port: Number(port || 6379) });
  const callbackPort = await freePort();
  const redisUrl = `redis://${proxy.host}:${proxy.port}`;
  const { env, file } = settingsFor(vendors, { redisUrl, keyPrefix: redis.prefix, callbackPort, ...options });
  const host = await start({ ...env, LOG_FORMAT: options.format, ...options.env?.(vendors) }, file);
  await eventually('the store is there', async () => (await fetch(`${host.ops}/readyz`)).ok);

  const answers: string[] = [];
  const heard = (answer: unknown) => {
    answers.push(JSON.stringify(answer, (_, value) => (typeof value === 'bigint' ? String(value) : value)));
  };
  const secrets: Record<string, string> = {};
  const clients = (['grpc', 'json'] as const).map((protocol) => openClient(protocol, host));
  const metrics = async () => (await fetch(`${host.ops}/metrics`)).text();
  let turn = 0;

  return {
    vendors,
    secret: (name, value) => {
      secrets[name] = value;
    },
    service: {
      call: async (...call) => {
        const answer = await (clients[turn++ % clients.length] as (typeof clients)[number]).call(...call);
        heard(answer);
        return answer;
      },
      metrics,
      cut: () => {
        proxy.refuse();
        proxy.cut();
      },
      connect: proxy.accept,
    },
    callbacks: { via: `http://127.0.0.1:${callbackPort}`, heard },
    said: async () => ({
      ...host.said(),
      metrics: (await metrics()).replace(/ \S+$/gm, ''),
      answers: answers.join('\n').replace(/"nanos":\d+/g, ''),
    }),
    secrets: () => ({ ...vendors.secrets(), ...secrets }),
    stop: async () => {
      for (const client of clients) client.close();
      const code = await host.stop();
      await Promise.all([proxy.close(), vendors.stop()]);
      return code;
    },
  };
}

/** In this process; its events are seen as well. */
export function inProcess(overrides: { random?: (bytes: number) => Buffer } = {}): Start {
  return async (env, file) => {
    const app = await startApp({ ...overrides, env, file, configured: true });
    return { ...app, said: () => ({ log: app.log(), events: app.events.map(eventText).join('\n') }) };
  };
}

function eventText(event: Event): string {
  const shown = 'seconds' in event ? { ...event, seconds: null } : event;
  return inspect(shown, { depth: 20, showHidden: true, maxStringLength: null, breakLength: Number.POSITIVE_INFINITY });
}

/** A process of its own, as an operator starts it. */
export async function asProcess(
  env: Readonly<Record<string, string>>,
  file: string,
): Promise<Host & { readonly process: Child }> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-watched-'));
  const path = join(folder, 'countersign.yaml');
  await writeFile(path, file);
  const server = await startServer({ ...env, COUNTERSIGN_CONFIG: path });
  return {
    ...server,
    said: () => ({ 'standard output': server.process.stdout(), 'standard error': server.process.stderr() }),
    stop: async () => {
      const code = await server.stop();
      await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
}
