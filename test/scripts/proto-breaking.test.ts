/** What the check of compatibility refuses, in a repository of its own whose main has today's contract. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const SCRIPT = join(ROOT, 'scripts/proto-breaking.ts');
const PATH = [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter);

let repository: string;
const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@t', ...args], at());
const at = () => ({ cwd: repository, encoding: 'utf8' as const });
const contract = () => join(repository, 'proto/countersign/v1/verification.proto');

beforeEach(() => {
  repository = mkdtempSync(join(tmpdir(), 'countersign-contract-'));
  for (const path of ['buf.yaml', 'proto']) cpSync(join(ROOT, path), join(repository, path), { recursive: true });
  git('init', '--quiet', '--initial-branch=main');
  git('add', '--all');
  git('commit', '--quiet', '--message=today');
  git('switch', '--quiet', '--create', 'change');
});
afterEach(() => rmSync(repository, { recursive: true, force: true }));

function edit(from: string | RegExp, to: string): void {
  const before = readFileSync(contract(), 'utf8');
  const after = before.replace(from, to);
  expect(after).not.toBe(before);
  writeFileSync(contract(), after);
}

function compare() {
  const { status, stdout } = spawnSync(process.execPath, [SCRIPT], { ...at(), env: { ...process.env, PATH } });
  return { status, stdout };
}

test('a comment and a further field are compatible', () => {
  edit('// VerificationService owns', '// VerificationService still owns');
  edit('string phone = 1;', 'string phone = 1;\n  string nickname = 99;');
  expect(compare()).toEqual({ status: 0, stdout: 'proto/ is compatible with main\n' });
});

test.each<[string, () => void, RegExp]>([
  ['a deleted RPC', () => edit(/ {2}rpc CancelVerification.*\n/, ''), /RPC "CancelVerification".* was deleted/],
  ['a deleted field', () => edit('  string phone_masked = 4;\n', ''), /field "4".* was deleted/],
  ['a renamed field', () => edit('string phone_masked = 4;', 'string masked = 4;'), /changed name/],
  ['a renamed package', () => edit('package countersign.v1;', 'package countersign.v2;'), /package changed from/],
  ['another Java package', () => edit('"com.countersign.v1"', '"io.countersign.v1"'), /java_package/],
  [
    'a deleted package',
    () => {
      edit('package countersign.v1;', 'package countersign.v2;');
      renameSync(join(repository, 'proto/countersign/v1'), join(repository, 'proto/countersign/v2'));
    },
    /package "countersign\.v1" was deleted/,
  ],
])('%s breaks the clients of main', (_, change, reason) => {
  change();
  const { status, stdout } = compare();
  expect(stdout).toMatch(reason);
  expect(stdout).toContain('proto/ breaks the clients of main');
  expect(status).toBe(1);
});

test('once there is a release, it is what clients have', () => {
  git('tag', 'v0.1.0');
  git('tag', 'v0.10.0');
  edit(/ {2}rpc CancelVerification.*\n/, '');
  git('commit', '--quiet', '--all', '--message=deleted');
  git('branch', '--force', 'main');
  expect(compare().stdout).toContain('proto/ breaks the clients of v0.10.0');
});
