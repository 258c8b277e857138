/**
 * Fails when the contract breaks the callers of the newest release; before the first release, those of the commit where
 * this branch left main. The rules are in buf.yaml. Only `proto/` is compared: it is what clients are generated from.
 * It comes out of git as an archive, because buf itself cannot read a worktree or a shallow clone.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Standard output, or null when git fails. */
function git(...args: string[]): string | null {
  const { status, stdout } = spawnSync('git', args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : null;
}

/** What to compare with: a name for people and a commit; null when the history has neither a tag nor a main. */
function baseline(): { name: string; commit: string } | null {
  const [tag] = git('tag', '--list', 'v*', '--sort=-version:refname')?.split('\n') ?? [];
  if (tag) return { name: tag, commit: `${tag}^{commit}` };
  for (const branch of ['origin/main', 'main']) {
    const commit = git('merge-base', 'HEAD', branch);
    if (commit) return { name: branch, commit };
  }
  return null;
}

const folder = mkdtempSync(join(tmpdir(), 'countersign-proto-'));
try {
  const base = baseline();
  const archive = join(folder, 'base.tar');
  if (base === null || git('archive', '--output', archive, base.commit, 'proto') === null) {
    process.stdout.write('proto/ is compared with nothing: the history has no release and no main\n');
  } else {
    const { status } = spawnSync('buf', ['breaking', 'proto', '--against', `${archive}#subdir=proto`], {
      stdio: 'inherit',
    });
    process.stdout.write(`proto/ ${status === 0 ? 'is compatible with' : 'breaks the clients of'} ${base.name}\n`);
    process.exitCode = status === 0 ? 0 : 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
