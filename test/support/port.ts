/** Free ports on loopback, for servers that must know their port before they start or keep it over a restart. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** A Redis Cluster node also listens on its port plus this. */
const CLUSTER_BUS = 10_000;

/**
 * A port that is free now, as is the cluster bus port above it. Both lie below the ranges from which systems take the
 * ports of outgoing connections, so that nothing but another test takes them, and that one draws at random too.
 */
export async function freePort(): Promise<number> {
  for (let draws = 0; draws < 100; draws++) {
    const port = randomInt(11_000, 22_000);
    if ((await isFree(port)) && (await isFree(port + CLUSTER_BUS))) return port;
  }
  throw new Error('no free port between 11000 and 21999 on 127.0.0.1');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
