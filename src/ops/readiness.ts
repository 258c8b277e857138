/** Whether this instance should get traffic. */
import type { Emit } from '../event.ts';

/** Longer than a failover of Redis takes: restarting or draining every instance would not bring it back. */
const TOLERATED_MS = 15_000;

export interface Readiness {
  readonly ready: boolean;
  readonly components: {
    readonly server: Phase;
    /** `unreachable` counts as ready, because it may be a failover; `lost` does not. */
    readonly store: 'ready' | 'unreachable' | 'lost';
  };
}

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
  let asking: Promise<Readiness['components']['store']> | null = null;

  async function ask(): Promise<Readiness['components']['store']> {
    try {
      await ready();
      if (!fit) emit({ type: 'store_connection', state: 'ready' });
      fit = true;
      awaySince = Number.POSITIVE_INFINITY;
      return 'ready';
    } catch (error) {
      if (fit) emit({ type: 'store_connection', state: 'lost', error: error as Error });
      fit = false;
      awaySince = Math.min(awaySince, clock());
      return clock() - awaySince < TOLERATED_MS ? 'unreachable' : 'lost';
    } finally {
      asking = null;
    }
  }

  return async () => {
    asking ??= ask();
    const store = await asking;
    const server = phase();
    return { ready: server === 'serving' && store !== 'lost', components: { server, store } };
  };
}
