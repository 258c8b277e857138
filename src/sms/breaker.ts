/**
 * A circuit breaker. Ours rather than cockatiel's, which makes calls wait for the probe while it is half open instead of
 * turning them away, takes an outcome that says nothing of the provider for a success then, cannot open at once, keeps
 * the time of the next probe to itself, and reads the clock of the system.
 */
import type { BreakerState } from '../event.ts';

export interface BreakerSettings {
  /** As many failures in a row open it. */
  readonly failures: number;
  /** From opening to the first probe; doubles with each probe that fails. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/** What a call tells of its provider. `down` opens at once; `neutral` tells nothing. */
export type Health = 'up' | 'failed' | 'down' | 'neutral';

export type Admission =
  /** `leave` must be called when the call has ended. */
  | { readonly admitted: true; readonly leave: (health: Health) => void }
  /** Not now; the next probe is due after `retryAfterMs`. */
  | { readonly admitted: false; readonly retryAfterMs: number };

/** `clock` is monotonic, in milliseconds. While half open, one call at a time is admitted, until one succeeds or fails. */
export function createBreaker(
  settings: BreakerSettings,
  clock: () => number,
  changed: (state: BreakerState) => void,
): () => Admission {
  let state: BreakerState = 'closed';
  let failures = 0;
  let openings = 0;
  let probeAt = 0;
  let probing = false;
  /** Counts changes of state: a call that began before the last one tells nothing of now. */
  let era = 0;

  function change(next: BreakerState): void {
    state = next;
    era += 1;
    failures = 0;
    probing = false;
    changed(next);
  }

  function leave(entered: number, health: Health): void {
    if (entered !== era) return;
    probing = false;
    if (health === 'failed') failures += 1;
    if (health === 'down' || (health === 'failed' && (state === 'half_open' || failures >= settings.failures))) {
      probeAt = clock() + Math.min(settings.openMs * 2 ** openings, settings.maxOpenMs);
      openings += 1;
      change('open');
    } else if (health === 'up') {
      failures = 0;
      openings = 0;
      if (state === 'half_open') change('closed');
    }
  }

  return () => {
    const untilProbe = probeAt - clock();
    if (state === 'open' && untilProbe > 0) return { admitted: false, retryAfterMs: untilProbe };
    if (state === 'open') change('half_open');
    if (probing) return { admitted: false, retryAfterMs: settings.openMs };
    probing = state === 'half_open';
    const entered = era;
    return { admitted: true, leave: (health) => leave(entered, health) };
  };
}
