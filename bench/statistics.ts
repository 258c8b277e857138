/** Medians, and whether a process leaks. */

/** Of an even number of values the lower one in the middle. NaN when there are none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? Number.NaN;
}

export interface Sample {
  /** Seconds since the start. */
  readonly at: number;
  readonly bytes: number;
}

export interface Growth {
  /** Of the line through the samples, from the first to the last. */
  readonly bytes: number;
  /** The same as a share of the median. */
  readonly share: number;
}

/**
 * The slope is Theil and Sen's: the median of those between any two samples. A garbage collected heap is a saw-tooth and
 * RSS climbs in steps; a least-squares line follows whichever peak stands at an end, this one needs most of the samples
 * to rise. Throws when there are fewer than two.
 */
export function growthOf(samples: readonly Sample[]): Growth {
  const slopes = samples.flatMap((a, index) =>
    samples.slice(index + 1).map((b) => (b.bytes - a.bytes) / (b.at - a.at)),
  );
  const first = samples[0];
  const last = samples.at(-1);
  if (first === undefined || last === undefined || slopes.length === 0) throw new Error('too few samples of memory');
  const bytes = median(slopes) * (last.at - first.at);
  return { bytes, share: bytes / median(samples.map((sample) => sample.bytes)) };
}

/** The lowest sample of each stretch of `seconds`: what a garbage collector leaves, whenever it comes. */
export function floors(samples: readonly Sample[], seconds: number): Sample[] {
  const stretches = Map.groupBy(samples, ({ at }) => Math.floor(at / seconds));
  return [...stretches.values()].map((stretch) =>
    stretch.reduce((low, sample) => (sample.bytes < low.bytes ? sample : low)),
  );
}
