import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { circles, violations } from './architecture.ts';

const src = fileURLToPath(new URL('../src/', import.meta.url));
const files = globSync('**/*.ts', { cwd: src }).filter((path) => !path.startsWith('gen/'));

describe('the source keeps to the import table, and the domain is pure', () => {
  it('there is source to look at', () => {
    expect(files).toContain('domain/phone.ts');
    expect(files.length).toBeGreaterThan(20);
  });

  it.each(files)('%s', (path) => {
    expect(violations(path, readFileSync(`${src}${path}`, 'utf8'))).toEqual([]);
  });
});

const sources = new Map(files.map((path) => [path, readFileSync(`${src}${path}`, 'utf8')]));

describe('no file imports itself by way of others', () => {
  it('there is no circle', () => {
    expect(circles(sources)).toEqual([]);
  });

  it.each<[what: string, planted: Record<string, string>, circle: string[]]>([
    [
      'of two files',
      { 'a.ts': "import { b } from './b.ts';", 'b.ts': "import { a } from './a.ts';" },
      ['a.ts', 'b.ts'],
    ],
    [
      'by a type and by way of folders',
      {
        'x/a.ts': "import type { B } from '../y/b.ts';",
        'y/b.ts': "export * from './c.ts';",
        'y/c.ts': "await import('../x/a.ts');",
        'y/d.ts': "import './c.ts';",
      },
      ['x/a.ts', 'y/b.ts', 'y/c.ts'],
    ],
    ['of one file', { 'a.ts': "import { a } from './a.ts';" }, ['a.ts']],
  ])('a circle %s is found', (_, planted, circle) => {
    expect(circles(new Map(Object.entries(planted)))).toEqual([circle]);
  });
});

describe('files are small and have their place', () => {
  const linesOf = (source: string) => source.split('\n').length - 1;
  /** Data and schemas: one long table is easier to read than two halves of it. */
  const TABLES = ['config/schema.ts', 'sms/tencent/codes.ts'];

  it('five files are at the root, everything else has a folder', () => {
    const root = files.filter((path) => !path.includes('/')).sort();
    expect(root).toEqual(['app.ts', 'background.ts', 'event.ts', 'http-server.ts', 'main.ts']);
  });

  it('none has more than 220 lines but tables of data', () => {
    const long = [...sources].filter(([, source]) => linesOf(source) > 220).map(([path]) => path);
    expect(long.filter((path) => !TABLES.includes(path))).toEqual([]);
  });

  it('the median is at most 95 lines', () => {
    const lines = [...sources.values()].map(linesOf).sort((a, b) => a - b);
    expect(lines[Math.floor(lines.length / 2)]).toBeLessThanOrEqual(95);
  });
});

