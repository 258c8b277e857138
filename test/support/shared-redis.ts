/** A test file's own corner of the Redis that the whole run shares. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { inject } from 'vitest';
import { keysUnder } from './keys.ts';

export interface SharedRedis {
  readonly url: string;
  /** Unique; put it before every key. */
  readonly prefix: string;
  readonly client: Redis;
  /** Deletes every key under the prefix. */
  clear(): Promise<void>;
  /** Clears and disconnects. */
  close(): Promise<void>;
}

/** Throws what to do about it when this run has no Redis. */
export function sharedRedisUrl(): string {
  const redis = inject('redis');
  if ('missing' in redis) throw new Error(redis.missing);
  return redis.url;
}

export function sharedRedis(): SharedRedis {
  const url = sharedRedisUrl();
  const prefix = `test-${randomBytes(6).toString('hex')}`;
  const client = new Redis(url);
  const clear = async () => {
    const doomed: string[] = [];
    for await (const key of keysUnder(client, prefix)) doomed.push(key);
    while (doomed.length > 0) await client.unlink(doomed.splice(0, 1_000));
  };
  return {
    url,
    prefix,
    client,
    clear,
    close: async () => {
      await clear();
      client.disconnect();
    },
  };
}
