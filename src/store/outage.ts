/** What happened when Redis did not serve a call: a sentence for the operator in place of the client library's words. */

export interface Outage {
  readonly why: string;
  /** The script surely did not run. */
  readonly untouched: boolean;
  /** Redis serves reads, and no failover or reconnection will make it take writes again. */
  readonly full: boolean;
}

interface Cause {
  readonly why: string;
  readonly full?: true;
}

/** By the capital word that begins an error reply: Redis refused to run the script. */
const REPLIES: Readonly<Record<string, Cause>> = {
  OOM: { why: 'Redis is out of memory (maxmemory)', full: true },
  MISCONF: { why: 'Redis cannot write to its disk', full: true },
  READONLY: { why: 'this Redis is a replica' },
  MASTERDOWN: { why: 'this Redis is a replica, cut off from its primary' },
  NOREPLICAS: { why: 'Redis has too few replicas to take writes (min-replicas-to-write)' },
  LOADING: { why: 'Redis is loading its data' },
  BUSY: { why: 'Redis is busy with a script of another client' },
  CLUSTERDOWN: { why: 'the Redis Cluster is down, or a part of it' },
  TRYAGAIN: { why: 'the Redis Cluster is moving slots' },
  NOAUTH: { why: 'Redis wants a user or a password' },
  WRONGPASS: { why: 'Redis refuses the user or the password' },
  NOPERM: { why: 'the user has no right to these keys or to run scripts' },
};
const NO_MORE_CONNECTIONS = /^ERR max number of clients/;

/** By the error code of the system. */
const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'its name leads nowhere',
  EAI_AGAIN: 'its name cannot be looked up',
  ETIMEDOUT: 'it does not answer',
  // How a full server's own words get lost: it ends the connection while the client's first command is on its way.
  ECONNRESET: 'it breaks connections off, is maxclients reached?',
  EPIPE: 'it breaks connections off, is maxclients reached?',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
};

/** A command that ioredis did not even write: there is no connection, and no queue for one. */
const NOT_WRITTEN = /enableOfflineQueue options is false$/;
const SILENCE = /^(?:Command timed out|Socket timeout)/;
const CLUSTER_AWAY = /slots cache|startup nodes|Cluster is disconnect|Node is disconnected/;
const REDIRECTED = /^Too many Cluster redirections/;
const NO_ANSWER_AT_CONNECT = /^connect ETIMEDOUT/;
const BROKEN = /^(?:Connection is closed|Reached the max retries|Command aborted)/;

/** `lost` is why the connection was lost last, where that is known. */
export function explainOutage(error: Error, context: { timeoutMs: number; lost: string | null }): Outage {
  const { message } = error;
  const reply = Object.entries(REPLIES).find(([word]) => message.startsWith(`${word} `))?.[1];
  const notWritten = NOT_WRITTEN.test(message);
  return {
    why: reply?.why ?? (notWritten ? (context.lost ?? 'no connection to Redis') : whyOf(error, context.timeoutMs)),
    untouched: notWritten || error.name === 'ReplyError',
    full: reply?.full ?? false,
  };
}

function whyOf(error: Error, timeoutMs: number): string {
  const { message } = error;
  if (NO_MORE_CONNECTIONS.test(message)) return 'Redis takes no more connections (maxclients)';
  if (error.name === 'ReplyError') return `Redis refuses: ${message.split(' ', 1)[0]}`;
  if (SILENCE.test(message)) return `Redis did not answer in ${timeoutMs} ms`;
  if (CLUSTER_AWAY.test(message)) return 'no connection to the Redis Cluster: none of its nodes answers';
  if (REDIRECTED.test(message)) return 'the Redis Cluster is moving slots';
  if (NO_ANSWER_AT_CONNECT.test(message)) return `no connection to Redis: ${CODES.ETIMEDOUT}`;
  if (BROKEN.test(message)) return 'the connection to Redis broke before it answered';
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return `no connection to Redis: ${CODES[code] ? `${CODES[code]} (${code})` : code}`;
}
