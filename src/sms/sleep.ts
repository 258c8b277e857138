import { setTimeout as pause } from 'node:timers/promises';

/** Resolves after `ms`, or as soon as `signal` fires. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export const sleep: Sleep = async (ms, signal) => {
  try {
    await pause(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
};
