import { spawn } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '..');

export interface Ran {
  /** Exit status; null when the time ran out or the command could not be started. */
  readonly code: number | null;
  /** Standard output and standard error, as they came. */
  readonly output: string;
  readonly seconds: number;
}

/**
 * Runs a command from the repository's root, with the tools of node_modules first on the PATH and no standard input.
 * Never rejects: a command that cannot be started has the reason as its output. `echo` also shows the output live.
 */
export function run(command: readonly string[], options: { echo?: boolean; timeoutMs?: number } = {}): Promise<Ran> {
  const started = performance.now();
  const [name = '', ...args] = command;
  const { promise, resolve: done } = Promise.withResolvers<Ran>();
  // A process group of its own, so that running out of time ends what the command has started as well.
  const child = spawn(name, args, { cwd: ROOT, env: environment(), stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const chunks: Buffer[] = [];
  const collect = (chunk: Buffer) => {
    chunks.push(chunk);
    if (options.echo) process.stdout.write(chunk);
  };
  const finish = (code: number | null, note = '') => {
    clearTimeout(timer);
    done({ code, output: Buffer.concat(chunks).toString() + note, seconds: (performance.now() - started) / 1000 });
  };
  const timer = setTimeout(
    () => {
      if (child.pid) process.kill(-child.pid, 'SIGKILL');
      finish(null, `\nstopped after ${(options.timeoutMs ?? 0) / 60_000} minutes\n`);
    },
    options.timeoutMs ?? 2 ** 31 - 1,
  );
  child.stdout.on('data', collect);
  child.stderr.on('data', collect);
  child.on('error', (error) => finish(null, `${error.message}\n`));
  child.on('close', (code) => finish(code));
  return promise;
}

function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter) };
}
