/** The service without containers, as docs/operations.md shows it: the bundle, its unit for systemd, and an older Node. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { access, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NODE } from '../../scripts/bundle.ts';
import { STOP_MS } from '../../src/domain/deadlines.ts';
import { type Child, startChild } from '../support/child.ts';
import { fencesOf, ROOT, read, sectionOf, shellBlock } from '../support/markdown.ts';
import { freePort } from '../support/port.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { missing, runBlocks } from '../support/shell.ts';
import { eventually } from '../support/wait.ts';

const BUILD = shellBlock('docs/operations.md', '## Running it', 'npm run bundle');
const CONFIG = shellBlock('docs/operations.md', '## Running it', 'node dist/countersign.mjs config');
const DIST = join(ROOT, 'dist');
const MAIN = join(DIST, 'countersign.mjs');

const page = read('docs/operations.md');
const [unitText = '', environmentText = ''] = fencesOf(sectionOf(page, '## Running it')).flatMap(
  ({ language, body }) => (language === 'ini' ? [body] : []),
);
const settingsIn = (text: string) =>
  new Map([...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));
const unit = settingsIn(unitText);
const environment = settingsIn(environmentText);
const lacks = await missing('systemd-analyze');

const redis = sharedRedis();
let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'countersign-docs-bundle-'));
  await runBlocks([BUILD]);
});
afterAll(async () => {
  await redis.close();
  await rm(scratch, { recursive: true, force: true });
});

/** What a Node says to the bundle, and its exit status. */
async function said(program: string, ...args: readonly string[]): Promise<{ status: number | null; text: string }> {
  const child = await startChild(program, [...args, MAIN], { env: {}, cwd: scratch });
  const status = await child.exited;
  return { status, text: `${child.stdout()}${child.stderr()}` };
}

const tooOld = (version: string, path: string) => ({
  status: 1,
  text: `countersign: this needs Node ${NODE} or later. It was started with Node ${version}, ${path}\n`,
});

describe('as a service of systemd', () => {
  test('starts with the unit and the environment file that are shown, and ends when it is told to', async () => {
    const [program = '', ...args] = (unit.get('ExecStart') ?? '').replaceAll('/opt/countersign', DIST).split(' ');
    expect(program).toBe('/usr/bin/node');
    const [grpc, http, ops] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
    const [setting = '', mode = ''] = (unit.get('Environment') ?? '').split('=');
    const env = {
      ...Object.fromEntries(environment),
      [setting]: mode,
      COUNTERSIGN_SECRET: (environment.get('COUNTERSIGN_SECRET') ?? '').replace(
        'SECRET',
        randomBytes(32).toString('base64'),
      ),
      COUNTERSIGN_CALLERS: (environment.get('COUNTERSIGN_CALLERS') ?? '').replace('HASH', 'ab'.repeat(32)),
      REDIS_URL: redis.url,
      REDIS_KEY_PREFIX: redis.prefix,
      GRPC_LISTEN: `${grpc}`,
      HTTP_LISTEN: `${http}`,
      OPS_LISTEN: `${ops}`,
    };
    const child: Child = await startChild(process.execPath, args, { env, cwd: scratch });
    const ready = await eventually('the bundle is ready', async () => {
      if (!child.running()) return 'ended';
      return (await fetch(`http://${ops}/readyz`)).ok && 'ready';
    });
    expect([ready, child.stderr()]).toEqual(['ready', '']);
    expect(await child.stop()).toBe(0);
    expect(child.stdout()).toContain('"msg":"stopped"');
  });

  test.skipIf(lacks.has('systemd-analyze'))('has a unit that systemd understands', async () => {
    const file = join(scratch, 'countersign.service');
    await writeFile(file, unitText.replace('/usr/bin/node', process.execPath));
    const [said] = await runBlocks([`systemd-analyze verify --man=no '${file}'`]);
    expect(said?.split('\n').filter((line) => line.includes('countersign'))).toEqual([]);
  });

  test('gives a stop the time that the service may take, and no more rights than it needs', () => {
    expect(Number(unit.get('TimeoutStopSec')) * 1000).toBeGreaterThan(STOP_MS);
    expect(unit.get('DynamicUser')).toBe('yes');
    // Node compiles JavaScript at run time.
    expect(unit.has('MemoryDenyWriteExecute')).toBe(false);
  });
});

test('the bundle prints its configuration, as shown', async () => {
  const [printed] = await runBlocks([CONFIG.replace('node ', `env -i '${process.execPath}' `)]);
  expect(printed).toContain('mode: development');
});

describe('the Node that it needs', () => {
  test('is the one that is documented, developed on and in the image', () => {
    expect(NODE).toBe(Number.parseInt(process.versions.node, 10));
    expect(page).toContain(`**Node ${NODE} or later**`);
    expect(read('Dockerfile')).toContain(`ARG NODE_IMAGE=node:${NODE}-`);
  });

  test.each(['14.21.3', '18.20.8', '20.20.2', `${NODE - 1}.0.0`])(
    'on Node %s it says so in one sentence',
    async (version) => {
      const older = join(scratch, 'older.cjs');
      await writeFile(
        older,
        `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`,
      );
      expect(await said(process.execPath, '--require', older)).toEqual(tooOld(version, process.execPath));
    },
  );

  test('nothing that an older Node cannot parse is read before it says so', () => {
    const entry = readFileSync(MAIN, 'utf8');
    expect(entry).not.toMatch(/^\s*import\b(?!\()|\bawait\b|=>|\?\.|\?\?|`|\bconst\b/m);
    expect(entry).toMatch(/^ {2}import\('\.\/main\.mjs'\);$/m);
  });

  test('an older Node of this machine, where it has one, says the same', async (context) => {
    const found = await olderNode();
    if (found === undefined) return context.skip('this machine has no older Node');
    expect(await said(found.path)).toEqual(tooOld(found.version, found.path));
  });

  test('negative control: without the entry an older Node has only a SyntaxError to say', async (context) => {
    const found = await olderNode();
    if (found === undefined) return context.skip('this machine has no older Node');
    const child = await startChild(found.path, [join(DIST, 'main.mjs')], { env: {}, cwd: scratch });
    expect(await child.exited).toBe(1);
    expect(child.stderr()).toContain('SyntaxError');
  });
});

/** The first Node on the PATH that is too old. */
async function olderNode(): Promise<{ path: string; version: string } | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, 'node');
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (!found) continue;
    const asked = await startChild(path, ['--version'], { env: {} });
    await asked.exited;
    const version = asked.stdout().trim().slice(1);
    if (Number.parseInt(version, 10) < 22) return { path, version };
  }
  return undefined;
}
