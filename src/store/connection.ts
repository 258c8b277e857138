/** The connection to Redis, standalone or Cluster: no command is queued while it is down, and none is sent twice. */
import { Cluster, Redis } from 'ioredis';

export interface ConnectionOptions {
  /** `redis://` or `rediss://`, with user, password and database where they are needed. Several only for a Cluster. */
  readonly urls: readonly string[];
  readonly cluster: boolean;
  /** Overrides those of the URLs. */
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** PEM, for `rediss://` servers with a private authority. */
  readonly ca?: string | undefined;
  /** A reply that takes longer is in doubt: the command may have run. */
  readonly commandTimeoutMs: number;
}

export function connect(options: ConnectionOptions): Redis | Cluster {
  const { commandTimeoutMs, username, password, ca } = options;
  const [url = ''] = options.urls;
  const connection = {
    // A command whose reply was lost may have run: never send it again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A stalled connection is closed and opened anew, so that commands do not pile up in its socket. ioredis has a
    // timeout per command as well, but it does not read the socket before it gives up: see redis-scripts.ts.
    socketTimeout: commandTimeoutMs * 5,
    connectTimeout: 2_000,
    // While Redis loads its data, ioredis would wait as long as Redis estimates, which is often far too long.
    maxLoadingRetryTime: 1_000,
    // A demoted primary keeps its connections, while its address may lead to the new primary by now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { tls: { ca } }),
  };
  const backOff = (times: number) => Math.min(50 * 2 ** Math.min(times, 10), 1_000);
  // Nodes of a Cluster are discovered by address, so user, password and TLS of the first URL hold for all.
  const first = new URL(url);
  const withCredentials = {
    ...(first.username === '' ? {} : { username: decodeURIComponent(first.username) }),
    ...(first.password === '' ? {} : { password: decodeURIComponent(first.password) }),
    ...(first.protocol === 'rediss:' ? { tls: {} } : {}),
    ...connection,
  };
  const addresses = options.urls.map(withoutCredentials);
  if (!options.cluster) {
    return new Redis(addresses[0] ?? '', { ...withCredentials, enableOfflineQueue: false, retryStrategy: backOff });
  }
  return new Cluster(addresses, {
    enableOfflineQueue: false,
    // Redirections (MOVED, ASK) are safe to follow: the command did not run. What may have run is never sent again.
    maxRedirections: 3,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 20,
    clusterRetryStrategy: backOff,
    redisOptions: withCredentials,
  });
}

/** In ioredis the credentials of a URL override the options; here the options must win. */
function withoutCredentials(url: string): string {
  const address = new URL(url);
  address.username = '';
  address.password = '';
  return address.href;
}
