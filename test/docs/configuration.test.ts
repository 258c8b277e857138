/** docs/configuration.md: its example is accepted, its modes are those of the code, and a token made as shown lets a caller in. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { withTable } from '../../scripts/generate-docs.ts';
import { loadConfig } from '../../src/config/load.ts';
import { limitPolicy } from '../../src/config/policies.ts';
import type { Config } from '../../src/config/schema.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { ok, openClient } from '../support/clients.ts';
import { fencesOf, read, sectionOf, shellBlock } from '../support/markdown.ts';
import { startServer } from '../support/server.ts';
import { missing, runBlocks } from '../support/shell.ts';

const page = read('docs/configuration.md');
const PREAMBLE = shellBlock('README.md', '## First calls', 'pick()');
const MAKE_TOKEN = shellBlock('docs/configuration.md', '## Callers and tokens', 'openssl rand');
const START = shellBlock('docs/configuration.md', '## Callers and tokens', 'npm start');
const CALL = shellBlock('docs/configuration.md', '## Callers and tokens', 'curl');
const lacks = await missing('curl', 'openssl', 'sha256sum');

test('the table of settings is fresh', () => {
  expect(withTable(page)).toBe(page);
});

describe('the example file', () => {
  const [example] = fencesOf(sectionOf(page, '## The file'));
  const loaded = (file: string): Config => loadConfig({ COUNTERSIGN_CONFIG: 'example.yaml' }, () => file);

  test('is accepted, and its purposes take the place of the default ones', () => {
    expect(Object.keys(loaded(example?.body ?? '').purposes)).toEqual(['login', 'payment']);
  });

  test('adds its windows to the default ones, of which null removes one', () => {
    const windows = (file: string) =>
      limitPolicy(loaded(file))
        .windows.map(({ name }) => name)
        .sort();
    expect(windows(example?.body ?? '')).toEqual(['phone_day', 'phone_hour', 'phone_week']);
    expect(windows('limits: {windows: {phone_day: null}}')).toEqual(['phone_hour']);
  });
});

test.skipIf(lacks.size > 0)('a token made as shown lets its caller in, for its purposes, and no one else', async () => {
  const [said = '', printed = ''] = await runBlocks([MAKE_TOKEN, START.replace('npm start', 'env')]);
  const [, token = '', hash = ''] = /^(\w+) belongs to the caller, (\w+) /.exec(said) ?? [];
  expect(hash).toBe(createHash('sha256').update(token).digest('hex'));

  const callers = /^COUNTERSIGN_CALLERS=(.*)$/m.exec(printed)?.[1] ?? '';
  const server = await startServer({ COUNTERSIGN_CALLERS: callers });
  const here = (text: string) => text.replaceAll('http://127.0.0.1:8080', server.http);
  const [, , answer = ''] = await runBlocks([PREAMBLE, `TOKEN=${token}`, CALL], here);
  expect(JSON.parse(answer)).toMatchObject({ phoneMasked: '****0104' });

  const client = openClient('json', server);
  const send = (purpose: string, options = {}) =>
    client.call(VerificationService.method.sendCode, { phone: '+14155550105', purpose }, options);
  expect(ok(await send('login', { token })).phoneMasked).toBe('****0105');
  expect((await send('reset_password', { token })).status).toBe('PERMISSION_DENIED');
  expect((await send('login')).status).toBe('UNAUTHENTICATED');
  client.close();
  await server.stop();
});
