/** Servers to be measured, each a process of its own on loopback; what they log is written and thrown away. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, startChild } from '../test/support/child.ts';
import { freePort } from '../test/support/port.ts';
import { eventually } from '../test/support/wait.ts';

export interface Server {
  /** `host:port`. */
  readonly grpc: string;
  /** `http://host:port`. */
  readonly http: string;
  /** `http://host:port`. */
  readonly ops: string;
  readonly process: Child;
  metrics(): Promise<Metrics>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** The sum of a metric over all its labels; 0 when there is none. */
export type Metrics = (name: string) => number;

/** This checkout. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** What the image of a checkout gives to Node, but for its share of a container's memory. */
function imageFlags(root: string): string[] {
  const [, entrypoint = '[]'] = /^ENTRYPOINT (.+)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8')) ?? [];
  const words = JSON.parse(entrypoint) as string[];
  return words.filter((word) => word.startsWith('--') && !word.includes('percentage'));
}

/**
 * `command` is what follows `node` and its flags, `['src/main.ts']`, in the checkout `root`. Throws, quoting standard error, when it ends before it
 * is ready.
 */
export async function startServer(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
  root: string = ROOT,
): Promise<Server> {
  const [grpc, http, ops] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  const addresses = { GRPC_LISTEN: String(grpc), HTTP_LISTEN: String(http), OPS_LISTEN: String(ops) };
  const child = await startChild(
    '/bin/sh',
    ['-c', 'exec "$@" > /dev/null', 'sh', process.execPath, ...imageFlags(root), ...command],
    {
      env: { ...addresses, ...env },
      cwd: root,
    },
  );
  await eventually('the server is ready', async () => {
    return !child.running() || (await fetch(`http://${ops}/readyz`)).ok;
  });
  if (!child.running()) throw new Error(`the server ended:\n${child.stderr()}`);
  return {
    grpc: String(grpc),
    http: `http://${http}`,
    ops: `http://${ops}`,
    process: child,
    metrics: async () => {
      if (!child.running()) throw new Error(`the server has ended:\n${child.stderr()}`);
      const response = await fetch(`http://${ops}/metrics`, { signal: AbortSignal.timeout(10_000) });
      return read(await response.text());
    },
    stop: () => child.stop(20_000),
  };
}

/** The Prometheus text format: `name{labels} value`. */
function read(text: string): Metrics {
  const sums = new Map<string, number>();
  for (const [, name = '', value] of text.matchAll(/^(\w+)(?:\{.*\})? (\S+)$/gm)) {
    sums.set(name, (sums.get(name) ?? 0) + Number(value));
  }
  return (name) => sums.get(name) ?? 0;
}
