/** The rules, and the series that Prometheus scrapes from the real metrics while a scene takes place. */
import { parse } from 'yaml';
import { createMetrics, type Metrics } from '../../src/ops/metrics.ts';
import { read } from '../support/markdown.ts';
import { PROVIDERS, type Scene } from './scenes.ts';

export const RULES_FILE = 'helm/countersign/alerts.yaml';

export interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly runbook: string };
}

export const RULES: readonly Rule[] = parse(read(RULES_FILE)).groups.flatMap(({ rules }: { rules: Rule[] }) => rules);

/** `name{label="value"}` and its value, in the order of the text. */
export function samplesOf(text: string): Map<string, string> {
  const lines = text.split('\n').filter((line) => line.startsWith('countersign_'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]));
}

/** What an instance shows that has just started. */
export function startedMetrics(): Metrics {
  const metrics = createMetrics(['SendCode', 'CheckCode']);
  metrics.expect(PROVIDERS);
  return metrics;
}

/** One scrape a minute, until a scene is looked at. Without a process a scrape has no samples. */
export async function scrapesOf({ minutes, at }: Pick<Scene, 'minutes' | 'at'>): Promise<Map<string, string>[]> {
  const scrapes: Map<string, string>[] = [];
  let metrics: Metrics | null = startedMetrics();
  for (let minute = 0; minute <= at; minute += 1) {
    const happens = minutes[minute] ?? [];
    if (happens === 'gone') metrics = null;
    else if (happens === 'restart') metrics = startedMetrics();
    else for (const event of happens) metrics?.observe(event);
    scrapes.push(samplesOf((await metrics?.render()) ?? ''));
  }
  return scrapes;
}

/** The same from a service whose labelled series are born at their first event, as those of most services are. */
export function bornLate(scrapes: readonly Map<string, string>[]): Map<string, string>[] {
  return scrapes.map(
    (samples) => new Map([...samples].filter(([name, value]) => !name.includes('{') || value !== '0')),
  );
}
