/** Ways in which a Redis is of no use. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RedisServer, RedisServerOptions } from '../support/redis-server.ts';
import { eventually } from '../support/wait.ts';

export interface Outage {
  readonly what: string;
  readonly options?: RedisServerOptions;
  /** Resolves, once it is there, with what ends it. */
  begin(redis: RedisServer): Promise<() => Promise<unknown>>;
  /** Its words in the log and in `/readyz`. */
  readonly why: RegExp;
  /** Memory or disk: not ready at once, since no failover mends it. */
  readonly full?: true;
  /** Redis still runs scripts that write nothing: RateStatus goes on explaining. */
  readonly reads?: true;
  /** Codes are still good afterwards. */
  readonly keeps?: true;
}

export const OUTAGES: readonly Outage[] = [
  {
    what: 'was killed',
    why: /^no connection to Redis: nothing listens there|^the connection to Redis broke before it answered$/,
    begin: async (redis) => {
      await redis.kill('SIGKILL');
      return () => redis.restart();
    },
  },
  {
    what: 'stalls',
    why: /^Redis did not answer in \d+ ms$/,
    begin: async (redis) => {
      await redis.kill('SIGSTOP');
      return () => redis.kill('SIGCONT');
    },
  },
  {
    what: 'holds writes back, as in a coordinated failover',
    why: /^Redis did not answer in \d+ ms$/,
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.client('PAUSE', 60_000, 'WRITE');
      return () => admin.client('UNPAUSE');
    },
  },
  {
    what: 'loads its data',
    why: /^Redis is loading its data$/,
    options: { args: ['--key-load-delay', '1000', '--loading-process-events-interval-bytes', '1024'] },
    begin: async (redis) => {
      const admin = redis.connect({ enableReadyCheck: false });
      await admin.mset(
        Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`ballast-${index}`, '0'.repeat(100)])),
      );
      await admin.save();
      await redis.kill('SIGKILL');
      const loaded = redis.restart();
      const loads = (error: Error) => error.message.startsWith('LOADING');
      await eventually('it loads', () => admin.get('ballast-0').then(() => false, loads));
      return () => loaded;
    },
  },
  {
    what: 'has become a replica',
    why: /^this Redis is a replica$/,
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.replicaof('127.0.0.1', 1);
      return () => admin.replicaof('NO', 'ONE');
    },
  },
  {
    what: 'is full',
    why: /^Redis is out of memory \(maxmemory\)$/,
    full: true,
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.config('SET', 'maxmemory', '1');
      return () => admin.config('SET', 'maxmemory', '0');
    },
    reads: true,
    keeps: true,
  },
  {
    what: 'cannot write to its disk',
    why: /^Redis cannot write to its disk$/,
    full: true,
    begin: async (redis) => {
      const admin = redis.connect();
      const [, dir = ''] = (await admin.config('GET', 'dir')) as string[];
      // A snapshot cannot replace a directory.
      await mkdir(join(dir, 'dump.rdb'));
      await writeFile(join(dir, 'dump.rdb', 'in-the-way'), '');
      await admin.config('SET', 'save', '3600 1');
      await admin.bgsave();
      await eventually('the save failed', async () => /bgsave_status:err/.test(await admin.info('persistence')));
      return () => admin.config('SET', 'save', '');
    },
    reads: true,
    keeps: true,
  },
  {
    what: 'has too few replicas',
    why: /^Redis has too few replicas to take writes/,
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.config('SET', 'min-replicas-to-write', '1');
      return () => admin.config('SET', 'min-replicas-to-write', '0');
    },
    reads: true,
    keeps: true,
  },
  {
    what: 'wants another password',
    why: /^Redis refuses the user or the password$|^Redis wants a user or a password$/,
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.config('SET', 'requirepass', 'another');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      return () => admin.config('SET', 'requirepass', '');
    },
    keeps: true,
  },
  {
    what: 'takes no more connections',
    why: /^Redis takes no more connections \(maxclients\)$|^no connection to Redis: .* is maxclients reached/,
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.config('SET', 'maxclients', '1');
      await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
      return () => admin.config('SET', 'maxclients', '100');
    },
    keeps: true,
  },
];
