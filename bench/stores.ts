/** The store of this checkout, or of another one that it is compared with. */
import { join, resolve } from 'node:path';
import type { createRedisStore } from '../src/store/redis.ts';
import type { Store } from '../src/store/store.ts';
import { eventually } from '../test/support/wait.ts';

/** The one before first, this one last. */
export function checkouts(against: string | undefined): string[] {
  return [...(against === undefined ? [] : [resolve(against)]), resolve(import.meta.dirname, '..')];
}

export async function openStoreOf(root: string, url: string, keyPrefix: string): Promise<Store> {
  const module: { createRedisStore: typeof createRedisStore } = await import(join(root, 'src/store/redis.ts'));
  const connection = { urls: [url], cluster: false, commandTimeoutMs: 10_000 };
  const observation = { emit: () => undefined, clock: () => performance.now() };
  const store = module.createRedisStore({ ...connection, ...observation, keyPrefix });
  await eventually('the store is ready', () => store.ready().then(() => true));
  return store;
}
