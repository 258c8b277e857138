/**
 * Calls of the scripts: each is one EVALSHA, sent once, measured, and answered in time or in doubt. Doubt is a refusal.
 */
import { Refused } from '../domain/refusal.ts';
import type { Emit, StoreOperation } from '../event.ts';
import { type ConnectionOptions, connect } from './connection.ts';
import type { Reply } from './replies.ts';
import { loadScripts, SCRIPTS, type ScriptName } from './scripts.ts';

export interface ScriptCallOptions extends ConnectionOptions {
  readonly emit: Emit;
  /** Monotonic milliseconds, for the latency of calls. */
  readonly clock: () => number;
  /** Tests run scripts of their own. With `now`, the time is appended to each script's arguments. */
  readonly scripts?: Readonly<Record<ScriptName, string>>;
  readonly now?: () => number;
}

export interface ScriptCalls {
  /** Throws Refused with STORE_UNAVAILABLE, or what is wrong with the script. */
  run<T>(script: ScriptName, decode: (reply: Reply) => T, keysAndArguments: readonly string[]): Promise<T>;
  close(): void;
}

type Script = (...keysAndArguments: (string | number)[]) => Promise<Reply>;

const RETRY_AFTER_MS = 1_000;
/** A command that ioredis did not even write: there is no connection, and no queue for one. */
const NOT_WRITTEN = /enableOfflineQueue options is false$/;

export function createScriptCalls(options: ScriptCallOptions): ScriptCalls {
  const { emit, clock, now } = options;
  const client = connect(options);
  client.on('ready', () => emit({ type: 'store_connection', state: 'ready' }));
  // Without a listener ioredis writes to the console; the error itself comes back from each call.
  client.on('error', (error: Error) => emit({ type: 'store_connection', state: 'lost', error }));

  const sources = options.scripts ?? loadScripts();
  for (const [name, numberOfKeys] of Object.entries(SCRIPTS)) {
    client.defineCommand(`cs_${name}`, { lua: sources[name as ScriptName], numberOfKeys });
  }
  const scripts = client as unknown as Record<`cs_${ScriptName}`, Script>;

  async function timed<T>(operation: StoreOperation, call: () => Promise<T>): Promise<T> {
    const start = clock();
    const done = (error: Error | null) => emit({ type: 'store', operation, error, seconds: (clock() - start) / 1000 });
    try {
      const reply = await call();
      done(null);
      return reply;
    } catch (cause) {
      const error = isScriptFault(cause) ? cause : unavailable(cause);
      done(error);
      throw error;
    }
  }

  return {
    run(script, decode, keysAndArguments) {
      const sent = now ? [...keysAndArguments, String(now())] : keysAndArguments;
      const reply = () => inTime(scripts[`cs_${script}`](...sent), options.commandTimeoutMs);
      return timed(script, async () => decode(await reply()));
    },
    close: () => client.disconnect(),
  };
}

/**
 * Rejects when the reply does not come in time. A process that was held up finds its timers due before it reads its
 * sockets: replies that have arrived by then are read first, so that only the server's silence counts.
 */
function inTime<T>(reply: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => setImmediate(() => reject(new Error('Command timed out'))), ms);
    reply.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** An answer that Redis refused to run the script (LOADING, READONLY, OOM, …) is as sure as a command never written. */
function unavailable(error: unknown): Refused {
  const untouched = error instanceof Error && (error.name === 'ReplyError' || NOT_WRITTEN.test(error.message));
  return new Refused({ reason: 'STORE_UNAVAILABLE', retryAfterMs: RETRY_AFTER_MS, untouched }, { cause: error });
}

/** A script that is wrong, as opposed to a server that is away, read-only, loading, full or failing over. */
function isScriptFault(error: unknown): error is Error {
  return (
    error instanceof Error &&
    /^(ERR (?!max number of clients)|WRONGTYPE|a script answered|\w+\.lua )/.test(error.message)
  );
}
