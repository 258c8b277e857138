/** The store as in production, on a Redis of the test's own. */
import { createRedisStore } from '../../src/store/redis.ts';
import type { Store } from '../../src/store/store.ts';
import { scriptsUnderTest } from './lua-mutant.ts';
import { connected, UNHURRIED_MS } from './virtual-redis.ts';

export interface StoreOptions {
  readonly url: string;
  readonly keyPrefix?: string;
  /** Lua that shadows the prelude's functions. */
  readonly prelude?: string;
  readonly commandTimeoutMs?: number;
}

/** Resolves when it is connected. */
export function openStore({
  url,
  keyPrefix = 'cs',
  prelude = '',
  commandTimeoutMs = UNHURRIED_MS,
}: StoreOptions): Promise<Store> {
  return connected(
    createRedisStore({
      urls: [url],
      cluster: false,
      keyPrefix,
      commandTimeoutMs,
      emit: () => undefined,
      clock: () => performance.now(),
      scripts: scriptsUnderTest(prelude),
    }),
  );
}
