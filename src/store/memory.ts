/**
 * The store in memory: the embedded default of development, and the executable model that random command sequences
 * hold the Lua scripts against. It forgets everything when the process ends and knows nothing of other processes.
 */
import { sendStatus } from '../domain/limits.ts';
import { afterReport, withEarly } from '../domain/reports.ts';
import type { Slot } from '../domain/slot.ts';
import { createLruMap } from './lru.ts';
import { check } from './memory-check.ts';
import { createMemoryLinks } from './memory-links.ts';
import { currentOf, historyOf, isGone, newPhone, type Phone, recordReply } from './memory-records.ts';
import { send, settle } from './memory-sends.ts';
import { createMemoryTakes } from './memory-takes.ts';
import type { ReportCommand, ReportReply } from './report-commands.ts';
import type { CancelCommand, RecordReply, StatusCommand, StatusReply, Store } from './store.ts';

export interface MemoryStoreOptions {
  readonly now: () => number;
  /** Phones remembered, and as many messages of vendors and rows. */
  readonly capacity?: number;
}

export function createMemoryStore({ now, capacity = 100_000 }: MemoryStoreOptions): Store {
  const phones = createLruMap<Phone>(capacity);
  const links = createMemoryLinks({ now, capacity });
  const takes = createMemoryTakes({ now, capacity });

  function phoneOf({ phoneKey }: Slot): Phone {
    const known = phones.get(phoneKey);
    if (known) return known;
    const phone = newPhone();
    phones.set(phoneKey, phone);
    return phone;
  }

  return {
    send: async (command) => send(phoneOf(command.slot), command, now()),
    settle: async (command) => settle(phoneOf(command.slot), command, now()),
    check: async (command) => check(phoneOf(command.slot), command, now()),
    cancel: async (command) => cancel(phoneOf(command.slot), command, now()),
    status: async (command) => status(phoneOf(command.slot), command, now()),
    report: async (command) => report(phoneOf(command.slot), command, now()),
    link: async (command) => links.link(command),
    lookup: async (command) => links.lookup(command),
    take: async (command) => takes.take(command),
    give: async (command) => takes.give(command),
    ready: async () => undefined,
    async close() {
      phones.clear();
      links.clear();
      takes.clear();
    },
  };
}

function cancel(phone: Phone, { slot, nonce }: CancelCommand, now: number): RecordReply {
  const verification = currentOf(phone, slot, now);
  const { record } = recordReply(phone, slot, nonce, now);
  if (verification && record?.state === 'pending') {
    Object.assign(verification, { state: 'canceled', seed: '', codeMac: '', undo: null });
  }
  return recordReply(phone, slot, nonce, now);
}

function status(phone: Phone, { slot, nonce, cooldownMs, windows }: StatusCommand, now: number): StatusReply {
  return {
    ...recordReply(phone, slot, nonce, now),
    ...sendStatus(now, historyOf(phone, slot, now), { cooldownMs, windows }),
  };
}

function report(phone: Phone, command: ReportCommand, now: number): ReportReply {
  const { slot, sendId, provider, messageId, status, category } = command;
  const verification = currentOf(phone, slot, now);
  if (verification?.send.id !== sendId || isGone(verification, now)) return { outcome: 'superseded', age: 0 };
  const { send } = verification;
  const age = now - send.at;
  const messageReport = { provider, messageId, status, category, at: now };
  if (send.delivery === null) {
    send.early = withEarly(send.early, messageReport);
    return { outcome: 'early', age };
  }
  const delivery = afterReport(send.delivery, messageReport);
  const outcome = delivery === send.delivery ? 'repeated' : 'applied';
  send.delivery = delivery;
  return { outcome, age };
}
