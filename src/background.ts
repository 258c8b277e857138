/** Work in the background, which a stop does not lose. */
export interface Scheduler {
  /** Runs a task later. */
  schedule(task: () => Promise<void>, ms: number): void;
  /** Keeps count of work under way, such as a call that goes on after its caller gave up. */
  track<T>(work: Promise<T>): Promise<T>;
  /** Runs now what is still waiting; nothing is scheduled any more afterwards. */
  flush(): void;
  /** Resolves when no work is under way, or after `graceMs`. */
  settled(graceMs: number): Promise<void>;
}

export function createScheduler(): Scheduler {
  const waiting = new Map<NodeJS.Timeout, () => Promise<void>>();
  const running = new Set<Promise<unknown>>();
  let open = true;

  function track<T>(work: Promise<T>): Promise<T> {
    running.add(work);
    const done = () => void running.delete(work);
    work.then(done, done);
    return work;
  }

  return {
    track,
    schedule(task, ms) {
      if (!open) return;
      const timer = setTimeout(() => {
        waiting.delete(timer);
        void track(task());
      }, ms);
      waiting.set(timer, task);
    },
    flush() {
      open = false;
      for (const [timer, task] of waiting) {
        clearTimeout(timer);
        void track(task());
      }
      waiting.clear();
    },
    async settled(graceMs) {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, graceMs);
      let expired = false;
      void late.then(() => {
        expired = true;
      });
      while (running.size > 0 && !expired) await Promise.race([late, Promise.allSettled(running)]);
      clearTimeout(timer);
    },
  };
}
