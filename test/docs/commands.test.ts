/** Every command that a page shows is run by a test, or it is named here with the reason why none runs it. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fencesOf, ROOT, read, shellBlock, shellBlocksOf } from '../support/markdown.ts';

const PAGES = ['README.md', 'CONTRIBUTING.md', ...globSync('docs/*.md', { cwd: ROOT })];

/** A block by its page, a heading above it, and words that only it has. */
type Place = readonly [page: string, heading: string, words: string];

const NOT_RUN: readonly (readonly [...Place, reason: string])[] = [
  ['README.md', '## Start', 'npm start', 'npm ci takes a minute and changes the tree; .ci/run begins with it'],
  ['README.md', '## Start', 'npm test', 'it is what runs this test'],
  ['docs/operations.md', '## Running it', 'docker compose', 'needs a container engine; test/packaging reads the file'],
  ['docs/operations.md', '## Running it', 'helm install', 'needs a cluster; npm run test:chart renders the chart'],
  ['docs/clients.md', '## Generated clients', '--go_out', 'needs the tools of Go; npm run test:clients generates'],
  ['docs/clients.md', '## Generated clients', 'grpc_tools', 'needs grpcio-tools; npm run test:clients generates'],
];

/** What tests run: the arguments of `shellBlock` in their source. */
function placesIn(source: string): Place[] {
  const text = String.raw`\s*'((?:[^'\\\n]|\\.)*)'\s*,?`;
  const calls = source.matchAll(new RegExp(String.raw`shellBlock\(${text}${text}${text}\s*\)`, 'g'));
  return [...calls].map(([, page = '', heading = '', words = '']) => [page, heading, words]);
}

/** The shell blocks of a page that are not among `known`. */
function unknownIn(text: string, known: ReadonlySet<string>): string[] {
  return shellBlocksOf(text).filter((block) => !known.has(block));
}

const tests = globSync('test/docs/*.test.ts', { cwd: ROOT }).filter((path) => !path.endsWith('commands.test.ts'));
const run = tests.flatMap((path) => placesIn(read(path)));
const blockAt = ([page, heading, words]: Place) => shellBlock(page, heading, words);
const blocksOn = (page: string, places: readonly Place[]) =>
  new Set(places.filter(([each]) => each === page).map(blockAt));
const notRun = NOT_RUN.map(([page, heading, words]): Place => [page, heading, words]);

test.each(PAGES)('each shell block of %s is run by a test, or named with a reason', (page) => {
  expect(unknownIn(read(page), blocksOn(page, [...run, ...notRun]))).toEqual([]);
});

test('none is named that a test runs, and tests run most of them', () => {
  for (const page of PAGES) {
    const ran = blocksOn(page, run);
    expect([...blocksOn(page, notRun)].filter((block) => ran.has(block))).toEqual([]);
  }
  expect(new Set(run.map(blockAt)).size).toBeGreaterThan(20);
});

test('commands are in blocks of the language sh, so that none is overlooked', () => {
  const known = /^(sh|json|yaml|text|http|ini|redis-acl|mermaid|js|ts|go|python|java)$/;
  const others = PAGES.flatMap((page) => fencesOf(read(page)).map(({ language }) => `${page}: ${language}`));
  expect(others.filter((each) => !known.test(each.split(': ')[1] ?? ''))).toEqual([]);
});

describe('negative control', () => {
  const page = read('README.md');
  const known = blocksOn('README.md', [...run, ...notRun]);

  test('a new block is noticed', () => {
    expect(unknownIn(`${page}\n\`\`\`sh\nnpm run nothing\n\`\`\`\n`, known)).toEqual(['npm run nothing\n']);
  });

  test('so is a known one that was changed', () => {
    expect(unknownIn(page.replace('"purpose": "login"', '"purpose": "logout"'), known)).toHaveLength(1);
  });

  test('a test that no longer runs a block is noticed', () => {
    const source = read(join('test/docs', 'readme.test.ts'));
    const fewer = placesIn(source.replace("shellBlock('README.md', '### grpcurl'", "other('README.md', '### grpcurl'"));
    expect(fewer).toHaveLength(placesIn(source).length - 1);
  });
});