/** The negative control: each of these planted in a file of that name is found. */
describe('what the table forbids is found', () => {
  it.each<[path: string, source: string, violation: string]>([
    ['domain/x.ts', "import type { Event } from '../event.ts';", 'domain/x.ts imports types of event.ts'],
    ['domain/x.ts', "import { Redis } from 'ioredis';", 'domain/x.ts imports ioredis'],
    ['domain/x.ts', "import { lookup } from 'node:dns';", 'domain/x.ts imports node:dns'],
    ['domain/x.ts', "import { Socket } from 'node:net';", 'domain/x.ts does I/O'],
    ['domain/x.ts', "import { createConnection } from 'node:net';", 'domain/x.ts does I/O'],
    [
      'domain/deep/x.ts',
      "import { \n  a, \n  b, \n } from '../../store/store.ts';",
      'domain/deep/x.ts imports store/store.ts',
    ],
    ['verification/x.ts', "import { Redis } from 'ioredis';", 'verification/x.ts imports ioredis'],
    [
      'verification/x.ts',
      "import { StoreUnavailable } from '../store/store.ts';",
      'verification/x.ts imports store/store.ts',
    ],
    [
      'verification/x.ts',
      "import { type Store } from '../store/store.ts';",
      'verification/x.ts imports store/store.ts',
    ],
    [
      'verification/x.ts',
      "import type { Redis } from '../store/redis.ts';",
      'verification/x.ts imports types of store/redis.ts',
    ],
    [
      'rpc/x.ts',
      "import { createVerifier } from '../verification/verifier.ts';",
      'rpc/x.ts imports verification/verifier.ts',
    ],
    ['rpc/x.ts', "import type { Store } from '../store/store.ts';", 'rpc/x.ts imports types of store/store.ts'],
    ['store/x.ts', "export { logger } from '../ops/logger.ts';", 'store/x.ts imports ops/logger.ts'],
    ['sms/x.ts', "export * from '../store/store.ts';", 'sms/x.ts imports store/store.ts'],
    [
      'sms/x.ts',
      "import type {} from '../verification/verifier.ts';",
      'sms/x.ts imports types of verification/verifier.ts',
    ],
    ['ops/x.ts', "import '../sms/console.ts';", 'ops/x.ts imports sms/console.ts'],
    ['ops/x.ts', "const x = await import('../rpc/grpc.ts');", 'ops/x.ts imports rpc/grpc.ts'],
    ['event.ts', "import { Refused } from './domain/refusal.ts';", 'event.ts imports domain/refusal.ts'],
    ['config/x.ts', "import { createApp } from '../app.ts';", 'config/x.ts imports app.ts'],
    ['cli/x.ts', "import { x } from '../main.ts';", 'cli/x.ts imports main.ts'],
    ['utils.ts', '', 'utils.ts belongs to no layer'],
    ['domain/x.ts', 'const t = Date.now();', 'domain/x.ts reads a clock'],
    ['domain/x.ts', 'const t = new Date();', 'domain/x.ts reads a clock'],
    ['domain/x.ts', `const t = \`\${Date.now()}\`;`, 'domain/x.ts reads a clock'],
    ['domain/x.ts', 'const r = Math.random();', 'domain/x.ts draws randomness'],
    ['domain/x.ts', "import { randomBytes } from 'node:crypto';", 'domain/x.ts draws randomness'],
    ['domain/x.ts', 'const k = crypto.subtle;', 'domain/x.ts reaches for globals'],
    ['domain/x.ts', 'const e = process.env;', 'domain/x.ts touches the process'],
    ['domain/x.ts', 'export async function f() {}', 'domain/x.ts is not synchronous'],
    ['domain/x.ts', 'setTimeout(f, 1);', 'domain/x.ts is not synchronous'],
    ['domain/x.ts', "fetch('https://example.com');", 'domain/x.ts does I/O'],
    ['rpc/x.ts', 'function f(x: any) {}', 'rpc/x.ts uses any'],
    ['rpc/x.ts', 'const x = y as any;', 'rpc/x.ts uses any'],
    ['rpc/x.ts', 'const x: Map<string, any> = y;', 'rpc/x.ts uses any'],
    ['sms/x.ts', 'export default function f() {}', 'sms/x.ts exports a default'],
    ['sms/x.ts', 'export { f as default };', 'sms/x.ts exports a default'],
    ['store/x.ts', 'process.exit(1);', 'store/x.ts ends the process'],
  ])('%s: %s', (path, source, violation) => {
    expect(violations(path, source)).toEqual([violation]);
  });
});

describe('what the table allows is let through', () => {
  it.each([
    ['domain/x.ts', "import { createHmac } from 'node:crypto';\nimport { a } from './y.ts';"],
    ['domain/x.ts', "import { isSupportedCountry } from 'libphonenumber-js/max';"],
    [
      'domain/x.ts',
      "/** Not Date.now(), any process. */\n// import { Redis } from 'ioredis';\nconst s = 'Math.random';",
    ],
    ['domain/x.ts', 'const d = new Date(ms);'],
    ['verification/x.ts', "import type { Store } from '../store/store.ts';\nexport type * from './types.ts';"],
    ['rpc/x.ts', "import type { Verifier } from '../verification/verifier.ts';\nconst p = Promise.any([]);"],
    ['store/x.ts', "import { Redis } from 'ioredis';\nconst url = 'redis://x'; // any"],
    ['app.ts', "import { createGrpcEdge } from './rpc/grpc.ts';\nimport { pino } from 'pino';"],
    ['main.ts', "import { createApp } from './app.ts';\nprocess.exit(1);"],
    ['cli/x.ts', 'process.exitCode = 1;'],
  ])('%s: %s', (path, source) => {
    expect(violations(path, source)).toEqual([]);
  });
});
