/** A Helm 3 to test the chart with: the machine's own, or one that is built from source where there is only Go. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/markdown.ts';

const SOURCE = 'helm.sh/helm/v3/cmd/helm@v3.22.0';
/** A slow machine builds for longer: it goes on where it was cut the next time, because Go keeps what was built. */
const BUILD_MS = 10 * 60_000;
const TOOLS = join(ROOT, '.tools/bin');

export type Helm = (...args: readonly string[]) => {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Building takes minutes, once. A text says why there is no helm. */
export function findHelm(): Helm | string {
  const found = ['helm', join(TOOLS, 'helm')].find((program) => succeeds(program, 'version'));
  if (found !== undefined) return helmAt(found);
  const go = ['go', '/usr/local/go/bin/go'].find((program) => succeeds(program, 'version'));
  if (go === undefined) return 'neither helm nor a Go toolchain to build it with';
  const env = { ...process.env, GOBIN: TOOLS };
  const built = spawnSync(go, ['install', SOURCE], { env, encoding: 'utf8', timeout: BUILD_MS });
  if (existsSync(join(TOOLS, 'helm'))) return helmAt(join(TOOLS, 'helm'));
  return `helm cannot be built: ${built.error?.message ?? built.stderr}`;
}

function helmAt(program: string): Helm {
  return (...args) => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8' });
    return { code: status, stdout, stderr };
  };
}

function succeeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}
