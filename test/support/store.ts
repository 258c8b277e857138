/** The store as in production, on a Redis of the test's own. */
import { createRedisStore } from '../../src/store/redis.ts';
import type { ScriptSources } from '../../src/store/redis-scripts.ts';
import type { Store } from '../../src/store/store.ts';
import { scriptsUnderTest } from './lua-mutant.ts';
import { connected, UNHURRIED_MS } from './virtual-redis.ts';

export interface StoreOptions {
  readonly url: string;
  readonly keyPrefix?: string;
  /** Lua that shadows the prelude's functions. */
  readonly prelude?: string;
  /** Reads the scripts, changed. */
  readonly read?: ScriptSources['read'];
  /** False on a server that never is fit. */
  readonly connected?: boolean;
  readonly commandTimeoutMs?: number;
}

/** Resolves when it is connected. */
export async function openStore({
  url,
  keyPrefix = 'cs',
  prelude = '',
  read,
  connected: wait = true,
  commandTimeoutMs = UNHURRIED_MS,
}: StoreOptions): Promise<Store> {
  const store = createRedisStore({
    urls: [url],
    cluster: false,
    keyPrefix,
    commandTimeoutMs,
    emit: () => undefined,
    clock: () => performance.now(),
    scripts: scriptsUnderTest(prelude, read),
  });
  return wait ? connected(store) : store;
}
