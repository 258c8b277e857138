/** The program: the command line, the signals, and the only calls of process.exit. */
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import type { Config } from './config/schema.ts';

// Halves the time of every start but the first. It works only for modules that are imported after this line.
enableCompileCache();
const { runCli } = await import('./cli/cli.ts');

async function serve(config: Config): Promise<void> {
  const { createApp } = await import('./app.ts');
  const { STOP_MS } = await import('./domain/deadlines.ts');
  const app = createApp(config);
  let stopping = false;
  const stop = async () => {
    // A second signal: do not wait for the drain.
    if (stopping) process.exit(1);
    stopping = true;
    setTimeout(() => process.exit(1), STOP_MS).unref();
    await app.stop();
    process.exit(0);
  };
  // Before the log says `serving`: a supervisor that reads it may end the process at once.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  const ports = await app.start();

  process.on('unhandledRejection', (error) => app.report('unhandledRejection', error));
  process.on('uncaughtException', (error) => {
    app.report('uncaughtException', error);
    process.exit(1);
  });

  if (config.mode === 'production') return;
  const { firstCalls } = await import('./cli/quick-start.ts');
  process.stdout.write(firstCalls(config, ports));
}

try {
  const exitCode = await runCli(process.argv.slice(2), {
    env: process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    serve,
  });
  if (exitCode !== null) process.exit(exitCode);
} catch (error) {
  // No call was served yet, so the message cannot hold a phone or a code.
  process.stderr.write(`countersign: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
