/** A real Redis Cluster on loopback, put together with the same commands that redis-cli uses. */
import { Cluster, type ClusterOptions, type Redis } from 'ioredis';
import { type RedisServer, startRedis } from './redis-server.ts';
import { eventually } from './wait.ts';

const SLOTS = 16_384;

export interface ClusterShape {
  readonly primaries: number;
  /** Of each primary. */
  readonly replicas: 0 | 1;
}

export interface RedisCluster {
  /** The primaries first, then their replicas in the same order. */
  readonly nodes: readonly RedisServer[];
  readonly urls: readonly string[];
  /** A client of the whole cluster, closed by `stop`. */
  connect(options?: Omit<ClusterOptions, 'redisOptions'>): Cluster;
  /** The primary that a key lived on when the cluster was made. */
  home(key: string): Promise<RedisServer>;
  stop(): Promise<void>;
}

/** Resolves when every node calls the cluster complete and all of them tell the same story about it. */
export async function startCluster(shape: ClusterShape = { primaries: 3, replicas: 0 }): Promise<RedisCluster> {
  const { primaries, replicas } = shape;
  const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'];
  const nodes = await Promise.all(Array.from({ length: primaries * (1 + replicas) }, () => startRedis({ args })));
  const admins = nodes.map((node) => node.connect());
  const first = admins[0] as Redis;

  await Promise.all(admins.slice(0, primaries).map((admin, index) => takeSlots(admin, index, primaries)));
  // Everybody meets everybody: quicker than waiting for the gossip.
  for (const [index, admin] of admins.entries()) {
    for (const node of nodes.slice(index + 1)) await admin.cluster('MEET', node.host, String(node.port));
  }
  await eventually('all nodes met', async () => agree(await views(admins), nodes.length));
  for (const [index, admin] of admins.slice(primaries).entries()) {
    await admin.cluster('REPLICATE', String(await (admins[index] as Redis).cluster('MYID')));
  }
  await eventually('the cluster is complete', async () => {
    const stories = await views(admins);
    const states = await Promise.all(admins.map((admin) => admin.cluster('INFO')));
    const replicasKnown = stories.every(
      (story) => story.filter((line) => / slave /.test(line)).length === primaries * replicas,
    );
    return (
      agree(stories, nodes.length) && replicasKnown && states.every((state) => /^cluster_state:ok/m.test(String(state)))
    );
  });
  await eventually('replicas are in sync', async () => {
    const infos = await Promise.all(admins.slice(primaries).map((admin) => admin.info('replication')));
    return infos.every((info) => /^master_link_status:up/m.test(info));
  });

  const clients = new Set<Cluster>();
  return {
    nodes,
    urls: nodes.map((node) => node.url),
    connect: (options = {}) => {
      const seeds = nodes.map(({ host, port }) => ({ host, port }));
      const client = new Cluster(seeds, options);
      client.on('error', () => undefined);
      clients.add(client);
      return client;
    },
    home: async (key) => {
      const slot = Number(await first.cluster('KEYSLOT', key));
      return nodes[Math.floor((slot * primaries) / SLOTS)] as RedisServer;
    },
    stop: async () => {
      for (const client of clients) client.disconnect();
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
}

/** The `index`-th of equal shares, with an epoch of its own so that no two nodes dispute. */
async function takeSlots(admin: Redis, index: number, primaries: number): Promise<void> {
  const from = Math.ceil((index * SLOTS) / primaries);
  const to = Math.ceil(((index + 1) * SLOTS) / primaries);
  await admin.cluster('ADDSLOTS', ...Array.from({ length: to - from }, (_, offset) => from + offset));
  await admin.cluster('SET-CONFIG-EPOCH', index + 1);
}

/** What each node says of all: id, address, role and slots, one line a node, sorted. */
async function views(admins: readonly Redis[]): Promise<string[][]> {
  const all = await Promise.all(admins.map((admin) => admin.cluster('NODES')));
  return all.map((text) =>
    String(text)
      .trim()
      .split('\n')
      .map((line) => {
        const [id, address, flags = '', primary, , , epoch, , ...slots] = line.split(' ');
        return [id, address, flags.replace('myself,', ''), primary, epoch, ...slots].join(' ');
      })
      .sort(),
  );
}

function agree(stories: readonly string[][], nodes: number): boolean {
  const expected = stories[0]?.join('\n') ?? '';
  return (
    stories.every((story) => story.length === nodes && story.join('\n') === expected) &&
    !/handshake|fail/.test(expected)
  );
}
