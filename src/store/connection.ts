/** The connection to Redis, standalone or Cluster: nothing is queued while it is down, and nothing is sent twice. */
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
  /** After this long an answer is in doubt. */
  readonly commandTimeoutMs: number;
}

export function connect(options: ConnectionOptions): Redis | Cluster {
  const { commandTimeoutMs, username, password, ca } = options;
  const [url = ''] = options.urls;
  const connection = {
    // A command whose reply was lost may have run: never send it again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A server that stalls is left and connected to anew, so that commands do not pile up in its socket. The client has
    // a timeout per command as well, but that one does not read the socket before it gives up: see script-calls.ts.
    socketTimeout: commandTimeoutMs * 5,
    connectTimeout: 2_000,
    // A server that loads guesses how long it will take, badly.
    maxLoadingRetryTime: 1_000,
    // A primary that was demoted keeps its connections, while its address may lead to the new one by now.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { tls: { ca } }),
  };
  const backOff = (times: number) => Math.min(50 * 2 ** Math.min(times, 10), 1_000);
  // Nodes of a Cluster are discovered by address, so what the first URL says of identity and TLS holds for all.
  const first = new URL(url);
  const identified = {
    ...(first.username === '' ? {} : { username: decodeURIComponent(first.username) }),
    ...(first.password === '' ? {} : { password: decodeURIComponent(first.password) }),
    ...(first.protocol === 'rediss:' ? { tls: {} } : {}),
    ...connection,
  };
  const addresses = options.urls.map(withoutIdentity);
  if (!options.cluster) {
    return new Redis(addresses[0] ?? '', { ...identified, enableOfflineQueue: false, retryStrategy: backOff });
  }
  return new Cluster(addresses, {
    enableOfflineQueue: false,
    // Redirections (MOVED, ASK) are safe to follow: the command did not run. What may have run is not sent again.
    maxRedirections: 3,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    retryDelayOnTryAgain: 20,
    clusterRetryStrategy: backOff,
    redisOptions: identified,
  });
}

/** ioredis prefers what a URL says to the options beside it; ours must win. */
function withoutIdentity(url: string): string {
  const address = new URL(url);
  address.username = '';
  address.password = '';
  return address.href;
}
