/** The log: one record per RPC, and what else an operator must know. Only the fields named here are ever written. */
import type { Logger } from 'pino';
import type { Event } from '../event.ts';
import { faultRecord } from './fault.ts';

const TELL_EVERY_MS = 60_000;

/** Listens to events. `clock` is in monotonic milliseconds. Levels: faults are errors, what is away is a warning, the rest is information. */
export function logEvents(logger: Logger, clock: () => number): (event: Event) => void {
  let store: 'ready' | 'lost' | null = null;
  const told = new Map<string, number>();

  /** What may come a thousand times over is told once a minute. */
  function newsOf(what: readonly string[], everyMs = TELL_EVERY_MS): boolean {
    const key = what.join(' ');
    const last = told.get(key);
    if (last !== undefined && clock() - last < everyMs) return false;
    if (told.size >= 1000) told.clear();
    told.set(key, clock());
    return true;
  }

  /** Why calls of the store fail. */
  function explain(error: Error): void {
    const why = rootOf(error)?.message ?? '';
    if (newsOf(['store', why])) logger.warn({ why, err: faultRecord(error) }, 'store call failed');
  }

  /** What an operator has to mend, and codes that nobody knows, are told with the vendor's own id of the request. */
  function attempt(event: AttemptEvent): void {
    const { provider, vendorCode, unlistedCode } = event;
    const record = attemptRecord(event);
    if (unlistedCode !== '' && newsOf(['unlisted', provider, unlistedCode], Number.POSITIVE_INFINITY)) {
      logger.warn(record, 'provider answers a code that is not listed');
    } else if (event.actor === 'operator' && newsOf(['attempt', provider, vendorCode])) {
      logger.warn(record, 'provider needs attention');
    } else {
      logger.debug(record, 'attempt');
    }
  }

  return (event) => {
    switch (event.type) {
      case 'rpc':
        return logger[rpcLevel(event.status)](rpcRecord(event), 'rpc');
      case 'store':
        logger.debug({ operation: event.operation, ok: event.error === null, latency_ms: ms(event.seconds) }, 'store');
        return event.error === null ? undefined : explain(event.error);
      case 'attempt':
        return attempt(event);
      case 'breaker':
        return logger[event.state === 'open' ? 'warn' : 'info']({ provider: event.provider }, BREAKER[event.state]);
      case 'report':
        return logger.debug(
          {
            provider: event.provider,
            status: event.status,
            category: event.category || undefined,
            vendor_code: event.vendorCode || undefined,
            outcome: event.outcome,
          },
          'delivery report',
        );
      case 'callback_refused':
        if (newsOf(['callback', event.provider, event.why])) {
          logger.warn({ provider: event.provider, why: event.why }, 'callback refused');
        }
        return;
      case 'reports_failed':
        if (newsOf(['reports', event.provider, event.error.message])) {
          logger.warn({ provider: event.provider, err: faultRecord(event.error) }, 'delivery reports failed');
        }
        return;
      case 'conversion':
        if (!event.ok && newsOf(['conversion', event.provider, event.vendorCode])) {
          logger.warn({ provider: event.provider, vendor_code: event.vendorCode }, 'conversion feedback failed');
        }
        return;
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
type AttemptEvent = Extract<Event, { type: 'attempt' }>;

const BREAKER = {
  open: 'provider is left alone',
  half_open: 'provider is tried again',
  closed: 'provider is in use again',
} as const;

function attemptRecord(event: AttemptEvent): object {
  return {
    provider: event.provider,
    result: event.result,
    category: event.category || undefined,
    vendor_code: event.vendorCode || undefined,
    unlisted_code: event.unlistedCode || undefined,
    vendor_request_id: event.vendorRequestId || undefined,
    latency_ms: ms(event.seconds),
  };
}

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
