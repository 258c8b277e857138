/** A Countersign server as a process of its own, as an operator starts it. */
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from './child.ts';
import { freePort } from './port.ts';
import { eventually } from './wait.ts';

export interface CountersignServer {
  /** `host:port`. */
  readonly grpc: string;
  /** `http://host:port`. */
  readonly http: string;
  readonly ops: string;
  readonly process: Child;
  /** SIGTERM; resolves with the exit code. */
  stop(graceMs?: number): Promise<number | null>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Resolves when `/readyz` says so. Throws, quoting what the server printed, when it ends before that.
 * `env` is its whole configuration: nothing of the developer's environment shows through. Replies of Redis may take
 * longer than by default, because a busy machine is not to be mistaken for a lost reply.
 */
export async function startServer(env: Readonly<Record<string, string>> = {}): Promise<CountersignServer> {
  const [grpc, http, ops] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  const listen = { GRPC_LISTEN: grpc, HTTP_LISTEN: http, OPS_LISTEN: ops, REDIS_COMMAND_TIMEOUT_MS: '5000' };
  const child = await startChild(process.execPath, ['src/main.ts'], { env: { ...listen, ...env }, cwd: ROOT });
  const ready = eventually('the server is ready', async () => {
    if (!child.running()) return 'ended';
    return (await fetch(`http://${ops}/readyz`)).ok && 'ready';
  });
  if ((await ready.catch(() => 'silent')) !== 'ready') {
    await child.stop();
    throw new Error(`the server did not become ready:\n${child.stdout()}${child.stderr()}`);
  }
  return {
    grpc: String(grpc),
    http: `http://${http}`,
    ops: `http://${ops}`,
    process: child,
    stop: (graceMs) => child.stop(graceMs),
  };
}
