import { expect, test } from 'vitest';
import { findRedis, findServer, type Machine, RedisMissing } from './redis-source.ts';

interface Having {
  readonly url?: string;
  readonly program?: boolean;
  readonly engine?: boolean;
  readonly debianRoot?: boolean;
  readonly aptFails?: boolean;
}

/** A machine with these things and no others, and the list of what was done to it. */
function machine({ url, program = false, engine = false, debianRoot = false, aptFails = false }: Having) {
  const done: string[] = [];
  let installed = program;
  const it: Machine = {
    env: url === undefined ? {} : { TEST_REDIS_URL: url },
    find: async (name) => {
      done.push(`find ${name}`);
      return installed ? `/bin/${name}` : null;
    },
    containerEngineAnswers: async () => {
      done.push('ask the container engine');
      return engine;
    },
    canInstall: async () => debianRoot,
    install: async (name) => {
      done.push(`install ${name}`);
      if (aptFails) throw new Error('no network');
      installed = true;
    },
  };
  return { it, done };
}

const URL = 'redis://elsewhere:6379';
const ALL = { url: URL, program: true, engine: true, debianRoot: true };

test.each([
  ['TEST_REDIS_URL comes first', ALL, { kind: 'url', url: URL }, []],
  [
    'then the PATH',
    { ...ALL, url: '' },
    { kind: 'program', path: '/bin/redis-server', from: 'PATH' },
    ['find redis-server'],
  ],
  [
    'then a container',
    { engine: true, debianRoot: true },
    { kind: 'container', image: 'redis:7-alpine' },
    ['find redis-server', 'ask the container engine'],
  ],
  [
    'then apt-get',
    { debianRoot: true },
    { kind: 'program', path: '/bin/redis-server', from: 'apt-get' },
    ['find redis-server', 'ask the container engine', 'install redis-server', 'find redis-server'],
  ],
])('%s, and nothing after it is tried', async (_, having, source, steps) => {
  const { it, done } = machine(having);
  expect(await findRedis(it)).toEqual(source);
  expect(done).toEqual(steps);
});

test('a test that kills its server gets one of its own, whatever TEST_REDIS_URL says', async () => {
  expect(await findServer(machine(ALL).it)).toMatchObject({ kind: 'program' });
});

test.each([
  ['nothing at all', {}],
  ['an apt-get that fails', { debianRoot: true, aptFails: true }],
])('with %s the run fails and says what to install', async (_, having) => {
  const failure = await findRedis(machine(having).it).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(RedisMissing);
  const advice = ['apt-get install redis-server', 'brew install redis', 'apk add redis'];
  expect(advice.filter((line) => !String(failure).includes(line))).toEqual([]);
});
