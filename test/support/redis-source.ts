/** Where a real Redis comes from. Without any, the tests that need one fail, and each says what to install. */
import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

export type RedisSource =
  /** A running server that belongs to somebody else: only keys under our own prefix may be touched. */
  { readonly kind: 'url'; readonly url: string } | ServerSource;

/** Something that can start servers of our own. */
export type ServerSource =
  | { readonly kind: 'program'; readonly path: string; readonly from: 'PATH' | 'apt-get' }
  | { readonly kind: 'container'; readonly image: string };

/** What the decision depends on. */
export interface Machine {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The absolute path of a program on the PATH. */
  find(program: string): Promise<string | null>;
  containerEngineAnswers(): Promise<boolean>;
  /** Whether this is Debian (or made of it) and we are root. */
  canInstall(): Promise<boolean>;
  install(debianPackage: string): Promise<void>;
}

const DEFAULT_IMAGE = 'redis:7-alpine';

/** The variable by which a run that found none tells its processes not to look, or to install, again. */
export const NO_REDIS = 'TEST_NO_REDIS';

/** For the shared server of a run: `TEST_REDIS_URL`, or a server of our own. */
export async function findRedis(machine: Machine): Promise<RedisSource> {
  const url = machine.env.TEST_REDIS_URL;
  return url ? { kind: 'url', url } : findServer(machine);
}

/** For servers that a test starts, configures and kills: the PATH, a container, or apt-get, in this order. */
export async function findServer(machine: Machine): Promise<ServerSource> {
  if (machine.env[NO_REDIS] !== undefined) throw new RedisMissing();
  const path = await machine.find('redis-server');
  if (path !== null) return { kind: 'program', path, from: 'PATH' };
  if (await machine.containerEngineAnswers()) {
    return { kind: 'container', image: machine.env.TEST_REDIS_IMAGE || DEFAULT_IMAGE };
  }
  if (!(await machine.canInstall())) throw new RedisMissing();
  try {
    await machine.install('redis-server');
  } catch (error) {
    throw new RedisMissing({ cause: error });
  }
  const installed = await machine.find('redis-server');
  if (installed === null) throw new RedisMissing();
  return { kind: 'program', path: installed, from: 'apt-get' };
}

/** One line, which says what to do. */
export class RedisMissing extends Error {
  override readonly name = 'RedisMissing';

  constructor(options?: ErrorOptions) {
    super(
      'There is no Redis: install redis-server (Debian, Ubuntu: sudo apt-get install redis-server; macOS: brew install redis; ' +
        'Alpine: apk add redis), or start Docker or Podman on Linux.',
      options,
    );
  }
}

const run = promisify(execFile);

export const thisMachine: Machine = {
  env: process.env,
  find: async (program) => {
    // Debian keeps some servers in sbin, which is not on every user's PATH.
    const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
    for (const folder of folders.filter((name) => name !== '')) {
      const path = join(folder, program);
      if (await answers(access(path, constants.X_OK))) return path;
    }
    return null;
  },
  containerEngineAnswers: async () => {
    // Elsewhere containers do not share our loopback, where the nodes of a cluster and our proxies meet.
    if (process.platform !== 'linux') return false;
    // Imported late: it is large, and of no use where there is a redis-server.
    const { getContainerRuntimeClient } = await import('testcontainers');
    return answers(getContainerRuntimeClient());
  },
  canInstall: async () => process.getuid?.() === 0 && (await answers(readFile('/etc/debian_version'))),
  install: async (debianPackage) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    // Another test process may be at it too: wait for the lock instead of failing.
    const lock = ['-o', 'DPkg::Lock::Timeout=120'];
    await run('apt-get', [...lock, 'update', '-qq'], { env });
    await run('apt-get', [...lock, 'install', '-y', '-qq', '--no-install-recommends', debianPackage], { env });
  },
};

/** Whether something can be done at all; why it cannot does not matter to the decision. */
function answers(attempt: Promise<unknown>): Promise<boolean> {
  return attempt.then(
    () => true,
    () => false,
  );
}
