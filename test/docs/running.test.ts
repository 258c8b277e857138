/** What docs/operations.md shows of starting the service works: Redis with its settings, the start, what production asks for. */
import { expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { codeWords, markedPart, read, shellBlock } from '../support/markdown.ts';
import { startRedis } from '../support/redis-server.ts';
import { startServer } from '../support/server.ts';
import { missing, runBlocks } from '../support/shell.ts';

const REDIS = shellBlock('docs/operations.md', '## Running it', 'redis-server');
const START = shellBlock(
  'docs/operations.md',
  '## Running it',
  'REDIS_URL=redis://127.0.0.1:6379 COUNTERSIGN_SECRET="$(openssl rand -base64 32)" npm start',
);
const lacks = await missing('openssl');

test.skipIf(lacks.has('openssl'))('the service starts as shown, on a Redis that is started as shown', async () => {
  const [program, ...args] = REDIS.trim().split(' ');
  expect(program).toBe('redis-server');
  const redis = await startRedis({ args });
  const [printed = ''] = await runBlocks([START.replace('npm start', 'env')]);
  const set = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(printed)?.[1] ?? '';
  expect(set('REDIS_URL')).toBe('redis://127.0.0.1:6379');
  const server = await startServer({ REDIS_URL: redis.url, COUNTERSIGN_SECRET: set('COUNTERSIGN_SECRET') });
  expect(await (await fetch(`${server.ops}/readyz`)).json()).toMatchObject({ status: 'ready' });
  expect(server.process.stdout()).not.toContain('STATE IS KEPT IN MEMORY');
  await server.stop();
  await redis.stop();
});

test('npm start and npm test, which the README begins with, are what every test here runs', () => {
  const { scripts } = JSON.parse(read('package.json'));
  expect(scripts).toMatchObject({ start: 'node src/main.ts', test: expect.stringContaining('vitest') });
});

test('production asks for exactly what the checklist names', () => {
  const listed = markedPart(read('docs/operations.md'), 'production')
    .split('\n')
    .filter((line) => line.startsWith('* '));
  const start = () => loadConfig({ NODE_ENV: 'production' }, () => '');
  expect(start).toThrow(ConfigError);
  const asked = mistakesOf(start).map(({ at }) => at);
  expect(listed.map((line) => codeWords(line)[0]).sort()).toEqual(asked.sort());
});

function mistakesOf(start: () => unknown): ConfigError['mistakes'] {
  try {
    start();
  } catch (error) {
    if (error instanceof ConfigError) return error.mistakes;
    throw error;
  }
  return [];
}
