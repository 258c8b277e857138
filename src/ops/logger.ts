/** The log: one record per RPC, and what else an operator must know. Only the fields named here are ever written. */
import { type DestinationStream, type Logger, pino, stdTimeFunctions } from 'pino';
import type { Event } from '../event.ts';
import { faultRecord } from './fault.ts';

export interface LoggerOptions {
  readonly level: string;
  /** Lines for people instead of one JSON object a line. */
  readonly pretty: boolean;
  /** Standard output when unset. */
  readonly destination?: DestinationStream;
}

/** Names that nothing here writes; should a later change do, this still keeps the value out. */
const SECRETS = new Set(['code', 'to', 'text', 'token', 'authorization', 'password', 'secret', 'e164', 'request']);
const REDACTED = '[redacted]';
const E164 = /\+\d{7,15}/g;
/** Line breaks and terminal controls, which a reader of the log would obey, and marks that reorder a line. */
const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

export async function createLogger({ level, pretty, destination }: LoggerOptions): Promise<Logger> {
  const target = destination ?? pino.destination({ fd: 1, sync: true });
  const stream = pretty ? await prettyStream(target, destination === undefined && process.stdout.isTTY) : target;
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: scrub },
    },
    stream,
  );
}

/** Loaded only when asked for. Formats in this thread: a worker's last lines would be lost when the process ends. */
async function prettyStream(target: DestinationStream, colorize: boolean): Promise<DestinationStream> {
  const { prettyFactory } = await import('pino-pretty');
  const format = prettyFactory({
    colorize,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss.l',
    errorLikeObjectKeys: ['err'],
  });
  return {
    write(line) {
      const text: string | undefined = format(line);
      if (text !== undefined) target.write(text);
    },
  };
}

const EXPLAIN_EVERY_MS = 60_000;

/** Listens to events. `clock` is in monotonic milliseconds. Levels: faults are errors, what is away is a warning, the rest is information. */
export function logEvents(logger: Logger, clock: () => number): (event: Event) => void {
  let store: 'ready' | 'lost' | null = null;
  const explained = new Map<string, number>();

  /** Why calls of the store fail: an outage fails thousands, so each reason is told once a minute. */
  function explain(error: Error): void {
    const why = rootOf(error)?.message ?? '';
    const last = explained.get(why);
    if (last !== undefined && clock() - last < EXPLAIN_EVERY_MS) return;
    if (explained.size >= 100) explained.clear();
    explained.set(why, clock());
    logger.warn({ why, err: faultRecord(error) }, 'store call failed');
  }

  return (event) => {
    switch (event.type) {
      case 'rpc':
        return logger[rpcLevel(event.status)](rpcRecord(event), 'rpc');
      case 'store':
        logger.debug({ operation: event.operation, ok: event.error === null, latency_ms: ms(event.seconds) }, 'store');
        return event.error === null ? undefined : explain(event.error);
      case 'attempt':
        return logger.debug(
          {
            provider: event.provider,
            result: event.result,
            category: event.category || undefined,
            vendor_code: event.vendorCode || undefined,
            latency_ms: ms(event.seconds),
          },
          'attempt',
        );
      case 'settle_failed':
        return logger.error(
          { refund: event.refund, attempt: event.attempt, err: faultRecord(event.error) },
          'a send could not be settled',
        );
      case 'fault':
        return logger.error({ where: event.where, err: faultRecord(event.error) }, 'fault');
      case 'store_connection':
        // Every failed reconnection reports the loss again: only the first is news.
        if (event.state === store) return;
        store = event.state;
        if (event.state === 'ready') logger.info('store ready');
        else logger.warn({ why: rootOf(event.error)?.message, err: faultRecord(event.error) }, 'store lost');
        return;
    }
  };
}

type RpcEvent = Extract<Event, { type: 'rpc' }>;

function rpcLevel(status: string): 'error' | 'warn' | 'info' {
  if (status === 'INTERNAL' || status === 'UNKNOWN') return 'error';
  return status === 'UNAVAILABLE' || status === 'DEADLINE_EXCEEDED' ? 'warn' : 'info';
}

function rpcRecord({ edge, method, status, reason, seconds, facts }: RpcEvent): object {
  return {
    edge,
    method,
    status,
    reason: reason ?? undefined,
    outcome: facts.outcome,
    caller: facts.caller,
    purpose: facts.purpose,
    phone: facts.phone,
    verification_id: facts.verificationId,
    provider: facts.provider,
    latency_ms: ms(seconds),
  };
}

/** What the store itself said may be shown: it never gets to see a phone or a code. */
function rootOf(error: Error | undefined): Error | undefined {
  return error?.cause instanceof Error ? rootOf(error.cause) : error;
}

function ms(seconds: number): number {
  return Math.round(seconds * 1e5) / 100;
}

/** Over every record. Five times as fast as pino's `redact`, which no call should have to wait for. */
function scrub(record: object): Record<string, unknown> {
  const clean: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(record)) clean[key] = SECRETS.has(key) ? REDACTED : scrubValue(value);
  return clean;
}

function scrubValue(value: unknown): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (Array.isArray(value)) return value.map(scrubValue);
  return typeof value === 'object' && value !== null ? scrub(value) : value;
}

function scrubText(text: string): string {
  return text
    .replace(E164, REDACTED)
    .replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
