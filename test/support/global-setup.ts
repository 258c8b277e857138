/** Once per run: the Redis that all suites share, and the line that says which one it is, or how to get one. */
import { Redis } from 'ioredis';
import type { TestProject } from 'vitest/node';
import { startRedis } from './redis-server.ts';
import { findRedis, NO_REDIS, RedisMissing, type RedisSource, thisMachine } from './redis-source.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /**
     * Of the Redis shared by all suites, perhaps with others too: use keys under a prefix of your own, never FLUSHALL. Or
     * why there is none: what needs it fails with that.
     */
    redis: { readonly url: string } | { readonly missing: string };
  }
}

/** Returns what vitest runs at the end. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  try {
    const source = await findRedis(thisMachine);
    const server = source.kind === 'url' ? null : await startRedis({ source });
    const url = source.kind === 'url' ? source.url : (server?.url ?? '');
    process.stderr.write(`Redis for this run: ${describe(source)}, version ${await versionOf(url)}\n`);
    project.provide('redis', { url });
    return async () => server?.stop();
  } catch (error) {
    if (!(error instanceof RedisMissing || error instanceof RedisSilent)) throw error;
    process.stderr.write(`${error.message} Tests that need a Redis fail; the others run.\n`);
    project.provide('redis', { missing: error.message });
    if (error instanceof RedisMissing) process.env[NO_REDIS] = 'yes';
    return async () => undefined;
  }
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

class RedisSilent extends Error {
  override readonly name = 'RedisSilent';

  constructor(options: ErrorOptions) {
    super(
      'The Redis of this run does not answer: start it, or unset TEST_REDIS_URL to have one brought along.',
      options,
    );
  }
}

async function versionOf(url: string): Promise<string> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: null });
  // The rejection of `connect` says the same.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return /^redis_version:(\S+)/m.exec(await client.info('server'))?.[1] ?? 'unknown';
  } catch (error) {
    throw new RedisSilent({ cause: error });
  } finally {
    client.disconnect();
  }
}
