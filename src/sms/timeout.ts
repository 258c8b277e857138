import { ABORT_GRACE_MS } from '../domain/deadlines.ts';

export interface Bounds {
  readonly timeoutMs: number;
  /** Ends the work earlier. */
  readonly signal?: AbortSignal;
}

/** Answers null when the work ignores its signal, and leaves it behind then. Throws what the work throws. */
export async function bounded<T>(work: (signal: AbortSignal) => Promise<T>, bounds: Bounds): Promise<T | null> {
  const timeout = new AbortController();
  const timers = [setTimeout(() => timeout.abort(), bounds.timeoutMs)];
  const signal = bounds.signal === undefined ? timeout.signal : AbortSignal.any([bounds.signal, timeout.signal]);
  const { promise: ignored, resolve } = Promise.withResolvers<null>();
  const aborted = () => void timers.push(setTimeout(resolve, ABORT_GRACE_MS, null));
  if (signal.aborted) aborted();
  signal.addEventListener('abort', aborted, { once: true });
  try {
    return await Promise.race([work(signal), ignored]);
  } finally {
    signal.removeEventListener('abort', aborted);
    for (const timer of timers) clearTimeout(timer);
  }
}
