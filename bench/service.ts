/** A Countersign to be measured: processes with a Redis of their own and one caller, their messages going where they are told. */
import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { startRedis } from '../test/support/redis-server.ts';
import { type Server, startServer } from './server.ts';

export interface Service {
  readonly servers: readonly Server[];
  /** One, or the primaries of a Cluster. */
  readonly stores: readonly Redis[];
  stop(): Promise<void>;
}

type Env = Readonly<Record<string, string>>;

export const TOKEN = 'the-only-caller';

const COMMON = {
  // In a closed loop of so many calls it would refuse some of them; bench:overload is about that.
  ADMISSION: 'off',
  COUNTERSIGN_SECRET: 'a secret of this benchmark, 32 bytes or more',
  COUNTERSIGN_CALLERS: JSON.stringify({ bench: { tokens: [hash('sha256', TOKEN)] } }),
  REDIS_COMMAND_TIMEOUT_MS: '5000',
  LOG_FORMAT: 'json',
};

/** In development codes go to the caller. */
export const CONSOLE: Env = {};
export const PRODUCTION: Env = { NODE_ENV: 'production', SMS_BRAND: 'Countersign' };

export function webhookTo(url: string): Env {
  return {
    ...PRODUCTION,
    SMS_WEBHOOK_URL: url,
    SMS_WEBHOOK_SECRET: 'a secret of this benchmark, 24 bytes or more',
  };
}

/** `root`: another checkout than this one. */
export async function startService(env: Env, { processes = 1, root }: { processes?: number; root?: string } = {}) {
  const store = await startRedis();
  return serviceOn({ REDIS_URL: store.url, ...env }, { stores: [store.connect()], stop: store.stop, processes, root });
}

interface On {
  readonly stores: readonly Redis[];
  readonly processes: number;
  readonly root?: string | undefined;
  /** Ends the store. */
  stop(): Promise<void>;
}

/** The same on a store that is there. */
export async function serviceOn(env: Env, { stores, stop, processes, root }: On): Promise<Service> {
  const servers: Server[] = [];
  const stopAll = async () => {
    await Promise.all(servers.map((server) => server.stop()));
    await stop();
  };
  try {
    while (servers.length < processes) servers.push(await startServer(['src/main.ts'], { ...COMMON, ...env }, root));
  } catch (error) {
    await stopAll();
    throw error;
  }
  return { servers, stores, stop: stopAll };
}
