/**
 * A circuit breaker. The library cockatiel does not fit: while half open it lets calls wait for the probe instead of
 * refusing them, and counts an outcome that says nothing about the provider as a success; it cannot open at once, does
 * not tell the time of the next probe, and reads the system's clock.
 */
import type { BreakerState } from '../event.ts';

export interface BreakerSettings {
  /** This many failures in a row open it. */
  readonly failures: number;
  /** From opening to the first probe; doubles with each probe that fails. */
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/** What a call shows about its provider. `down` opens the breaker at once; `neutral` shows nothing. */
export type Health = 'up' | 'failed' | 'down' | 'neutral';

export interface Breaker {
  /** Milliseconds until a call is let through; 0: now. Reserves nothing. */
  waitMs(): number;
  /** Begins a call that `waitMs` lets through. What is returned must be called when the call has ended. */
  begin(): (health: Health) => void;
}

/**
 * `clock` is monotonic, in milliseconds. While half open, one call at a time is let through, until one succeeds or
 * fails.
 */
export function createBreaker(
  settings: BreakerSettings,
  clock: () => number,
  changed: (state: BreakerState) => void,
): Breaker {
  let state: BreakerState = 'closed';
  let failures = 0;
  let openings = 0;
  let probeAt = 0;
  let probing = false;
  /** Counts changes of state: a call that began before the last change shows nothing about the present state. */
  let era = 0;

  function change(next: BreakerState): void {
    state = next;
    era += 1;
    failures = 0;
    probing = false;
    changed(next);
  }

  function done(began: number, health: Health): void {
    if (began !== era) return;
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

  return {
    waitMs() {
      if (state === 'open') return Math.max(probeAt - clock(), 0);
      return probing ? settings.openMs : 0;
    },
    begin() {
      if (state === 'open') change('half_open');
      probing = state === 'half_open';
      const began = era;
      return (health) => done(began, health);
    },
  };
}
