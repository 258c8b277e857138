/** Which send a vendor's message id belongs to, in memory. Reports and links come in either order. */
import type { DeliveryReport } from '../domain/delivery.ts';
import { EARLY_REPORT_MS, REPORT_MS } from '../domain/policy.ts';
import { WAITING_REPORTS } from '../domain/reports.ts';
import { createLruMap } from './lru.ts';
import type { LinkCommand, LinkReply, LookupCommand, LookupReply } from './report-commands.ts';

interface VendorMessage {
  /** Null while reports wait for it. */
  readonly token: string | null;
  readonly waiting: readonly DeliveryReport[];
  readonly expiresAt: number;
}

const UNKNOWN: VendorMessage = { token: null, waiting: [], expiresAt: 0 };

export function createMemoryLinks({ now, capacity }: { now: () => number; capacity: number }) {
  const messages = createLruMap<VendorMessage>(capacity);

  function find(id: string, at: number): VendorMessage {
    const found = messages.get(id);
    return found && at < found.expiresAt ? found : UNKNOWN;
  }

  return {
    link({ message, token }: LinkCommand): LinkReply {
      const at = now();
      const { token: first, waiting } = find(message, at);
      if (first === null) messages.set(message, { token, waiting: [], expiresAt: at + REPORT_MS });
      return { reports: waiting };
    },

    lookup({ message, report }: LookupCommand): LookupReply {
      const at = now();
      const { token, waiting } = find(message, at);
      if (token === null) {
        const kept = [...waiting, report].slice(-WAITING_REPORTS);
        messages.set(message, { token, waiting: kept, expiresAt: at + EARLY_REPORT_MS });
      }
      return { token };
    },

    clear: messages.clear,
  };
}
