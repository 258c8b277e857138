import { ABORT_GRACE_MS } from '../domain/deadlines.ts';

export interface TimeoutOptions {
  readonly timeoutMs: number;
  /** Ends the work earlier. */
  readonly signal?: AbortSignal;
}

/**
 * Runs work with a signal that fires after the time-out. Work that ignores it is left behind after a short grace: the
 * result is null then. Throws what the work throws.
 */
export async function withTimeout<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: TimeoutOptions,
): Promise<T | null> {
  const timeout = new AbortController();
  const timers = [setTimeout(() => timeout.abort(), options.timeoutMs)];
  const signal = options.signal === undefined ? timeout.signal : AbortSignal.any([options.signal, timeout.signal]);
  const { promise: leftBehind, resolve } = Promise.withResolvers<null>();
  const onAbort = () => void timers.push(setTimeout(resolve, ABORT_GRACE_MS, null));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work(signal), leftBehind]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    for (const timer of timers) clearTimeout(timer);
  }
}
