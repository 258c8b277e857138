/** Which send a vendor's message id belongs to, in memory. Reports and links come in either order. */
import { EARLY_REPORT_MS, REPORT_MS } from '../domain/policy.ts';
import { WAITING_REPORTS } from '../domain/reports.ts';
import { bucketOf } from './keys.ts';
import { createLruMap } from './lru.ts';
import { holds } from './memory-records.ts';
import type { LinkCommand, LinkReply, LookupCommand, LookupReply, WaitingReport } from './report-commands.ts';

interface Link {
  readonly token: string;
  readonly since: number;
}

interface Waiting {
  readonly message: string;
  readonly report: WaitingReport;
  readonly since: number;
}

export function createMemoryLinks({ now, capacity }: { now: () => number; capacity: number }) {
  const links = createLruMap<Link>(capacity);
  /** By bucket, oldest first: whatever vendors report of unknown messages, the links stay. */
  const waiting = new Map<string, readonly Waiting[]>();

  function tokenOf(message: string, at: number): string | null {
    const link = links.get(message);
    return link !== undefined && holds(link.since, link.since + REPORT_MS, at) ? link.token : null;
  }

  return {
    link({ message, token }: LinkCommand): LinkReply {
      const at = now();
      if (tokenOf(message, at) !== null) return { reports: [] };
      links.set(message, { token, since: at });
      const bucket = bucketOf(message);
      const all = waiting.get(bucket) ?? [];
      waiting.set(
        bucket,
        all.filter((each) => each.message !== message),
      );
      const mine = all.filter(
        (each) => each.message === message && holds(each.since, each.since + EARLY_REPORT_MS, at),
      );
      return { reports: mine.map(({ report }) => report) };
    },

    lookup({ message, report }: LookupCommand): LookupReply {
      const at = now();
      const token = tokenOf(message, at);
      if (token === null) {
        const bucket = bucketOf(message);
        const kept = [...(waiting.get(bucket) ?? []), { message, report, since: at }];
        waiting.set(bucket, kept.slice(-WAITING_REPORTS));
      }
      return { token };
    },

    clear() {
      links.clear();
      waiting.clear();
    },
  };
}
