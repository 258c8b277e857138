/** The connection to Redis, standalone or Cluster: no command is queued while it is down, and none is sent twice. */
import { Cluster, Redis } from 'ioredis';
import { connectorWithin } from './connector.ts';

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
  /** Monotonic milliseconds. */
  readonly clock: () => number;
}

const CONNECT_MS = 2_000;
/** How often the connection is opened anew because it leads to a replica. */
const REPLICA_EVERY_MS = 1_000;

export function connect(options: ConnectionOptions): Redis | Cluster {
  const { commandTimeoutMs, username, password, ca, clock } = options;
  let lastReplica = Number.NEGATIVE_INFINITY;
  const [url = ''] = options.urls;
  const connection = {
    // A command whose reply was lost may have run: never send it again.
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // ioredis has timeouts of its own, but does not read the socket before it gives up.
    connectTimeout: 0,
    Connector: connectorWithin({ connectMs: CONNECT_MS, silentMs: commandTimeoutMs * 5, clock }),
    // ioredis would hide why a Redis is not ready, for example that it loads. Scripts are told by Redis itself.
    enableReadyCheck: false,
    // A demoted primary keeps its connections, while its address may lead to the new primary by now.
    reconnectOnError: (error: Error) => {
      const due = error.message.startsWith('READONLY') && clock() - lastReplica >= REPLICA_EVERY_MS;
      if (due) lastReplica = clock();
      return due;
    },
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
    // The bounds of the connection that asks for them are enough: this timer of ioredis would not read before it fires.
    slotsRefreshTimeout: 60_000,
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
