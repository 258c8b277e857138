/**
 * Mutation test of the Lua: `npm run mutation:lua [-- <file> ...]`, for example `check` or `lib/limits`. Each script is
 * changed in one place at a time, and the suites of the store run against it (test/store/mutants.ts) until a test fails. A survivor is a place
 * where a script may break and no test fails. Prints what killed each mutant, then a table; survivors are no error.
 */
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { createVitest, type Vitest } from 'vitest/node';
import { loadScripts, readScript, SCRIPT_NAMES } from '../src/store/redis-scripts.ts';
import type { LuaMutant } from '../test/support/lua-mutant.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { type Mutant, mutantsOf } from './lua-mutants.ts';

const ROOT = resolve(import.meta.dirname, '..');
const AT_ONCE = 2;

const SUITES = ['connection', 'keys', 'contract', 'model'] as const;
const TESTS = join(ROOT, 'test/store/mutants.ts');
/** Mutants that one run of the tests goes through. */
const BATCH = 40;

interface Queued {
  readonly file: string;
  readonly mutant: Mutant;
}

interface Verdict extends Queued {
  /** Null when it survived. */
  readonly killedBy: string | null;
  readonly test: string;
}

const UNCHANGED: LuaMutant = { file: '', text: '' };

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

async function openRunner(): Promise<Vitest> {
  const options: Parameters<typeof createVitest>[1] = {
    root: ROOT,
    config: false,
    watch: false,
    include: [TESTS],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: [{}],
    maxWorkers: 1,
    // So long that a slow machine kills no mutant.
    hookTimeout: 300_000,
    testTimeout: 300_000,
  };
  const vitest = await createVitest('test', options, { logLevel: 'silent' });
  await vitest.standalone();
  return vitest;
}

/** What killed each of them, in their order. */
async function killers(vitest: Vitest, mutants: readonly LuaMutant[]): Promise<Pick<Verdict, 'killedBy' | 'test'>[]> {
  vitest.provide('luaMutants', mutants);
  const specification = vitest.getRootProject().createSpecification(TESTS);
  const { testModules, unhandledErrors } = await vitest.runTestSpecifications([specification]);
  const [module] = testModules;
  if (!module || module.errors().length > 0 || unhandledErrors.length > 0) {
    throw new Error('the tests of the mutants do not run', { cause: module?.errors()[0] ?? unhandledErrors[0] });
  }
  const suites = [...module.children.suites()];
  if (suites.length !== mutants.length) throw new Error(`${suites.length} of ${mutants.length} mutants were tested`);
  return suites.map((suite) => {
    const [test] = suite.children.allTests('failed');
    const [broken] = [...suite.children.allSuites()].filter((each) => each.errors().length > 0);
    const [, killedBy = null, ...rest] = (test ?? broken)?.fullName.split(' > ') ?? [];
    return { killedBy, test: test ? rest.join(' > ') : 'before its tests' };
  });
}

async function work(queue: Queued[], done: Verdict[]): Promise<void> {
  const vitest = await openRunner();
  for (let batch = queue.splice(0, BATCH); batch.length > 0; batch = queue.splice(0, BATCH)) {
    const mutants = batch.map(({ file, mutant }) => ({ file, text: mutant.text }));
    const found = await killers(vitest, [...mutants, UNCHANGED]);
    const unchanged = found.pop();
    // One mutant must not kill the next, by what it leaves in Redis.
    if (unchanged?.killedBy !== null) throw new Error(`red without a mutant: ${unchanged?.test}`);
    for (const [index, { file, mutant }] of batch.entries()) {
      const { killedBy, test } = found[index] ?? { killedBy: null, test: '' };
      done.push({ file, mutant, killedBy, test });
      print(`${file}.lua:${mutant.line}  ${mutant.change}\n    ${killedBy ? `${killedBy}: ${test}` : 'SURVIVED'}`);
    }
    process.stderr.write(`${done.length} done, ${queue.length} left\n`);
  }
  await vitest.close();
}

function table(done: readonly Verdict[]): string[] {
  const head = ['script', 'mutants', ...SUITES, 'survived', 'killed'];
  const row = (name: string, of: readonly Verdict[]) => {
    const by = (suite: string | null) => of.filter(({ killedBy }) => killedBy === suite).length;
    const share = `${((100 * (of.length - by(null))) / of.length).toFixed(1)} %`;
    return [name, of.length, ...SUITES.map(by), by(null), share];
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
// A mutant may let a record grow without end.
const server = await startRedis({ args: ['--maxmemory', '128mb'] });
process.env.TEST_REDIS_URL = server.url;
try {
  const queue: Queued[] = [];
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
