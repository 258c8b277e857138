/** After its signal fired, a call has this long to say what it knows: nothing was written yet, the id of the request. */
const GRACE_MS = 50;

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
  const aborted = () => void timers.push(setTimeout(resolve, GRACE_MS, null));
  if (signal.aborted) aborted();
  signal.addEventListener('abort', aborted, { once: true });
  try {
    return await Promise.race([work(signal), ignored]);
  } finally {
    signal.removeEventListener('abort', aborted);
    for (const timer of timers) clearTimeout(timer);
  }
}
