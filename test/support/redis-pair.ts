/** A primary and a replica whose replication can be made to lag, and the failover between them. */
import { startProxy, type TcpProxy } from './proxy.ts';
import { type RedisServer, startRedis } from './redis-server.ts';
import { eventually } from './wait.ts';

export interface RedisPair {
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  /** What the primary tells the replica arrives `ms` later. */
  lag(ms: number): void;
  /** `stall('replies')` holds replication back altogether. */
  readonly replication: TcpProxy;
  /** Resolves when the replica has everything the primary had when asked. */
  caughtUp(): Promise<void>;
  /** kill -9 of the primary; what the replica has not received by then is lost; the replica becomes a primary. */
  promote(): Promise<void>;
  stop(): Promise<void>;
}

/** Resolves when the replica is in sync. Only now: the first replica gives a lone primary a new history. */
export async function startPair(args: readonly string[] = []): Promise<RedisPair> {
  const [primary, replica] = await Promise.all([startRedis({ args }), startRedis({ args })]);
  const replication = await startProxy(primary);
  const admin = { primary: primary.connect(), replica: replica.connect() };
  await admin.replica.replicaof(replication.host, replication.port);

  const offset = async (side: 'primary' | 'replica', field: string) =>
    Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(await admin[side].info('replication'))?.[1] ?? -1);
  const inSync = async () => /^master_link_status:up/m.test(await admin.replica.info('replication'));
  await eventually('the replica is in sync', inSync);

  return {
    primary,
    replica,
    replication,
    lag: (ms) => replication.delay('replies', ms),
    caughtUp: async () => {
      const target = await offset('primary', 'master_repl_offset');
      await eventually('the replica caught up', async () => (await offset('replica', 'slave_repl_offset')) >= target);
    },
    promote: async () => {
      await primary.kill('SIGKILL');
      replication.cut();
      await admin.replica.replicaof('NO', 'ONE');
    },
    stop: async () => {
      await Promise.all([replication.close(), primary.stop(), replica.stop()]);
    },
  };
}
