/** By which one thread shows another that its event loop turns. */
export interface Heartbeat {
  /** Can be handed to another thread. */
  readonly memory: SharedArrayBuffer;
  beat(): void;
  /** Milliseconds since the last beat. */
  ageMs(): number;
}

/** Of the memory of another one, or a new one, which begins with a beat. */
export function createHeartbeat(memory?: SharedArrayBuffer): Heartbeat {
  const shared = memory ?? new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT);
  const beatAt = new BigInt64Array(shared);
  // One clock for all threads; that of `performance` begins anew in each.
  const beat = () => void Atomics.store(beatAt, 0, process.hrtime.bigint());
  if (memory === undefined) beat();
  return {
    memory: shared,
    beat,
    ageMs: () => Number(process.hrtime.bigint() - Atomics.load(beatAt, 0)) / 1e6,
  };
}
