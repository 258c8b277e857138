/** The store that the configuration asks for. */
import { readFileSync } from 'node:fs';
import type { Emit } from '../event.ts';
import type { RedisStoreOptions } from './redis.ts';
import type { Store } from './store.ts';

export interface StoreSettings extends Omit<RedisStoreOptions, 'urls' | 'ca' | 'emit' | 'clock'> {
  /** One, or the seeds of a Cluster with commas between them; in memory when left out. */
  readonly url?: string | undefined;
  readonly caFile?: string | undefined;
}

const MEMORY_NOTICE = 'STATE IS KEPT IN MEMORY: it ends with this process and no other one sees it. Set REDIS_URL.';

/** The Redis client is loaded only when it is used. */
export async function openStore(
  { url, caFile, ...redis }: StoreSettings,
  parts: { warn: (text: string) => void; emit: Emit; clock: () => number; now: () => number },
): Promise<Store> {
  const { warn, emit, clock, now } = parts;
  if (url === undefined) {
    const { createMemoryStore } = await import('./memory.ts');
    warn(MEMORY_NOTICE);
    return createMemoryStore({ now });
  }
  const { createRedisStore } = await import('./redis.ts');
  const urls = url.split(',').map((part) => part.trim());
  const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8');
  return createRedisStore({ ...redis, urls, ca, emit, clock });
}
