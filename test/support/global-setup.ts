/** Once per run: the Redis that all suites share, and the line that says which one it is. */
import { Redis } from 'ioredis';
import type { TestProject } from 'vitest/node';
import { startRedis } from './redis-server.ts';
import { findRedis, type RedisSource, thisMachine } from './redis-source.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A Redis shared by all suites, perhaps with others too: use keys under a prefix of your own, never FLUSHALL. */
    redisUrl: string;
  }
}

/** Returns what vitest runs at the end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const source = await findRedis(thisMachine);
  const server = source.kind === 'url' ? null : await startRedis({ source });
  const url = source.kind === 'url' ? source.url : (server?.url ?? '');
  process.stderr.write(`Redis for this run: ${describe(source)}, version ${await versionOf(url)}\n`);
  project.provide('redisUrl', url);
  return async () => server?.stop();
}

function describe(source: RedisSource): string {
  switch (source.kind) {
    case 'url':
      return 'TEST_REDIS_URL';
    case 'container':
      return `container ${source.image}`;
    case 'program':
      return `${source.path} (${source.from})`;
  }
}

/** Throws when nothing answers there. */
async function versionOf(url: string): Promise<string> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
  try {
    await client.connect();
    return /^redis_version:(\S+)/m.exec(await client.info('server'))?.[1] ?? 'unknown';
  } catch (error) {
    throw new Error('the Redis for this run does not answer', { cause: error });
  } finally {
    client.disconnect();
  }
}
