/** Where the log goes, and in which form. event-log.ts decides what is logged. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import { scrub } from './scrub.ts';

export interface LoggerOptions {
  readonly level: string;
  /** Lines for people instead of one JSON object a line. */
  readonly pretty: boolean;
  /** Standard output when unset. */
  readonly destination?: DestinationStream;
}

export async function createLogger({ level, pretty, destination }: LoggerOptions): Promise<Logger> {
  const target = destination ?? pino.destination({ fd: 1, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: scrub },
    },
    pretty ? await prettied(target, destination === undefined && process.stdout.isTTY) : target,
  );
}

async function prettied(target: DestinationStream, colorize: boolean): Promise<DestinationStream> {
  const { prettyStream } = await import('./pretty.ts');
  return prettyStream(target, colorize);
}
