/** Whether this instance should get traffic. */

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
}

/** Asks the store at every call, but not again while an answer is still due. */
export function createReadiness({ ready, phase, clock }: ReadinessOptions): () => Promise<Readiness> {
  // Until it answered once, the store was never there to be lost.
  let awaySince = Number.NEGATIVE_INFINITY;
  let asking: Promise<Readiness['components']['store']> | null = null;

  async function ask(): Promise<Readiness['components']['store']> {
    try {
      await ready();
      awaySince = Number.POSITIVE_INFINITY;
      return 'ready';
    } catch {
      // The store reports the cause itself, as an event.
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
