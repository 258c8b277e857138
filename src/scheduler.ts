/** Tasks for later, which a stop does not lose. */
export interface Scheduler {
  schedule(task: () => void, ms: number): void;
  /** Runs now what is still waiting; nothing is scheduled any more afterwards. */
  flush(): void;
}

export function createScheduler(): Scheduler {
  const waiting = new Map<NodeJS.Timeout, () => void>();
  let open = true;
  return {
    schedule(task, ms) {
      if (!open) return;
      const timer = setTimeout(() => {
        waiting.delete(timer);
        task();
      }, ms);
      waiting.set(timer, task);
    },
    flush() {
      open = false;
      for (const [timer, task] of waiting) {
        clearTimeout(timer);
        task();
      }
      waiting.clear();
    },
  };
}
