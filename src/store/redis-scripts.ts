/**
 * The Lua scripts: loaded, and called. Each call is one EVALSHA, sent once, measured, and answered in time or in doubt.
 * Doubt is a refusal.
 */
import { readFileSync } from 'node:fs';
import { Refused } from '../domain/refusal.ts';
import type { Emit } from '../event.ts';
import { type ConnectionOptions, connect } from './connection.ts';
import { withConstants } from './lua-constants.ts';
import { explainOutage } from './outage.ts';
import type { Reply } from './replies.ts';
import { createReplyTimeout } from './reply-timeout.ts';

/** Each script is one atomic transition: its number of keys, null when a call says it first, and the files of lua/lib that it needs. */
const SCRIPTS = {
  send: { keys: 5, libraries: ['record', 'usable', 'answer', 'windows', 'limits'] },
  settle: { keys: 4, libraries: ['record', 'answer', 'windows', 'reports'] },
  check: { keys: 4, libraries: ['record'] },
  cancel: { keys: 2, libraries: ['record', 'usable', 'view'] },
  status: { keys: 4, libraries: ['record', 'usable', 'windows', 'limits', 'view'] },
  report: { keys: 1, libraries: ['record', 'usable', 'reports'] },
  link: { keys: 2, libraries: ['links'] },
  lookup: { keys: 2, libraries: ['links'] },
  take: { keys: null, libraries: ['rows'] },
  give: { keys: null, libraries: ['rows'] },
  ready: { keys: 1, libraries: [] },
} as const satisfies Record<string, { readonly keys: number | null; readonly libraries: readonly string[] }>;

export type ScriptName = keyof typeof SCRIPTS;
export type Scripts = Record<ScriptName, string>;

export const SCRIPT_NAMES = Object.keys(SCRIPTS) as ScriptName[];

export interface ScriptSources {
  /** Lua put after the prelude, where it can shadow `clock` and `replication_id`: tests turn the clock with it. */
  readonly override?: string;
  /** The text of a file of lua/, for example `check` or `lib/record`. */
  readonly read?: (file: string) => string;
}

export function loadScripts({ override = '', read = readScript }: ScriptSources = {}): Scripts {
  const load = (name: ScriptName) => {
    const libraries = SCRIPTS[name].libraries.map((library) => read(`lib/${library}`));
    return withConstants([read('lib/prelude'), override, ...libraries, read(name)].join('\n'));
  };
  return Object.fromEntries(SCRIPT_NAMES.map((name) => [name, load(name)])) as Scripts;
}

export function readScript(file: string): string {
  return readFileSync(new URL(`./lua/${file}.lua`, import.meta.url), 'utf8');
}

export interface ScriptCallOptions extends ConnectionOptions {
  readonly emit: Emit;
  /** Called at each new connection. Whether the server behind it is fit is another question. */
  readonly connected: () => void;
  /** Tests run scripts of their own. With `now`, the time is appended to each script's arguments. */
  readonly scripts?: Readonly<Scripts>;
  readonly now?: () => number;
}

export interface ScriptCalls {
  /** Throws Refused with STORE_UNAVAILABLE, or the fault of the script. */
  run<T>(script: ScriptName, decode: (reply: Reply) => T, keysAndArguments: readonly string[]): Promise<T>;
  close(): void;
}

type Script = (...keysAndArguments: (string | number)[]) => Promise<Reply>;

const RETRY_AFTER_MS = 1_000;

export function createScriptCalls(options: ScriptCallOptions): ScriptCalls {
  const { emit, clock, now } = options;
  const client = connect(options);
  const inTime = createReplyTimeout(options.commandTimeoutMs, clock);
  let lost: string | null = null;

  function unavailable(error: unknown): Refused {
    const cause = error instanceof Error ? error : new Error(String(error));
    const { why, untouched, full } = explainOutage(cause, { timeoutMs: options.commandTimeoutMs, lost });
    const refusal = { reason: 'STORE_UNAVAILABLE', retryAfterMs: RETRY_AFTER_MS, untouched, full } as const;
    return new Refused(refusal, { cause: new Error(why, { cause }) });
  }

  client.on('ready', () => {
    lost = null;
    options.connected();
  });
  // Without a listener ioredis writes to the console. Calls reject meanwhile, for this reason.
  client.on('error', (error: Error) => {
    const refused = unavailable(error);
    lost = (refused.cause as Error).message;
    emit({ type: 'store_connection', state: 'lost', error: refused });
  });

  const sources = options.scripts ?? loadScripts();
  for (const name of SCRIPT_NAMES) {
    const { keys } = SCRIPTS[name];
    client.defineCommand(`cs_${name}`, { lua: sources[name], ...(keys !== null && { numberOfKeys: keys }) });
  }
  const scripts = client as unknown as Record<`cs_${ScriptName}`, Script>;

  return {
    async run(script, decode, keysAndArguments) {
      const start = clock();
      const done = (error: Error | null) =>
        emit({ type: 'store', operation: script, error, seconds: (clock() - start) / 1000 });
      const sent = now ? [...keysAndArguments, String(now())] : keysAndArguments;
      try {
        const reply = decode(await inTime(scripts[`cs_${script}`](...sent)));
        done(null);
        return reply;
      } catch (cause) {
        const error = isScriptFault(cause) ? cause : unavailable(cause);
        done(error);
        throw error;
      }
    },
    close: () => client.disconnect(),
  };
}

/** A script that is wrong, as opposed to a server that is away, read-only, loading, full or failing over. */
function isScriptFault(error: unknown): error is Error {
  return (
    error instanceof Error &&
    /^(ERR (?!max number of clients)|WRONGTYPE|a script answered|\w+\.lua )/.test(error.message)
  );
}
