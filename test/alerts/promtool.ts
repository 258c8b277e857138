/** Prometheus's promtool to test the alerts with: the machine's own, or the one in Debian's package, which is not installed. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../support/markdown.ts';

const TOOLS = join(ROOT, '.tools/bin');
const PROGRAM = join(TOOLS, 'promtool');

/** Unpacks the program alone: the server and what it depends on stay away. The package lists are fetched where root may. */
const UNPACK = `
set -e
apt-get download -qq prometheus || { apt-get update -qq && apt-get download -qq prometheus; }
mkdir -p "$1"
dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x --strip-components=3 -C "$1" ./usr/bin/promtool
`;

/** `input` is what it reads on standard input. */
export type Promtool = (
  args: readonly string[],
  input?: string,
) => { readonly code: number | null; readonly output: string };

/** A text says why there is none. */
export function findPromtool(): Promtool | string {
  const found = ['promtool', PROGRAM].find(works);
  if (found !== undefined) return promtoolAt(found);
  if (spawnSync('apt-get', ['--version']).status !== 0) return 'neither promtool nor apt-get to fetch it with';
  const scratch = mkdtempSync(join(tmpdir(), 'promtool-'));
  const { stderr } = spawnSync('sh', ['-c', UNPACK, 'sh', TOOLS], { cwd: scratch, encoding: 'utf8', timeout: 300_000 });
  rmSync(scratch, { recursive: true, force: true });
  return works(PROGRAM) ? promtoolAt(PROGRAM) : `promtool cannot be fetched: ${stderr.trim().split('\n').at(-1)}`;
}

function promtoolAt(program: string): Promtool {
  return (args, input = '') => {
    const { status, stdout, stderr } = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8', input });
    return { code: status, output: `${stdout}${stderr}` };
  };
}

function works(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
