/** A primary and its replica behind one address that follows the primary, as a service of a cluster or a VIP does. */
import { startProxy } from './proxy.ts';
import { type RedisPair, startPair } from './redis-pair.ts';

export interface FollowedPair extends RedisPair {
  /** Leads to whichever of the two is the primary. */
  readonly url: string;
  /** kill -9 of the primary and promotion of the replica, which never gets what was still on its way. */
  failOver(): Promise<void>;
}

export async function startFollowedPair(): Promise<FollowedPair> {
  const pair = await startPair();
  // The proxy looks at this for every new connection.
  const upstream = { host: pair.primary.host, port: pair.primary.port };
  const address = await startProxy(upstream);
  return {
    ...pair,
    url: `redis://${address.host}:${address.port}`,
    failOver: async () => {
      await pair.promote();
      upstream.port = pair.replica.port;
      address.cut();
    },
    stop: async () => {
      await Promise.all([address.close(), pair.stop()]);
    },
  };
}
