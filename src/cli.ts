/** The subcommands of the one binary. Returns exit codes; only main.ts ends the process. */
import { parseArgs } from 'node:util';
import pkg from '../package.json' with { type: 'json' };
import { addressOf, reach } from './config/address.ts';
import { type Config, ConfigError, loadConfig } from './config.ts';

export interface Surroundings {
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
  config       print the effective configuration as YAML, secrets masked
  healthcheck  exit 0 if the service on this machine is alive, 1 if not

  --help, --version

Configured by the environment and the YAML file that COUNTERSIGN_CONFIG names.
`;

const HEALTHCHECK_MS = 2000;

/** The exit code, or null when the service was started and runs on. */
export async function runCli(args: readonly string[], surroundings: Surroundings): Promise<number | null> {
  const { env, readFile, out, err, serve } = surroundings;
  const command = parse(args);
  if (command === null) {
    err(HELP);
    return 2;
  }
  if (command === 'help' || command === 'version') {
    out(command === 'help' ? HELP : `${pkg.version}\n`);
    return 0;
  }
  try {
    const config = loadConfig(env, readFile);
    switch (command) {
      case 'serve':
        await serve(config);
        return null;
      case 'config': {
        for (const warning of config.warnings) err(`warning: ${warning}\n`);
        const { describeConfig } = await import('./config/describe.ts');
        out(describeConfig(config));
        return 0;
      }
      case 'healthcheck':
        return await healthcheck(config, err);
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    err(`${error.message}\n`);
    return 1;
  }
}

const COMMANDS = ['serve', 'config', 'healthcheck'] as const;
type Command = (typeof COMMANDS)[number] | 'help' | 'version';

/** Null when the arguments make no sense. */
function parse(args: readonly string[]): Command | null {
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    options: { help: { type: 'boolean', short: 'h' }, version: { type: 'boolean', short: 'v' } },
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  if (tokens.some((token) => token.kind === 'option' && token.name !== 'help' && token.name !== 'version')) return null;
  if (values.help) return 'help';
  if (values.version) return 'version';
  const [command = 'serve', ...rest] = positionals;
  return rest.length === 0 ? (COMMANDS.find((known) => known === command) ?? null) : null;
}

/**
 * Asks /livez, not /readyz: whoever asks restarts what is unhealthy, and a restart does not bring Redis back. Traffic is
 * steered by /readyz and by grpc.health.v1.
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
