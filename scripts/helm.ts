import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ROOT, run } from './run.ts';

/** Helm 3, which users of the chart have; built from source where a machine has only a Go toolchain. */
const HELM = 'helm.sh/helm/v3/cmd/helm@v3.22.0';
const TOOLS = join(ROOT, '.tools/bin');

/** The path of a working helm, which may be built first (minutes, once); else the reason why there is none. */
export async function findHelm(): Promise<{ helm: string } | { missing: string }> {
  for (const helm of ['helm', join(TOOLS, 'helm'), join(homedir(), 'go/bin/helm')]) {
    if ((helm === 'helm' || existsSync(helm)) && (await run([helm, 'version', '--short'])).code === 0) return { helm };
  }
  const go = (await run(['go', 'version'])).code === 0 ? 'go' : '/usr/local/go/bin/go';
  if ((await run([go, 'version'])).code !== 0) return { missing: 'neither helm nor a Go toolchain to build it with' };
  const built = await run(['env', `GOBIN=${TOOLS}`, go, 'install', HELM], { timeoutMs: 600_000 });
  return built.code === 0 ? { helm: join(TOOLS, 'helm') } : { missing: `helm could not be built: ${built.output}` };
}
