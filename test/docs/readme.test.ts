/** The README does what it says: the calls that it shows are made, and what they answer is what it shows. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { startApp } from '../support/app.ts';
import { codeWords, fencesOf, markedPart, ROOT, read, sectionOf } from '../support/markdown.ts';
import { thisMachine } from '../support/redis-source.ts';
import { type CountersignServer, startServer } from '../support/server.ts';

const readme = read('README.md');
const TOOLS = ['curl', 'grpcurl', 'buf curl'] as const;
const FIRST_CALLS = sectionOf(readme, '## First calls');
const storyOf = (tool: string) => sectionOf(FIRST_CALLS, `### ${tool}`);
const shellOf = (text: string) => fencesOf(text).filter(({ language }) => language === 'sh');
const PREAMBLE = shellOf(FIRST_CALLS.slice(0, FIRST_CALLS.indexOf('### ')))[0]?.body ?? '';
/** What of the programs that the README uses this machine lacks; `buf` comes with `npm ci`. */
const lacks = new Set<string>();
for (const program of ['curl', 'grpcurl', 'openssl', 'sha256sum']) {
  if ((await thisMachine.find(program)) === null) lacks.add(program);
}

/** Runs lines of a shell in one go and answers what each wrote to either stream. */
async function runLines(lines: readonly string[], replace: (text: string) => string): Promise<string[]> {
  const script = [PREAMBLE, 'exec 2>&1', ...lines.flatMap((line) => [`printf '\\036'`, line])].join('\n');
  const env = { ...process.env, PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter) };
  // What npx would find, without its second of start-up. A refused call also fails its command, hence the true.
  const command = `${replace(script).replaceAll('npx buf', 'buf')}\ntrue`;
  const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: ROOT, env });
  return stdout.split('\x1e').slice(1);
}

/** The lines of a block with their continuations, each with the comment above it. */
function linesOf(block: string): { command: string; promise: string }[] {
  let promise = '';
  return block
    .replace(/\\\n\s*/g, '')
    .trimEnd()
    .split('\n')
    .flatMap((line) => {
      const comment = /^# (.*)$/.exec(line)?.[1];
      const found = { command: line, promise };
      promise = comment ?? '';
      return comment === undefined ? [found] : [];
    });
}

describe('the first calls', () => {
  let server: CountersignServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.stop());
  const here = (text: string) =>
    text.replaceAll('http://127.0.0.1:8080', server.http).replaceAll('127.0.0.1:50051', server.grpc);

  test.skipIf(lacks.has('curl'))('with curl get exactly the answers that are shown', async () => {
    const story = storyOf('curl');
    const shown = fencesOf(story).filter(({ language }) => language === 'json');
    const answers = await runLines(
      shellOf(story).map(({ body }) => body),
      here,
    );
    expect(answers).toHaveLength(shown.length);
    for (const [index, { body }] of shown.entries()) {
      expect(shapeOf(answers[index] ?? '')).toEqual(shapeOf(body));
    }
    const [refused, explained] = answers.slice(-2).map((answer): string => {
      return /"retry(?:Delay|After)":"([\d.]+)s"/.exec(answer)?.[1] ?? '';
    });
    expect(Number(refused), 'it counts down').toBeGreaterThanOrEqual(Number(explained));
    expect(Number(explained)).toBeGreaterThan(0);
  });

  test.for(['grpcurl', 'buf curl'])('with %s keep the promises of the comments above them', async (tool, { skip }) => {
    skip(lacks.has(tool), `no ${tool} here`);
    const lines = linesOf(shellOf(storyOf(tool))[0]?.body ?? '');
    const answers = await runLines(
      lines.map(({ command }) => command),
      here,
    );
    const promises = lines.map(({ promise }) => promise);
    expect(promises.filter((promise) => promise !== '')).toEqual([
      'CHECK_RESULT_APPROVED',
      'CHECK_RESULT_NOT_FOUND',
      'RESOURCE_EXHAUSTED',
      '"blockedBy": "cooldown"',
    ]);
    for (const [index, promise] of promises.entries()) {
      // ResourceExhausted, resource_exhausted: each tool has its own spelling.
      const plain = (text = '') => text.replace(/[_\s]/g, '').toLowerCase();
      expect(plain(answers[index])).toContain(plain(promise));
      if (promise === 'RESOURCE_EXHAUSTED') expect(plain(answers[index])).toContain('google.rpc.retryinfo');
    }
  });

  test('tell the same story with every tool', () => {
    const [story, ...others] = TOOLS.map((tool) => requestsOf(storyOf(tool)));
    expect(story?.map(({ rpc }) => rpc)).toEqual(['SendCode', 'CheckCode', 'CheckCode', 'SendCode', 'RateStatus']);
    for (const other of others) expect(other).toEqual(story);
  });

  test('are printed at the start, ready to be pasted', async () => {
    const printed = [...server.process.stdout().matchAll(/^ {2}((?:curl|grpcurl|npx) .*)$/gm)].map(([, call]) => call);
    expect(printed).toHaveLength(9);
    const [send = '', check = '', ask = ''] = printed.filter((call) => call?.startsWith('npx'));
    const [sent = ''] = await runLines([send], String);
    const code = /"code": "(\d+)"/.exec(sent)?.[1] ?? 'none';
    const [checked, asked] = await runLines([check.replace('123456', code), ask], String);
    expect(checked).toContain('CHECK_RESULT_APPROVED');
    expect(asked).toContain('"blockedBy": "cooldown"');
  });
});

