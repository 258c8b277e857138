/** Whether this instance should get traffic. */
import { Refused } from '../domain/refusal.ts';
import type { Emit } from '../event.ts';
import { whyOf } from './fault.ts';

/** Longer than a failover of Redis takes: restarting or draining every instance would not bring it back. */
const TOLERATED_MS = 15_000;

export interface Readiness {
  readonly ready: boolean;
  readonly components: {
    readonly server: Phase;
    readonly store: StoreState;
  };
  /** What is wrong with the store. */
  readonly why?: string;
}

/**
 * `unreachable` counts as ready, because it may be a failover; `lost` does not, nor does `full`: it answers but takes no
 * writes for want of memory or disk.
 */
type StoreState = 'ready' | 'unreachable' | 'lost' | 'full';

export type Phase = 'starting' | 'serving' | 'draining';

export interface ReadinessOptions {
  /** Rejects when the store is not fit to be used. */
  readonly ready: () => Promise<void>;
  readonly phase: () => Phase;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Gets an event when the store becomes unfit, and when it is fit again. */
  readonly emit: Emit;
}

/** Every call asks the store; calls at the same time share one question. */
export function createReadiness({ ready, phase, clock, emit }: ReadinessOptions): () => Promise<Readiness> {
  // A store that never answered counts as lost without delay.
  let awaySince = Number.NEGATIVE_INFINITY;
  let fit = true;
  let asking: Promise<{ store: StoreState; why?: string }> | null = null;

  async function ask(): Promise<{ store: StoreState; why?: string }> {
    try {
      await ready();
      if (!fit) emit({ type: 'store_connection', state: 'ready' });
      fit = true;
      awaySince = Number.POSITIVE_INFINITY;
      return { store: 'ready' };
    } catch (error) {
      if (fit) emit({ type: 'store_connection', state: 'lost', error: error as Error });
      fit = false;
      awaySince = Math.min(awaySince, clock());
      return { store: stateOf(error, clock() - awaySince), why: whyOf(error as Error) };
    } finally {
      asking = null;
    }
  }

  return async () => {
    asking ??= ask();
    const { store, ...why } = await asking;
    const server = phase();
    const fits = store === 'ready' || store === 'unreachable';
    return { ready: server === 'serving' && fits, components: { server, store }, ...why };
  };
}

function stateOf(error: unknown, awayMs: number): StoreState {
  const refusal = error instanceof Refused ? error.refusal : null;
  if (refusal?.reason === 'STORE_UNAVAILABLE' && refusal.full) return 'full';
  return awayMs < TOLERATED_MS ? 'unreachable' : 'lost';
}
