import { createRedisStore, type RedisStoreOptions } from '../../src/store/redis.ts';
import { SCRIPT_NAMES, type ScriptName } from '../../src/store/redis-scripts.ts';
import type { Store } from '../../src/store/store.ts';
import { scriptsUnderTest } from './lua-mutant.ts';
import { sharedRedisUrl } from './shared-redis.ts';
import { eventually } from './wait.ts';

/** Longer than a reply takes on any machine: in tests that are not about lost replies, none counts as lost. */
export const UNHURRIED_MS = 60_000;

/** Scripts take the time from their last argument instead of Redis's clock; everything else is the real thing. */
const VIRTUAL_CLOCK = `
local virtual_now = tonumber(table.remove(ARGV))
local function clock() return virtual_now end
`;

export interface VirtualOptions extends Partial<RedisStoreOptions> {
  /** Of the test file's own: `sharedRedis().prefix`. */
  readonly keyPrefix: string;
  readonly now: () => number;
  /** Changes a script's source: a planted bug. */
  readonly plant?: (name: ScriptName, lua: string) => string;
}

/** The Redis store under a clock that the test turns. */
export function virtualRedisStore({ now, plant = (_, lua) => lua, ...options }: VirtualOptions): Store {
  const scripts = scriptsUnderTest(VIRTUAL_CLOCK);
  for (const name of SCRIPT_NAMES) scripts[name] = plant(name, scripts[name]);
  return createRedisStore({
    urls: [sharedRedisUrl()],
    cluster: false,
    commandTimeoutMs: UNHURRIED_MS,
    emit: () => undefined,
    clock: () => performance.now(),
    scripts,
    now,
    ...options,
  });
}

/** The store once its connection is up; without an offline queue, calls before that are refused. */
export async function connected(store: Store): Promise<Store> {
  await eventually('a connection to Redis', () => store.ready().then(() => true), { everyMs: 5 });
  return store;
}
