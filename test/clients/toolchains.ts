/** Programs of other languages: whether this machine has them, and running them. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { delimiter, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ROOT } from '../support/markdown.ts';

/** Commands that succeed where a language can be tested. */
const PROBES = {
  TypeScript: ['npm --version'],
  Go: ['go version'],
  protoc: ['protoc --version'],
  Python: ['python3 -c "import ensurepip, venv"'],
  Java: ['javac --release 17 -version', 'mvn --version'],
} as const satisfies Record<string, readonly string[]>;

export type Toolchain = keyof typeof PROBES;

/** How tools say that they reached no registry, or that they are older than the example asks for. */
const LACKING =
  /no such host|dial tcp|requires go >=|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|NewConnectionError|Could not transfer artifact/;

/** The first command that fails on this machine; undefined when nothing is missing. */
export function missing(toolchains: readonly Toolchain[]): string | undefined {
  const probes = toolchains.flatMap((toolchain) => [...PROBES[toolchain]]);
  return probes.find((probe) => spawnSync('sh', ['-c', probe], { env: environment(), stdio: 'ignore' }).status !== 0);
}

/** The line of an output that says what the machine lacks; undefined when the failure is one of ours. */
export function lackIn(output: string): string | undefined {
  return output.split('\n').find((line) => LACKING.test(line));
}

export interface Ran {
  readonly code: number | null;
  /** Standard output and standard error. */
  readonly output: string;
}

/** Runs a script that ends at its first failure. `input` is typed when it is there. */
export async function run(
  script: string,
  { cwd, env, input }: { cwd: string; env?: Readonly<Record<string, string>>; input?: Promise<string> },
): Promise<Ran> {
  const child = spawn('sh', ['-ec', `exec 2>&1\n${script}`], {
    cwd,
    env: environment(env),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // A program that has ended reads no input: that it ended early is in its output.
  child.stdin.on('error', () => undefined);
  void Promise.resolve(input ?? '').then((typed) => child.stdin.end(typed));
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'close') as Promise<[number | null]>]);
  return { code, output };
}

/** The tools of node_modules come first; Go is often installed without being on the PATH. */
function environment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const path = [join(ROOT, 'node_modules/.bin'), process.env.PATH, '/usr/local/go/bin'];
  return { ...process.env, PATH: path.join(delimiter), ...env };
}
