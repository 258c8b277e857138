/** What a running app counts. */

/** The value of one time series on `/metrics`; 0 when there is none. The labels must be all that it has. */
export async function metric(
  { ops }: { readonly ops: string },
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number> {
  const text = await (await fetch(`${ops}/metrics`)).text();
  const wanted = spelled(labels);
  for (const [, series, pairs = '', value] of text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)) {
    if (series === name && spelled(Object.fromEntries(pairsIn(pairs))) === wanted) return Number(value);
  }
  return 0;
}

function pairsIn(pairs: string): (readonly [string, string])[] {
  return [...pairs.matchAll(/(\w+)="([^"]*)"/g)].map(([, label = '', value = '']) => [label, value] as const);
}

function spelled(labels: Readonly<Record<string, string>>): string {
  return JSON.stringify(Object.entries(labels).sort());
}
