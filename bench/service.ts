/** A Countersign to be measured: a process with a Redis of its own, in production with one caller, its messages going where it is told. */
import { hash } from 'node:crypto';
import type { Redis } from 'ioredis';
import { startRedis } from '../test/support/redis-server.ts';
import { type Server, startServer } from './server.ts';

export interface Service {
  readonly server: Server;
  readonly redis: Redis;
  stop(): Promise<void>;
}

export const TOKEN = 'the-only-caller';

const COMMON = {
  COUNTERSIGN_SECRET: 'a secret of this benchmark, 32 bytes or more',
  COUNTERSIGN_CALLERS: JSON.stringify({ bench: { tokens: [hash('sha256', TOKEN)] } }),
  REDIS_COMMAND_TIMEOUT_MS: '5000',
  LOG_FORMAT: 'json',
};

/** In development codes go to the caller. */
export const CONSOLE = {};

export function webhookTo(url: string): Readonly<Record<string, string>> {
  return {
    NODE_ENV: 'production',
    SMS_BRAND: 'Countersign',
    SMS_WEBHOOK_URL: url,
    SMS_WEBHOOK_SECRET: 'a secret of this benchmark, 24 bytes or more',
  };
}

/** `root`: another checkout than this one. */
export async function startService(env: Readonly<Record<string, string>>, root?: string): Promise<Service> {
  const store = await startRedis();
  const server = await startServer(['src/main.ts'], { ...COMMON, ...env, REDIS_URL: store.url }, root).catch(
    async (error: unknown) => {
      await store.stop();
      throw error;
    },
  );
  return {
    server,
    redis: store.connect(),
    stop: async () => {
      await server.stop();
      await store.stop();
    },
  };
}
