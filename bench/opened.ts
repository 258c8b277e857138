/** Processes that a measurement started. */

export interface Stoppable {
  stop(): Promise<unknown>;
}

/** Whatever `measure` opens is stopped when it ends, the last one first, however that is. */
export async function stoppingAll(measure: (open: <T extends Stoppable>(it: T) => T) => Promise<void>): Promise<void> {
  const opened: Stoppable[] = [];
  try {
    await measure((it) => {
      opened.push(it);
      return it;
    });
  } finally {
    for (const it of opened.reverse()) await it.stop();
  }
}

/** A whole number of an option. */
export function bounded(text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${text} is not a whole number from ${least} to ${most}`);
}
