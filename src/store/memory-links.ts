/** Which send a vendor's message id belongs to, in memory. Reports and links come in either order. */
import type { DeliveryReport } from '../domain/delivery.ts';
import { EARLY_REPORT_MS, REPORT_MS } from '../domain/policy.ts';
import { WAITING_REPORTS } from '../domain/reports.ts';
import { createLruMap } from './lru.ts';
import { holds } from './memory-records.ts';
import type { LinkCommand, LinkReply, LookupCommand, LookupReply } from './report-commands.ts';

interface VendorMessage {
  /** Null while reports wait for it. */
  readonly token: string | null;
  readonly waiting: readonly DeliveryReport[];
  readonly since: number;
  readonly expiresAt: number;
}

const UNKNOWN: VendorMessage = { token: null, waiting: [], since: 0, expiresAt: 0 };

export function createMemoryLinks({ now, capacity }: { now: () => number; capacity: number }) {
  const messages = createLruMap<VendorMessage>(capacity);

  function find(id: string, at: number): VendorMessage {
    const found = messages.get(id);
    return found && holds(found.since, found.expiresAt, at) ? found : UNKNOWN;
  }

  return {
    link({ message, token }: LinkCommand): LinkReply {
      const at = now();
      const { token: first, waiting } = find(message, at);
      if (first === null) messages.set(message, { token, waiting: [], since: at, expiresAt: at + REPORT_MS });
      return { reports: waiting };
    },

    lookup({ message, report }: LookupCommand): LookupReply {
      const at = now();
      const { token, waiting } = find(message, at);
      if (token === null) {
        const kept = [...waiting, report].slice(-WAITING_REPORTS);
        messages.set(message, { token, waiting: kept, since: at, expiresAt: at + EARLY_REPORT_MS });
      }
      return { token };
    },

    clear: messages.clear,
  };
}
