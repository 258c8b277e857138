/** Fetches delivery reports from vendors that do not call us. */
import { PULL_MS } from '../domain/deadlines.ts';
import type { DeliveryReport } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import type { Provider } from './provider.ts';
import { withTimeout } from './timeout.ts';

export interface ReportPoller {
  /** Fetches no more. Resolves when the reports that were fetched have been passed on. */
  stop(): Promise<void>;
}

export interface ReportPollerOptions {
  /**
   * `pollMs` is the pause between two fetches; it grows up to tenfold while they fail. A provider with 0, or without
   * `reports.poll`, is not polled.
   */
  readonly polled: readonly { readonly provider: Provider; readonly pollMs: number }[];
  /** Rejects when the report could not be stored. */
  readonly onReport: (provider: string, report: DeliveryReport) => Promise<void>;
  readonly emit: Emit;
}

const MAX_BACKOFF = 10;
/** After this many failures in a row the first waiting report is dropped: it may be the reason. */
const PATIENCE = 5;

type Fetch = (signal: AbortSignal) => Promise<readonly DeliveryReport[]>;

export function createReportPoller({ polled, onReport, emit }: ReportPollerOptions): ReportPoller {
  const timers = new Map<string, NodeJS.Timeout>();
  const rounds = new Map<string, Promise<void>>();
  let stopped = false;

  function follow(name: string, fetch: Fetch, everyMs: number): void {
    /**
     * A vendor may hand out a report once only. One that could not be stored stays here, and nothing is fetched until
     * it is.
     */
    const waiting: DeliveryReport[] = [];
    let failures = 0;

    async function round(): Promise<void> {
      try {
        if (waiting.length === 0) {
          waiting.push(...(await fetched(fetch)));
          failures = 0;
        }
        for (let report = waiting[0]; report !== undefined; report = waiting[0]) {
          await onReport(name, report);
          waiting.shift();
          failures = 0;
        }
      } catch (error) {
        failures += 1;
        if (failures >= PATIENCE) waiting.shift();
        emit({ type: 'reports_failed', provider: name, error: error as Error });
      }
    }

    function next(): void {
      if (stopped) return;
      const start = () => void rounds.set(name, round().then(next));
      timers.set(name, setTimeout(start, everyMs * Math.min(2 ** failures, MAX_BACKOFF)));
    }

    next();
  }

  for (const { provider, pollMs } of polled) {
    const { name, reports } = provider;
    if (reports?.poll !== undefined && pollMs > 0) follow(name, reports.poll.bind(reports), pollMs);
  }

  return {
    async stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(rounds.values());
    },
  };
}

async function fetched(fetch: Fetch): Promise<readonly DeliveryReport[]> {
  const reports = await withTimeout(fetch, { timeoutMs: PULL_MS });
  if (reports === null) throw new Error('no answer in time');
  return reports;
}
