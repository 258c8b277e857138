/** The README does what it says: the calls that it shows are made, and what they answer is what it shows. */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fencesOf, markedPart, ROOT, read, sectionOf, shellBlock } from '../support/markdown.ts';
import { type CountersignServer, startServer } from '../support/server.ts';
import { linesOf, missing, plain, requestsOf, runBlocks, shapeOf } from '../support/shell.ts';

const readme = read('README.md');
const PREAMBLE = shellBlock('README.md', '## First calls', 'pick()');
const CURL = [
  shellBlock('README.md', '### curl', '/SendCode'),
  shellBlock('README.md', '### curl', '/CheckCode'),
  shellBlock('README.md', '### curl', '/RateStatus'),
];
const GRPCURL = shellBlock('README.md', '### grpcurl', '/SendCode');
const lacks = await missing('curl', 'grpcurl');

test('it is for the first ten minutes: at most 300 lines', () => {
  expect(readme.split('\n').length - 1).toBeLessThanOrEqual(300);
});

describe('the first calls', () => {
  let server: CountersignServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());
  const here = (text: string) =>
    text.replaceAll('http://127.0.0.1:8080', server.http).replaceAll('127.0.0.1:50051', server.grpc);

  test.skipIf(lacks.has('curl'))('with curl get exactly the answers that are shown', async () => {
    const shown = fencesOf(sectionOf(readme, '### curl')).filter(({ language }) => language === 'json');
    const [, ...answers] = await runBlocks([PREAMBLE, ...CURL], here);
    expect(answers.map(shapeOf)).toEqual(shown.map(({ body }) => shapeOf(body)));
  });

  test.skipIf(lacks.has('grpcurl'))('with grpcurl keep the promises of the comments above them', async () => {
    const lines = linesOf(GRPCURL);
    const promises = lines.map(({ promise }) => promise);
    const [, ...answers] = await runBlocks([PREAMBLE, ...lines.map(({ command }) => command)], here);
    expect(promises.filter((promise) => promise !== '')).toEqual(['CHECK_RESULT_APPROVED', '"blockedBy": "cooldown"']);
    for (const [index, promise] of promises.entries()) expect(plain(answers[index])).toContain(plain(promise));
  });

  test('tell the same story with either tool', () => {
    const story = requestsOf(CURL.join(''));
    expect(story.map(({ rpc }) => rpc)).toEqual(['SendCode', 'CheckCode', 'RateStatus']);
    expect(requestsOf(GRPCURL)).toEqual(story);
  });
});

describe('the auth service', () => {
  const snippets = fencesOf(markedPart(readme, 'examples'));
  const folders = { ts: 'typescript', go: 'go', python: 'python', java: 'java' };

  test('is shown in four languages', () => {
    expect(snippets.map(({ language }) => language)).toEqual(Object.keys(folders));
  });

  test.each(Object.entries(folders))(
    'in %s is a part of the program that is compiled, but for its indentation',
    (language, folder) => {
      const flat = (text: string) => text.replace(/^[ \t]+/gm, '');
      const snippet = snippets.find((fence) => fence.language === language)?.body ?? '';
      const files = globSync('**/*.{ts,go,py,java}', {
        cwd: join(ROOT, 'examples', folder),
        exclude: ['**/node_modules/**'],
      });
      const programs = files.map((file) => flat(read(join('examples', folder, file))));
      expect(programs.filter((program) => program.includes(flat(snippet)))).toHaveLength(1);
    },
  );
});
