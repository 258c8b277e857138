/** Which send a vendor's message id belongs to, in memory: reports and links meet here in either order. */
import type { DeliveryReport } from '../domain/delivery.ts';
import { EARLY_REPORT_MS, REPORT_MS } from '../domain/policy.ts';
import { WAITING_REPORTS } from '../domain/reports.ts';
import { recent } from './lru.ts';
import type { LinkCommand, LinkReply, LookupCommand, LookupReply } from './store.ts';

interface Known {
  /** Null while reports wait for it. */
  readonly token: string | null;
  readonly waiting: readonly DeliveryReport[];
  readonly until: number;
}

const NOTHING: Known = { token: null, waiting: [], until: 0 };

export function createMemoryLinks({ now, capacity }: { now: () => number; capacity: number }) {
  const messages = recent<Known>(capacity);

  function known(message: string, at: number): Known {
    const found = messages.get(message);
    return found && at < found.until ? found : NOTHING;
  }

  return {
    link({ message, token }: LinkCommand): LinkReply {
      const at = now();
      const { token: first, waiting } = known(message, at);
      if (first === null) messages.set(message, { token, waiting: [], until: at + REPORT_MS });
      return { reports: waiting };
    },

    lookup({ message, report }: LookupCommand): LookupReply {
      const at = now();
      const { token, waiting } = known(message, at);
      if (token === null) {
        const kept = [...waiting, report].slice(-WAITING_REPORTS);
        messages.set(message, { token, waiting: kept, until: at + EARLY_REPORT_MS });
      }
      return { token };
    },

    clear: messages.clear,
  };
}
