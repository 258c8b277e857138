/** Every page of the repository leads somewhere, and no file of it to somebody's machine. */
import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { anchorsOf, codeWords, linksOf, ROOT, read } from '../support/markdown.ts';

const listed = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT });
const files = String(listed)
  .split('\0')
  .filter((path) => path !== '' && existsSync(join(ROOT, path)));
const pages = files.filter((path) => path.endsWith('.md') && !path.startsWith('third_party/'));

test.each(pages)('every link of %s leads to a file and a heading that exist', (page) => {
  const broken = linksOf(read(page)).filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const file = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(ROOT, file))) return true;
    return anchor !== undefined && !anchorsOf(read(file)).has(anchor);
  });
  expect(broken).toEqual([]);
});

test('every path that CONTRIBUTING.md names exists', () => {
  const named = codeWords(read('CONTRIBUTING.md')).concat(read('CONTRIBUTING.md').match(/^[\w/.]+\/ /gm) ?? []);
  const paths = named
    .map((word) => word.trim())
    .filter((word) => /^(src|test|docs|proto|scripts)\/[\w/.-]*$/.test(word));
  expect(paths.length).toBeGreaterThan(30);
  expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
});

test('every npm script that a page names exists', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const named = pages.flatMap((page) => [...read(page).matchAll(/`?npm (?:run (?:-s )?)?(start|test|[a-z0-9:]+)`/g)]);
  const names = named.map(([, name = '']) => name).filter((name) => name !== 'ci' && name !== 'install');
  expect(names.length).toBeGreaterThan(5);
  expect(names.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
});

test('no file names a place on somebody’s machine', () => {
  const places = new RegExp(`(?<![\\w.])/(${['work', 'root', 'home', 'Users'].join('|')})/\\w`);
  const text = files.filter((path) => statSync(join(ROOT, path)).isFile() && !path.startsWith('third_party/'));
  expect(text.filter((path) => places.test(read(path)))).toEqual([]);
});
