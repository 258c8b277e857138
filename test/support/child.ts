/** Processes started by tests. None outlives the test run, however that ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';

export interface Child {
  readonly pid: number;
  stdout(): string;
  stderr(): string;
  /** False from the moment the process has ended. */
  running(): boolean;
  /** Resolves when a line of either stream matches; rejects, quoting the output, when the process ends before. */
  printed(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  signal(signal: NodeJS.Signals): void;
  /** Resolves with the exit code, null when a signal ended the process. */
  readonly exited: Promise<number | null>;
  /** SIGTERM, then SIGKILL after `graceMs`. Resolves with the exit code when the process has ended. */
  stop(graceMs?: number): Promise<number | null>;
}

export interface ChildOptions {
  /** The whole environment; nothing is inherited. */
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Removed when the test process dies without stopping the child. */
  readonly scratch?: string;
}

const HUNG_MS = 4 * 60_000;

export async function startChild(
  program: string,
  args: readonly string[],
  { env, cwd, scratch }: ChildOptions,
): Promise<Child> {
  const child = spawn(program, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  await once(child, 'spawn');
  const pid = child.pid as number;
  const watchdog = watch(pid, scratch ?? '');

  const output = { stdout: '', stderr: '' };
  const listeners = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
      for (const listener of listeners) listener();
    });
  }
  let running = true;
  // `close`, not `exit`: by then everything the process wrote has been read.
  const exited = once(child, 'close').then(([code]: (number | null)[]) => {
    running = false;
    watchdog.kill('SIGKILL');
    for (const listener of listeners) listener();
    return code ?? null;
  });

  return {
    pid,
    exited,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    running: () => running,
    signal: (signal) => void child.kill(signal),
    printed: (pattern, timeoutMs = HUNG_MS) =>
      new Promise((resolve, reject) => {
        const fail = (why: string) =>
          settle(() =>
            reject(new Error(`${program} ${why} before it printed ${pattern}:\n${output.stdout}${output.stderr}`)),
          );
        const timer = setTimeout(() => fail(`took ${timeoutMs} ms`), timeoutMs);
        const look = () => {
          const match = pattern.exec(output.stdout) ?? pattern.exec(output.stderr);
          if (match !== null) settle(() => resolve(match));
          else if (!running) fail('ended');
        };
        const settle = (finish: () => void) => {
          clearTimeout(timer);
          listeners.delete(look);
          finish();
        };
        listeners.add(look);
        look();
      }),
    stop: async (graceMs = HUNG_MS) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      if (running) {
        // A stopped process does not see SIGTERM until it is continued.
        child.kill('SIGTERM');
        child.kill('SIGCONT');
      }
      const code = await exited;
      clearTimeout(timer);
      return code;
    },
  };
}

/** A shell that reads from us for as long as we live, then kills the child: works even when we are killed with -9. */
function watch(pid: number, scratch: string) {
  const script = 'read -r line; kill -9 "$1"; if [ -n "$2" ]; then rm -rf "$2"; fi';
  const watchdog = spawn('/bin/sh', ['-c', script, 'sh', String(pid), scratch], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Its own process group: Ctrl-C in the terminal must not end it before us.
    detached: true,
  });
  watchdog.unref();
  (watchdog.stdin as Socket).unref();
  return watchdog;
}
