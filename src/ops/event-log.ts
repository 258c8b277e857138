/** The log: one record per RPC, and what else an operator must know. Only the fields named here are written. */
import type { Logger } from 'pino';
import type { CallFacts, Event } from '../event.ts';
import { faultRecord, whyOf } from './fault.ts';

const REPEAT_EVERY_MS = 60_000;
/** With more different records than this within a minute, some are logged again early. */
const MAX_REMEMBERED = 1000;

/**
 * Listens to events. `clock` is in monotonic milliseconds. Faults are logged as errors, outages as warnings, the rest
 * as information.
 */
export function logEvents(logger: Logger, clock: () => number): (event: Event) => void {
  const isDue = createRepeatLimit(clock);
  let storeState: 'ready' | 'lost' | null = null;

  function storeConnection({ state, error }: StoreConnectionEvent): void {
    // Every attempt to reconnect that fails reports the loss again: only a change is logged.
    if (state === storeState) return;
    storeState = state;
    if (state === 'ready') logger.info('store ready');
    else logger.warn({ why: error && whyOf(error), err: faultRecord(error) }, 'store lost');
  }

  return (event) => {
    switch (event.type) {
      case 'rpc':
        return logRpc(event, { logger, isDue });
      case 'store':
        return logStore(event, { logger, isDue });
      case 'attempt':
        return logAttempt(event, { logger, isDue });
      case 'breaker':
        return logBreaker(event, logger);
      case 'report':
        return logger[event.status === 'failed' ? 'info' : 'debug'](reportRecord(event), 'delivery report');
      case 'cut':
        if (isDue(['cut', event.listener, event.why])) {
          logger.warn({ listener: event.listener, why: event.why }, 'connections or streams are cut');
        }
        return;
      case 'shed':
        if (isDue(['shed', event.class])) logger.warn({ class: event.class }, 'overloaded: calls are refused');
        return;
      case 'callback_refused':
        if (isDue(['callback', event.provider, event.why])) {
          logger.warn({ provider: event.provider, why: event.why }, 'callback refused');
        }
        return;
      case 'reports_failed':
        if (isDue(['reports', event.provider, event.error.message])) {
          logger.warn({ provider: event.provider, err: faultRecord(event.error) }, 'delivery reports failed');
        }
        return;
      case 'conversion':
        if (!event.ok && isDue(['conversion', event.provider, event.vendorCode])) {
          logger.warn({ provider: event.provider, vendor_code: event.vendorCode }, 'conversion feedback failed');
        }
        return;
      case 'settle_failed': {
        const { refund, attempt, error } = event;
        if (!isDue(['settle', String(refund), error.message])) return;
        return logger.error({ refund, attempt, err: faultRecord(error) }, 'a send could not be settled');
      }
      case 'fault':
        return logger.error({ where: event.where, ...idsOf(event.facts), err: faultRecord(event.error) }, 'fault');
      case 'store_connection':
        return storeConnection(event);
    }
  };
}

/** Whether this is to be logged now: what can happen a thousand times a second is logged once a minute. */
type IsDue = (what: readonly string[], everyMs?: number) => boolean;

function createRepeatLimit(clock: () => number): IsDue {
  const loggedAt = new Map<string, number>();
  return (what, everyMs = REPEAT_EVERY_MS) => {
    const key = what.join(' ');
    const last = loggedAt.get(key);
    if (last !== undefined && clock() - last < everyMs) return false;
    if (loggedAt.size >= MAX_REMEMBERED) loggedAt.clear();
    loggedAt.set(key, clock());
    return true;
  };
}

interface Output {
  readonly logger: Logger;
  readonly isDue: IsDue;
}

const STRANGERS_EVERY_MS = 1_000;

/** Every call of a caller. What strangers ask for is there once a second, and in full only for who asks for details. */
function logRpc(event: RpcEvent, { logger, isDue }: Output): void {
  const { edge, method, status, facts } = event;
  const stranger = facts.caller === undefined;
  // Probes are well most of the time.
  const quiet = stranger && (status === 'OK' || !isDue(['rpc', edge, method, status], STRANGERS_EVERY_MS));
  logger[quiet ? 'debug' : rpcLevel(status)](rpcRecord(event), 'rpc');
}

function logStore({ operation, error, seconds }: StoreEvent, { logger, isDue }: Output): void {
  logger.debug({ operation, ok: error === null, latency_ms: ms(seconds) }, 'store');
  if (error === null) return;
  const why = whyOf(error);
  if (isDue(['store', why])) logger.warn({ why, err: faultRecord(error) }, 'store call failed');
}

function logBreaker({ provider, country, state }: BreakerEvent, logger: Logger): void {
  logger[state === 'open' ? 'warn' : 'info']({ provider, country: country || undefined }, BREAKER[state]);
}

/**
 * Warnings are for the operator: what only the operator can mend, and codes that no table lists. Every other failure is
 * information, so that a send that failed can be followed by its verification id.
 */
function logAttempt(event: AttemptEvent, { logger, isDue }: Output): void {
  const { provider, country, vendorCode, unlistedCode } = event;
  const record = attemptRecord(event);
  if (unlistedCode !== '' && isDue(['unlisted', provider, unlistedCode], Number.POSITIVE_INFINITY)) {
    logger.warn(record, 'provider answers a code that is not listed');
  } else if (event.actor === 'operator' && isDue(['attempt', provider, vendorCode, country])) {
    logger.warn(record, 'provider needs attention');
  } else {
    logger[event.result === 'accepted' ? 'debug' : 'info'](record, 'attempt');
  }
}

type RpcEvent = Extract<Event, { type: 'rpc' }>;
type StoreEvent = Extract<Event, { type: 'store' }>;
type AttemptEvent = Extract<Event, { type: 'attempt' }>;
type BreakerEvent = Extract<Event, { type: 'breaker' }>;
type ReportEvent = Extract<Event, { type: 'report' }>;
type StoreConnectionEvent = Extract<Event, { type: 'store_connection' }>;

const BREAKER = {
  open: 'provider is left alone',
  half_open: 'provider is tried again',
  closed: 'provider is in use again',
} as const;

function attemptRecord(event: AttemptEvent): object {
  return {
    provider: event.provider,
    verification_id: event.verificationId || undefined,
    country: event.country || undefined,
    result: event.result,
    category: event.category || undefined,
    vendor_code: event.vendorCode || undefined,
    unlisted_code: event.unlistedCode || undefined,
    vendor_request_id: event.vendorRequestId || undefined,
    latency_ms: ms(event.seconds),
  };
}

function reportRecord(event: ReportEvent): object {
  const { provider, verificationId, country, status, category, vendorCode, outcome } = event;
  return {
    provider,
    verification_id: verificationId || undefined,
    country: country || undefined,
    status,
    category: category || undefined,
    vendor_code: vendorCode || undefined,
    outcome,
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
    ...idsOf(facts),
    provider: facts.provider,
    latency_ms: ms(seconds),
  };
}

/** By which the lines of one call are found. */
function idsOf({ verificationId, requestId, traceId }: CallFacts = {}): object {
  return { verification_id: verificationId, request_id: requestId, trace_id: traceId };
}

function ms(seconds: number): number {
  return Math.round(seconds * 1e5) / 100;
}
