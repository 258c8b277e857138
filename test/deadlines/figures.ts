/** What the suites about deadlines measure. */

export async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** A line in the output of the run, whatever becomes of the test. */
export function figure(text: string): void {
  process.stderr.write(`  figure: ${text}\n`);
}