/** What a JSON answer says, without what differs from call to call. */
function shapeOf(json: string): unknown {
  return JSON.parse(json, (key, value: unknown) => {
    if (key === 'value') return undefined;
    if (typeof value !== 'string') return value;
    if (/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value)) return 'a time';
    if (/^(latency|retryAfter|retryDelay)$/.test(key)) return value.replace(/^[\d.]+s$/, 'a duration');
    if (/^(verificationId|messageId)$/.test(key)) return value.replace(/^[\w-]{16,}$/, 'an id');
    return value.replace(/^\d{6}$/, 'a code').replace(/\d+ seconds?/, 'a moment');
  });
}

function requestsOf(story: string): { rpc: string | undefined; fields: object }[] {
  const text = shellOf(story)
    .map(({ body }) => body.replace(/\\\n\s*/g, ''))
    .join('');
  const calls = text.split('\n').filter((line) => line.includes(' -d '));
  return calls.map((call) => {
    const json = /-d '(\{.*?\})'(?=[ )]|$)/.exec(call)?.[1]?.replace(/"'(\$\w+)'"/g, '"$1"') ?? '';
    const { request_id, phone, ...fields } = JSON.parse(json);
    return { rpc: /\/([A-Z]\w+)/.exec(call)?.[1], fields: { ...fields, ...(phone && { phone: 'a number' }) } };
  });
}

describe('what is shown of the configuration', () => {
  test('the example file is accepted', () => {
    const [example] = fencesOf(sectionOf(readme, '## Configuration'));
    const config = loadConfig({ COUNTERSIGN_CONFIG: 'example.yaml' }, () => example?.body ?? '');
    expect(Object.keys(config.purposes)).toEqual(['login', 'payment']);
  });

  test('production asks for exactly what the checklist names', () => {
    const listed = markedPart(readme, 'production')
      .split('\n')
      .filter((line) => line.startsWith('* '));
    let error: unknown;
    try {
      loadConfig({ NODE_ENV: 'production' }, () => '');
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ConfigError);
    const asked = error instanceof ConfigError ? error.mistakes.map(({ at }) => at) : [];
    expect(listed.map((line) => codeWords(line)[0]).sort()).toEqual(asked.sort());
  });

  test.skipIf(lacks.has('openssl') || lacks.has('sha256sum'))(
    'a token made as shown lets its caller in, for its purposes, and nobody else',
    async () => {
      const [make, start] = shellOf(sectionOf(readme, '## Callers and tokens'));
      const [said = ''] = await runLines([make?.body ?? ''], String);
      const [, token = '', hash = ''] = /^(\w+) belongs to the caller, (\w+) /.exec(said) ?? [];
      expect(hash).toBe(createHash('sha256').update(token).digest('hex'));

      const callers = /COUNTERSIGN_CALLERS="(.*?)"/.exec(start?.body ?? '')?.[1]?.replace('$HASH', hash) ?? '';
      const app = await startApp({ env: { COUNTERSIGN_CALLERS: callers } });
      const send = (purpose: string, options = {}) =>
        app.client('json').call(VerificationService.method.sendCode, { phone: '+14155550104', purpose }, options);
      expect((await send('login', { token })).status).toBe('OK');
      expect((await send('reset_password', { token })).status).toBe('PERMISSION_DENIED');
      expect((await send('login')).status).toBe('UNAUTHENTICATED');
      await app.stop();
    },
  );
});
