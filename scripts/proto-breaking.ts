/**
 * Fails when the contract breaks callers of the newest release; before the first release, of where this branch left
 * main. What buf compares with comes out of git as an archive, so that shallow and detached checkouts work too.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from './run.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-proto-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** What to compare with, as a name for people and a commit; null when the history has neither a tag nor a main. */
async function baseline(): Promise<{ name: string; commit: string } | null> {
  const [tag] = (await git('tag', '--list', 'v*', '--sort=-version:refname'))?.split('\n') ?? [];
  if (tag) return { name: tag, commit: `${tag}^{commit}` };
  for (const branch of ['origin/main', 'main']) {
    const commit = await git('merge-base', 'HEAD', branch);
    if (commit) return { name: branch, commit };
  }
  return null;
}

async function git(...args: string[]): Promise<string | null> {
  const { code, output } = await run(['git', ...args]);
  return code === 0 ? output.trim() : null;
}

const base = await baseline();
const archive = join(folder, 'base.tar');
const paths = ['buf.yaml', 'proto', 'third_party'];
if (base === null || (await git('archive', '--output', archive, base.commit, ...paths)) === null) {
  process.stdout.write('no release and no main to compare with\n');
} else {
  const { code, output } = await run(['buf', 'breaking', '--against', archive]);
  process.stdout.write(code === 0 ? `compatible with ${base.name}\n` : output);
  process.exitCode = code === 0 ? 0 : 1;
}
