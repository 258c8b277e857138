/** What Redis, the system and the client library say, and what the operator reads. Real outages: test/e2e/fail-closed.test.ts. */
import { describe, expect, it } from 'vitest';
import { explainOutage } from '../../src/store/outage.ts';

const CONTEXT = { timeoutMs: 400, lost: null };
const reply = (message: string) => Object.assign(new Error(message), { name: 'ReplyError' });
const system = (code: string, message: string) => Object.assign(new Error(message), { code });

const TABLE: [Error, why: string, flags?: { untouched?: boolean; full?: boolean }][] = [
  [
    reply("OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:95."),
    'Redis is out of memory (maxmemory)',
    { untouched: true, full: true },
  ],
  [
    reply('MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist to disk.'),
    'Redis cannot write to its disk',
    { untouched: true, full: true },
  ],
  [
    reply("READONLY You can't write against a read only replica. script: 1f, on @user_script:9."),
    'this Redis is a replica',
    { untouched: true },
  ],
  [reply('READONLY this Redis is a replica'), 'this Redis is a replica', { untouched: true }],
  [
    reply("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
    'this Redis is a replica, cut off from its primary',
    { untouched: true },
  ],
  [
    reply('NOREPLICAS Not enough good replicas to write. script: 1f, on @user_script:9.'),
    'Redis has too few replicas to take writes (min-replicas-to-write)',
    { untouched: true },
  ],
  [reply('LOADING Redis is loading the dataset in memory'), 'Redis is loading its data', { untouched: true }],
  [
    reply('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'),
    'Redis is busy with a script of another client',
    { untouched: true },
  ],
  [reply('CLUSTERDOWN Hash slot not served'), 'the Redis Cluster is down, or a part of it', { untouched: true }],
  [
    reply('TRYAGAIN Multiple keys request during rehashing of slot'),
    'the Redis Cluster is moving slots',
    { untouched: true },
  ],
  [reply('NOAUTH Authentication required.'), 'Redis wants a user or a password', { untouched: true }],
  [
    reply('WRONGPASS invalid username-password pair or user is disabled.'),
    'Redis refuses the user or the password',
    { untouched: true },
  ],
  [
    reply('NOPERM No permissions to access a key'),
    'the user has no right to these keys or to run scripts',
    { untouched: true },
  ],
  [reply('ERR max number of clients reached'), 'Redis takes no more connections (maxclients)', { untouched: true }],
  [reply('UNHEARDOF of this'), 'Redis refuses: UNHEARDOF', { untouched: true }],
  [
    new Error("Stream isn't writeable and enableOfflineQueue options is false"),
    'no connection to Redis',
    { untouched: true },
  ],
  [
    new Error("Cluster isn't ready and enableOfflineQueue options is false"),
    'no connection to Redis',
    { untouched: true },
  ],
  [new Error('Command timed out'), 'Redis did not answer in 400 ms'],
  [new Error("Socket timeout. Expecting data, but didn't receive any in 2000ms."), 'Redis did not answer in 400 ms'],
  [new Error('Connection is closed.'), 'the connection to Redis broke before it answered'],
  [
    new Error(
      'Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest" option for details.',
    ),
    'the connection to Redis broke before it answered',
  ],
  [new Error('Failed to refresh slots cache.'), 'no connection to the Redis Cluster: none of its nodes answers'],
  [new Error('None of startup nodes is available'), 'no connection to the Redis Cluster: none of its nodes answers'],
  [
    new Error('Too many Cluster redirections. Last error: ReplyError: MOVED 1 127.0.0.1:1'),
    'the Redis Cluster is moving slots',
  ],
  [new Error('connect ETIMEDOUT'), 'no connection to Redis: it does not answer'],
  [
    system('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:6379'),
    'no connection to Redis: nothing listens there (ECONNREFUSED)',
  ],
  [system('ENOTFOUND', 'getaddrinfo ENOTFOUND redis'), 'no connection to Redis: its name leads nowhere (ENOTFOUND)'],
  [
    system('ECONNRESET', 'read ECONNRESET'),
    'no connection to Redis: it breaks connections off, is maxclients reached? (ECONNRESET)',
  ],
  [
    system('DEPTH_ZERO_SELF_SIGNED_CERT', 'self-signed certificate'),
    'no connection to Redis: DEPTH_ZERO_SELF_SIGNED_CERT',
  ],
  [new TypeError('of the library itself'), 'no connection to Redis: TypeError'],
];

describe('an outage is explained', () => {
  it.each(TABLE)('%s', (error, why, flags = {}) => {
    expect(explainOutage(error, CONTEXT)).toEqual({ why, untouched: false, full: false, ...flags });
  });

  it('by why the connection was lost, while there is none', () => {
    const lost = 'no connection to Redis: nothing listens there (ECONNREFUSED)';
    const error = new Error("Stream isn't writeable and enableOfflineQueue options is false");
    expect(explainOutage(error, { ...CONTEXT, lost })).toEqual({ why: lost, untouched: true, full: false });
  });

  it('without a word of the client library', () => {
    for (const [, why] of TABLE)
      expect(why).not.toMatch(/ioredis|maxRetries|enableOfflineQueue|offline|Stream|Command/);
  });
});
