/** The subcommands of the one binary. Returns exit codes; only main.ts ends the process. */
import { parseArgs } from 'node:util';
import pkg from '../../package.json' with { type: 'json' };
import { addressOf, reach } from '../config/address.ts';
import { ConfigError, loadExplained } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { HEALTHCHECK_MS } from '../domain/deadlines.ts';
import type { SendTestOptions } from './send-test.ts';

export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readFile(path: string): string;
  out(text: string): void;
  err(text: string): void;
  /** Starts the service, which runs on. */
  serve(config: Config): Promise<void>;
}

const HELP = `countersign ${pkg.version}: SMS verification as a service

Usage: countersign [command]

  serve        serve until SIGTERM or SIGINT (the default)
  config       print the effective configuration as YAML, with the origin of each value and secrets masked
  healthcheck  exit 0 if the service on this machine is alive, 1 if not
  send-test    send one real SMS by the configured providers, and explain what they say:
               --phone <number> [--provider <name>] [--purpose <name>] [--locale <tag>]
               [--variable <name>=<value> ...]
               exit 0 if one took it, 1 if none did or nobody knows, 2 if nothing was tried

  --help, --version

Configured by the environment and the YAML file that COUNTERSIGN_CONFIG names.
`;

/** The exit code, or null when the service was started and runs on. */
export async function runCli(args: readonly string[], context: CliContext): Promise<number | null> {
  const { env, readFile, out, err, serve } = context;
  const parsed = parse(args);
  if (parsed === null) {
    err(HELP);
    return 2;
  }
  const { command, options } = parsed;
  if (command === 'help' || command === 'version') {
    out(command === 'help' ? HELP : `${pkg.version}\n`);
    return 0;
  }
  try {
    const { config, sources } = loadExplained(env, readFile);
    switch (command) {
      case 'serve':
        await serve(config);
        return null;
      case 'config': {
        for (const warning of config.warnings) err(`warning: ${warning}\n`);
        const { describeConfig } = await import('../config/describe.ts');
        out(describeConfig(config, sources));
        return 0;
      }
      case 'healthcheck':
        return await healthcheck(config, err);
      case 'send-test':
        return await sendOne(config, options, context);
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    err(`${error.message}\n`);
    return 1;
  }
}

const COMMANDS = ['serve', 'config', 'healthcheck', 'send-test'] as const;
type Command = (typeof COMMANDS)[number] | 'help' | 'version';

const SEND_TEST_OPTIONS = {
  phone: { type: 'string' },
  provider: { type: 'string' },
  purpose: { type: 'string' },
  locale: { type: 'string' },
  variable: { type: 'string', multiple: true },
} as const;
type Options = Partial<SendTestOptions>;

/** Null when the arguments are not valid. */
function parse(args: readonly string[]): { command: Command; options: Options } | null {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: {
        ...SEND_TEST_OPTIONS,
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
      allowPositionals: true,
    });
    const { help, version, ...options } = values;
    if (help) return { command: 'help', options: {} };
    if (version) return { command: 'version', options: {} };
    const [word = 'serve', ...rest] = positionals;
    const command = COMMANDS.find((known) => known === word);
    if (command === undefined || rest.length > 0) return null;
    const fits = command === 'send-test' ? options.phone !== undefined : Object.keys(options).length === 0;
    return fits ? { command, options } : null;
  } catch {
    // parseArgs throws at options it does not know; the help lists all of them.
    return null;
  }
}

async function sendOne(config: Config, options: Options, { out, err }: CliContext): Promise<number> {
  const { SendTestError, sendTest } = await import('./send-test.ts');
  try {
    const sent = await sendTest(config, { ...options, phone: options.phone ?? '' }, (line) => out(`${line}\n`));
    return sent ? 0 : 1;
  } catch (error) {
    if (!(error instanceof SendTestError)) throw error;
    err(`${error.message}\n`);
    return 2;
  }
}

/**
 * Asks /livez, not /readyz: an orchestrator restarts what is unhealthy, and a restart does not bring Redis back.
 * /readyz and grpc.health.v1 decide where traffic goes.
 */
async function healthcheck(config: Config, err: (text: string) => void): Promise<number> {
  const url = `http://${reach(addressOf(config.listen.ops))}/livez`;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HEALTHCHECK_MS) });
    if (response.ok) return 0;
    err(`${url} answers ${response.status}\n`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    err(`${url} does not answer\n`);
  }
  return 1;
}
