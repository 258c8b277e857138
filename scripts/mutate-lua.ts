/**
 * Mutation test of the Lua: `npm run mutation:lua [-- <file> ...]`, for example `check` or `lib/limits`. Each script is
 * changed in one place at a time, and the suites of the store run against it until a test fails. A survivor is a place
 * where a script may break and no test fails. Prints what killed each mutant, then a table; survivors are no error.
 */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { createVitest, type TestRunResult, type Vitest } from 'vitest/node';
import { loadScripts, readScript, SCRIPT_NAMES } from '../src/store/redis-scripts.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { type Mutant, mutantsOf } from './lua-mutants.ts';

const ROOT = resolve(import.meta.dirname, '..');
const AT_ONCE = 2;

/** The quickest first. Tests that plant a bug are left out: they would not find the line that they replace. */
const SUITES = [
  { name: 'keys', file: 'test/store/keys.test.ts' },
  { name: 'contract', file: 'test/store/redis.test.ts' },
  { name: 'model', file: 'test/store/model.test.ts', testNamePattern: /over at least/ },
] as const;

type SuiteName = (typeof SUITES)[number]['name'];

interface Verdict {
  readonly file: string;
  readonly mutant: Mutant;
  /** Null when it survived. */
  readonly killedBy: SuiteName | null;
  readonly test: string;
}

const print = (line: string) => process.stdout.write(`${line}\n`);

/** Only what is still Lua: Redis parses every script that a file is part of. */
async function parsing(redis: Redis, file: string): Promise<Mutant[]> {
  const kept: Mutant[] = [];
  for (const mutant of mutantsOf(readScript(file))) {
    const scripts = loadScripts({ read: (name) => (name === file ? mutant.text : readScript(name)) });
    const parsed = SCRIPT_NAMES.map((name) => redis.script('LOAD', scripts[name]));
    if ((await Promise.allSettled(parsed)).every(({ status }) => status === 'fulfilled')) kept.push(mutant);
  }
  return kept;
}

function openRunner(): Promise<Vitest> {
  return createVitest(
    'test',
    {
      root: ROOT,
      config: false,
      watch: false,
      include: SUITES.map(({ file }) => file),
      globalSetup: ['test/support/global-setup.ts'],
      reporters: [{}],
      bail: 1,
      pool: 'threads',
      isolate: false,
      maxWorkers: 1,
      testTimeout: 20_000,
    },
    { logLevel: 'silent' },
  );
}

/** The first failing test of one file. A run's result still holds the other files as they ended before. */
function failureOf({ testModules, unhandledErrors }: TestRunResult, path: string): string | null {
  const module = testModules.find(({ moduleId }) => moduleId === path);
  const [failed] = module ? [...module.children.allTests('failed')] : [];
  if (failed) return failed.fullName;
  if (unhandledErrors.length > 0) return 'an error that no test caught';
  return module?.state() === 'passed' ? null : 'before its tests';
}

async function judge(vitest: Vitest, file: string, mutant: Mutant | null): Promise<Omit<Verdict, 'mutant'>> {
  if (mutant) vitest.provide('luaMutant', { file, text: mutant.text });
  for (const { name, file: suite, ...options } of SUITES) {
    const path = join(ROOT, suite);
    const specification = vitest.getRootProject().createSpecification(path, options);
    const test = failureOf(await vitest.runTestSpecifications([specification]), path);
    if (test !== null) return { file, killedBy: name, test };
  }
  return { file, killedBy: null, test: '' };
}

async function work(queue: { file: string; mutant: Mutant }[], done: Verdict[]): Promise<void> {
  const vitest = await openRunner();
  await vitest.standalone();
  const sound = await judge(vitest, '', null);
  if (sound.killedBy !== null) throw new Error(`red without a mutant: ${sound.killedBy}, ${sound.test}`);
  for (let next = queue.shift(); next; next = queue.shift()) {
    const { file, mutant } = next;
    const verdict = { ...(await judge(vitest, file, mutant)), mutant };
    done.push(verdict);
    const fate = verdict.killedBy === null ? 'SURVIVED' : `${verdict.killedBy}: ${verdict.test}`;
    print(`${file}.lua:${mutant.line}  ${mutant.change}\n    ${fate}`);
  }
  await vitest.close();
}

function table(done: readonly Verdict[]): string[] {
  const head = ['script', 'mutants', ...SUITES.map(({ name }) => name), 'survived', 'killed'];
  const row = (name: string, of: readonly Verdict[]) => {
    const by = (suite: SuiteName | null) => of.filter(({ killedBy }) => killedBy === suite).length;
    const share = `${((100 * (of.length - by(null))) / of.length).toFixed(1)} %`;
    return [name, of.length, ...SUITES.map((suite) => by(suite.name)), by(null), share];
  };
  const files = [...new Set(done.map(({ file }) => file))].sort();
  const rows = [
    head,
    head.map(() => '---'),
    ...files.map((file) =>
      row(
        `${file}.lua`,
        done.filter((one) => one.file === file),
      ),
    ),
    row('all', done),
  ];
  return rows.map((cells) => `| ${cells.join(' | ')} |`);
}

const asked = process.argv.slice(2);
const all = readdirSync(join(ROOT, 'src/store/lua'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.lua'))
  .map((path) => path.slice(0, -'.lua'.length));
const files = asked.length > 0 ? asked : all.sort();

const started = performance.now();
const server = await startRedis();
process.env.TEST_REDIS_URL = server.url;
try {
  const queue: { file: string; mutant: Mutant }[] = [];
  const redis = new Redis(server.url);
  for (const file of files) queue.push(...(await parsing(redis, file)).map((mutant) => ({ file, mutant })));
  await redis.script('FLUSH');
  redis.disconnect();
  print(`${queue.length} mutants of ${files.length} files`);
  const done: Verdict[] = [];
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(queue, done)));
  for (const line of ['', ...table(done), '']) print(line);
  print(`${((performance.now() - started) / 60_000).toFixed(1)} minutes`);
} finally {
  await server.stop();
}
