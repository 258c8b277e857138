/** Work that no caller waits for, and that a stop does not lose. */
export interface Background {
  /** Runs a task later. */
  schedule(task: () => Promise<void>, delayMs: number): void;
  /** Lets a stop wait for this work, such as a call that goes on after its caller gave up. */
  track<T>(work: Promise<T>): Promise<T>;
  /** Runs every scheduled task now; later tasks are dropped. */
  flush(): void;
  /** Resolves when no work is under way, or after `graceMs`. */
  idle(graceMs: number): Promise<void>;
}

export function createBackground(): Background {
  const scheduled = new Map<NodeJS.Timeout, () => Promise<void>>();
  const running = new Set<Promise<unknown>>();
  let flushed = false;

  function track<T>(work: Promise<T>): Promise<T> {
    running.add(work);
    const done = () => void running.delete(work);
    work.then(done, done);
    return work;
  }

  return {
    track,
    schedule(task, delayMs) {
      if (flushed) return;
      const timer = setTimeout(() => {
        scheduled.delete(timer);
        void track(task());
      }, delayMs);
      scheduled.set(timer, task);
    },
    flush() {
      flushed = true;
      for (const [timer, task] of scheduled) {
        clearTimeout(timer);
        void track(task());
      }
      scheduled.clear();
    },
    async idle(graceMs) {
      const { promise: graceOver, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, graceMs);
      let expired = false;
      void graceOver.then(() => {
        expired = true;
      });
      // Work that ends may have started more.
      while (running.size > 0 && !expired) await Promise.race([graceOver, Promise.allSettled(running)]);
      clearTimeout(timer);
    },
  };
}
