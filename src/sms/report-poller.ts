/** Fetches delivery reports from vendors that cannot reach us. */
import { PULL_MS } from '../domain/deadlines.ts';
import type { DeliveryReport } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import type { Provider, Reports } from './provider.ts';
import { bounded } from './timeout.ts';

export interface Poll {
  /** Asks no more. Resolves when what was fetched has been passed on. */
  stop(): Promise<void>;
}

export interface PollOptions {
  /**
   * `pollMs` is from the end of one question to the next; it grows up to tenfold while they fail. With 0, and without
   * `reports.pull`, a provider is not asked.
   */
  readonly polled: readonly { readonly provider: Provider; readonly pollMs: number }[];
  /** Rejects when the report could not be stored. */
  readonly onReport: (provider: string, report: DeliveryReport) => Promise<void>;
  readonly emit: Emit;
}

const MAX_BACKOFF = 10;
/** Failures in a row after which the report in front is given up: it may be the reason. */
const PATIENCE = 5;

export function createPoll({ polled, onReport, emit }: PollOptions): Poll {
  const timers = new Map<string, NodeJS.Timeout>();
  const rounds = new Map<string, Promise<void>>();
  let stopped = false;

  function follow(name: string, reports: Reports, everyMs: number): void {
    /** Vendors hand out a report once. One that could not be stored stays here, and the vendor keeps what comes after. */
    const waiting: DeliveryReport[] = [];
    let failures = 0;

    async function round(): Promise<void> {
      try {
        if (waiting.length === 0) {
          waiting.push(...(await pulled(reports)));
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
    if (reports?.pull !== undefined && pollMs > 0) follow(name, reports, pollMs);
  }

  return {
    async stop() {
      stopped = true;
      for (const timer of timers.values()) clearTimeout(timer);
      await Promise.all(rounds.values());
    },
  };
}

async function pulled(reports: Reports): Promise<readonly DeliveryReport[]> {
  const pulled = await bounded(async (signal) => (await reports.pull?.(signal)) ?? [], { timeoutMs: PULL_MS });
  if (pulled === null) throw new Error('no answer in time');
  return pulled;
}
