/** The calls of docs/clients.md go on from those of the README, and answer what is shown. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fencesOf, read, sectionOf, shellBlock } from '../support/markdown.ts';
import { type CountersignServer, startServer } from '../support/server.ts';
import { linesOf, missing, plain, requestsOf, runBlocks, shapeOf } from '../support/shell.ts';

const PREAMBLE = shellBlock('README.md', '## First calls', 'pick()');
const FIRST_SEND = shellBlock('README.md', '### curl', '/SendCode');
const CHECK = shellBlock('README.md', '### curl', '/CheckCode');
const ASK = shellBlock('README.md', '### curl', '/RateStatus');
const CHECK_AGAIN = shellBlock('docs/clients.md', '### A second check', 'check-2');
const SEND_AGAIN = shellBlock('docs/clients.md', '### A refusal', 'send-2');
const BUF_CURL = shellBlock('docs/clients.md', '### buf curl', '/SendCode');
const lacks = await missing('curl');

describe('calls by hand', () => {
  let server: CountersignServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());
  const here = (text: string) =>
    text.replaceAll('http://127.0.0.1:8080', server.http).replaceAll('127.0.0.1:50051', server.grpc);

  test.skipIf(lacks.has('curl'))('with curl get exactly the answers that are shown', async () => {
    const page = sectionOf(read('docs/clients.md'), '## Calls by hand');
    const shown = fencesOf(page).filter(({ language }) => language === 'json');
    const answers = await runBlocks([PREAMBLE, FIRST_SEND, CHECK, CHECK_AGAIN, SEND_AGAIN, ASK], here);
    expect(answers.slice(3, 5).map(shapeOf)).toEqual(shown.map(({ body }) => shapeOf(body)));
    const [refused, explained] = answers.slice(4).map((answer): string => {
      return /"retry(?:Delay|After)":"([\d.]+)s"/.exec(answer)?.[1] ?? '';
    });
    expect(Number(refused), 'it counts down').toBeGreaterThanOrEqual(Number(explained));
    expect(Number(explained)).toBeGreaterThan(0);
  });

  test('with buf curl keep the promises of the comments above them', async () => {
    const lines = linesOf(BUF_CURL);
    const promises = lines.map(({ promise }) => promise);
    const [, ...answers] = await runBlocks([PREAMBLE, ...lines.map(({ command }) => command)], here);
    expect(promises.filter((promise) => promise !== '')).toEqual([
      'CHECK_RESULT_APPROVED',
      'CHECK_RESULT_NOT_FOUND',
      'RESOURCE_EXHAUSTED',
      '"blockedBy": "cooldown"',
    ]);
    for (const [index, promise] of promises.entries()) {
      expect(plain(answers[index])).toContain(plain(promise));
      if (promise === 'RESOURCE_EXHAUSTED') expect(plain(answers[index])).toContain('google.rpc.retryinfo');
    }
  });

  test('tell the same story with either tool', () => {
    const story = [FIRST_SEND, CHECK, CHECK_AGAIN, SEND_AGAIN, ASK].join('');
    expect(requestsOf(BUF_CURL)).toEqual(requestsOf(story));
  });
});
