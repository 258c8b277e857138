/**
 * The store on Redis: standalone or Cluster. One script per transition, one round trip per call, all keys of a call on
 * one slot. A command is sent once: a reply that is late or lost means "in doubt", and doubt is a refusal.
 */
import {
  APPROVAL_RETENTION_MS,
  COOLDOWN_MEMORY_MS,
  COOLDOWN_STEPS,
  GUESS_BUDGETS,
  REPLAY_MS,
  RETENTION_MS,
} from '../domain/policy.ts';
import { Refused } from '../domain/refusal.ts';
import type { Emit, StoreOperation } from '../event.ts';
import { type ConnectionOptions, connect } from './connection.ts';
import { keysOf } from './keys.ts';
import { checkReply, type Reply, readyReply, recordReply, sendReply, settleReply, statusReply } from './replies.ts';
import { loadScripts, SCRIPTS, type ScriptName } from './scripts.ts';
import type { SendRules, Slot, Store } from './store.ts';

export interface RedisStoreOptions extends ConnectionOptions {
  /** First part of every key. */
  readonly keyPrefix: string;
  readonly emit: Emit;
  /** Monotonic milliseconds, for the latency of calls. */
  readonly clock: () => number;
  /** Tests run scripts of their own. With `now`, the time is appended to each script's arguments. */
  readonly scripts?: Readonly<Record<ScriptName, string>>;
  readonly now?: () => number;
}

type Script = (...keysAndArguments: (string | number)[]) => Promise<Reply>;

const RETRY_AFTER_MS = 1_000;
/** A command that ioredis did not even write: there is no connection, and no queue for one. */
const NOT_WRITTEN = /enableOfflineQueue options is false$/;
const BUDGET_RULES = { budgets: GUESS_BUDGETS, retentionMs: RETENTION_MS, approvalMs: APPROVAL_RETENTION_MS };
const COOLDOWN_RULES = { cooldownSteps: COOLDOWN_STEPS, cooldownMemoryMs: COOLDOWN_MEMORY_MS };
const RECORD_RULES = JSON.stringify(BUDGET_RULES);

export function createRedisStore(options: RedisStoreOptions): Store {
  const { keyPrefix, emit, clock, now } = options;
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

  function run<T>(script: ScriptName, decode: (reply: Reply) => T, keysAndArguments: string[]): Promise<T> {
    if (now) keysAndArguments.push(String(now()));
    const reply = () => inTime(scripts[`cs_${script}`](...keysAndArguments), options.commandTimeoutMs);
    return timed(script, async () => decode(await reply()));
  }

  return {
    send({ slot, rules, sendId, candidate, session, request }) {
      const keys = keysOf(keyPrefix, slot);
      return run('send', sendReply, [
        keys.verification,
        keys.sends,
        keys.failures,
        keys.approvals,
        keys.answer(request),
        sendRules(rules),
        sendId,
        candidate.nonce,
        candidate.seed,
        candidate.codeMac,
        session,
        request?.content ?? '',
      ]);
    },

    settle({ slot, sendId, requestHash, delivery }) {
      const keys = keysOf(keyPrefix, slot);
      return run('settle', settleReply, [
        keys.verification,
        keys.sends,
        keys.failures,
        keys.answer(requestHash === null ? null : { hash: requestHash }),
        sendId,
        delivery === null ? '' : JSON.stringify(delivery),
        RECORD_RULES,
      ]);
    },

    check({ slot, nonce, session, codeMac, request, guessesByPhone }) {
      const keys = keysOf(keyPrefix, slot);
      return run('check', checkReply, [
        keys.verification,
        keys.failures,
        keys.approvals,
        keys.verdict(request),
        nonce ?? '',
        session,
        codeMac,
        request?.content ?? '',
        String(guessesByPhone),
        owner(slot),
        String(REPLAY_MS),
        String(APPROVAL_RETENTION_MS),
      ]);
    },

    cancel({ slot, nonce }) {
      const keys = keysOf(keyPrefix, slot);
      return run('cancel', recordReply, [keys.verification, keys.approvals, nonce, owner(slot), RECORD_RULES]);
    },

    status({ slot, nonce, cooldownMs, windows }) {
      const keys = keysOf(keyPrefix, slot);
      return run('status', statusReply, [
        keys.verification,
        keys.sends,
        keys.failures,
        keys.approvals,
        JSON.stringify({ cooldownMs, windows, ...COOLDOWN_RULES, ...BUDGET_RULES }),
        nonce ?? '',
        owner(slot),
      ]);
    },

    ready: () => run('ready', readyReply, [`${keyPrefix}:{ready}`]),

    async close() {
      client.disconnect();
    },
  };
}

function sendRules(rules: SendRules): string {
  const longest = Math.max(
    COOLDOWN_MEMORY_MS,
    rules.cooldownMs * Math.max(...COOLDOWN_STEPS),
    ...rules.windows.map(({ windowMs }) => windowMs),
  );
  return JSON.stringify({ ...rules, ...COOLDOWN_RULES, ...BUDGET_RULES, keepSendsMs: longest, replayMs: REPLAY_MS });
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

/** Whose approval it is, within a phone's slot. */
function owner({ caller, purpose }: Slot): string {
  return `${caller}:${purpose}`;
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
