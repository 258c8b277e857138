/**
 * The store in memory: the embedded default of development, and the executable model that random command sequences
 * hold the Lua scripts against. It forgets everything when the process ends and knows nothing of other processes.
 */
import { messagesIn } from '../domain/delivery.ts';
import { sendStatus } from '../domain/limits.ts';
import { REPLAY_MS } from '../domain/policy.ts';
import { afterReport, deliveredAfterAll, withEarly } from '../domain/reports.ts';
import { recent } from './lru.ts';
import { createMemoryLinks } from './memory-links.ts';
import {
  ANYONE,
  currentOf,
  failuresOf,
  guessesLeft,
  historyOf,
  isGone,
  newPhone,
  owner,
  type Phone,
  recordReply,
  type Verification,
} from './memory-records.ts';
import type {
  CheckCommand,
  CheckReply,
  ReportCommand,
  ReportReply,
  Reservation,
  SendCommand,
  SendReply,
  SettleCommand,
  Slot,
  Store,
} from './store.ts';

export interface MemoryStoreOptions {
  readonly now: () => number;
  /** Phones remembered, and as many messages of vendors. */
  readonly capacity?: number;
}

export function createMemoryStore({ now, capacity = 100_000 }: MemoryStoreOptions): Store {
  const phones = recent<Phone>(capacity);
  const links = createMemoryLinks({ now, capacity });

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

    async cancel({ slot, nonce }) {
      const phone = phoneOf(slot);
      const at = now();
      const { record } = recordReply(phone, slot, nonce, at);
      if (record?.state === 'pending') {
        const canceled = { state: 'canceled', seed: '', codeMac: '', undo: null };
        Object.assign(currentOf(phone, slot) as Verification, canceled);
      }
      return recordReply(phone, slot, nonce, at);
    },

    async status({ slot, nonce, cooldownMs, windows }) {
      const phone = phoneOf(slot);
      const at = now();
      return {
        ...recordReply(phone, slot, nonce, at),
        ...sendStatus(at, historyOf(phone, slot), { cooldownMs, windows }),
      };
    },

    report: async (command) => report(phoneOf(command.slot), command, now()),
    link: async (command) => links.link(command),
    lookup: async (command) => links.lookup(command),
    ready: async () => undefined,

    async close() {
      phones.clear();
      links.clear();
    },
  };
}

function send(phone: Phone, { slot, rules, sendId, candidate, session, request }: SendCommand, at: number): SendReply {
  const previous = currentOf(phone, slot) ?? null;
  const key = `${slot.caller}:${request?.hash}`;
  const answer = request && phone.answers.get(key);
  if (answer && at < answer.reservation.sentAt + REPLAY_MS) {
    if (answer.content !== request.content) return { kind: 'request_id_reused' };
    const { reservation, sendId: answered } = answer;
    // The record knows what was reported since.
    const delivery = (previous?.send.id === answered && previous.send.delivery) || answer.delivery;
    const seed = (previous?.nonce === reservation.nonce && previous.seed) || null;
    return { kind: 'replayed', reservation, delivery, seed, now: at };
  }

  const { blocked } = sendStatus(at, historyOf(phone, slot), rules);
  if (blocked && !rules.test) return { kind: 'blocked', ...blocked };

  const same =
    !rules.test &&
    rules.resend === 'same' &&
    previous?.state === 'pending' &&
    !previous.test &&
    at < previous.expiresAt &&
    previous.attempts < previous.guesses &&
    previous.session === session &&
    previous.digits === rules.digits &&
    (previous.expiresAt - at) * 2 > previous.expiresAt - previous.createdAt;

  if (!rules.test) phone.sends = [...phone.sends, { id: sendId, at }];
  const count = same ? previous.send.count + 1 : 1;
  const verification: Verification = {
    ...(same
      ? previous
      : {
          ...candidate,
          session,
          state: 'pending',
          createdAt: at,
          expiresAt: at + rules.lifeMs,
          digits: rules.digits,
          test: rules.test,
          guesses: rules.test ? rules.guesses : Math.min(rules.guesses, guessesLeft(phone, slot, at)),
          attempts: 0,
          byPhone: 0,
          approvedAt: null,
        }),
    send: { id: sendId, at, count, delivery: null, early: [] },
    undo: previous && { ...previous, undo: null },
  };
  phone.verifications.set(owner(slot), verification);

  const after = rules.test ? null : sendStatus(at, historyOf(phone, slot), rules);
  const reservation: Reservation = {
    nonce: verification.nonce,
    sentAt: at,
    expiresAt: verification.expiresAt,
    resendAt: at + (after?.blocked?.retryAfterMs ?? 0),
    sendsRemaining: Math.min(...rules.windows.map(({ limit }, i) => limit - (after?.windows[i]?.used ?? 0))),
  };
  if (request) phone.answers.set(key, { content: request.content, sendId, reservation, delivery: null });
  return { kind: 'reserved', reservation, seed: verification.seed };
}

/** Every message beyond the one that was reserved is charged like a send of the same moment. */
function chargeMore(phone: Phone, { id, at }: Phone['sends'][number], messages: number): void {
  const more = Array.from({ length: Math.max(0, messages - 1) }, (_, i) => ({ id: `${id}:${i + 2}`, at }));
  const known = new Set(phone.sends.map((send) => send.id));
  phone.sends = [...phone.sends, ...more.filter((send) => !known.has(send.id))].sort((a, b) => a.at - b.at);
}

function settle(phone: Phone, { slot, sendId, requestHash, delivery }: SettleCommand, at: number): void {
  const key = `${slot.caller}:${requestHash}`;
  const answer = phone.answers.get(key);
  const current = currentOf(phone, slot);
  const verification = current?.send.id === sendId ? current : null;
  if (verification?.send.delivery) return;

  const early = verification?.send.early ?? [];
  const settled = delivery === null ? deliveredAfterAll(early) : early.reduce(afterReport, delivery);
  if (settled !== null) {
    const charged = phone.sends.find(({ id }) => id === sendId);
    const messages = charged && delivery ? messagesIn(delivery) : 1;
    if (charged) chargeMore(phone, charged, messages);
    if (verification) verification.send.count += Math.max(0, messages - 1);
    if (answer?.sendId === sendId) answer.delivery = settled;
    if (verification) {
      Object.assign(verification.send, { delivery: settled, early: [] });
      verification.undo = null;
    }
    return;
  }
  phone.sends = phone.sends.filter(({ id }) => id !== sendId);
  if (answer?.sendId === sendId) phone.answers.delete(key);
  if (verification) refund(phone, slot, verification, at);
}

function refund(phone: Phone, slot: Slot, verification: Verification, at: number): void {
  const { undo } = verification;
  if (verification.state !== 'pending') {
    verification.undo = null;
    verification.send.early = [];
  } else if (undo === null) {
    phone.verifications.delete(owner(slot));
  } else if (undo.nonce === verification.nonce) {
    Object.assign(verification, { send: undo.send, undo: null });
  } else {
    if (!undo.test) undo.guesses = Math.min(undo.guesses, undo.attempts + guessesLeft(phone, slot, at));
    phone.verifications.set(owner(slot), undo);
  }
}

function check(phone: Phone, command: CheckCommand, at: number): CheckReply {
  const { slot, nonce, session, codeMac, request, guessesByPhone } = command;
  const key = `${slot.caller}:${request?.hash}`;
  const verdict = request && phone.verdicts.get(key);
  if (verdict && at < verdict.at + REPLAY_MS) {
    return verdict.content === request.content ? verdict.reply : { kind: 'request_id_reused' };
  }

  const v = currentOf(phone, slot);
  const byPhone = nonce === null;
  if (!v || (!byPhone && v.nonce !== nonce) || (v.session !== '' && v.session !== session)) {
    return { kind: 'not_found' };
  }
  if (v.state !== 'pending' || at >= v.expiresAt) return { kind: 'not_found' };

  const left = Math.min(v.guesses - v.attempts, byPhone ? guessesByPhone - v.byPhone : Number.POSITIVE_INFINITY);
  if (left <= 0) return { kind: 'exhausted', nonce: v.nonce };
  v.attempts += 1;
  if (byPhone) v.byPhone += 1;

  let reply: CheckReply;
  if (v.codeMac === codeMac) {
    Object.assign(v, { state: 'approved', approvedAt: at, seed: '', codeMac: '', undo: null });
    phone.failures.delete(owner(slot));
    phone.approvals.set(ANYONE, at).set(owner(slot), at);
    reply = { kind: 'approved', nonce: v.nonce, at, delivery: null };
  } else {
    if (!v.test) phone.failures.set(owner(slot), [...failuresOf(phone, slot), at]);
    reply = { kind: 'wrong', nonce: v.nonce, remaining: left - 1 };
  }
  if (request) phone.verdicts.set(key, { content: request.content, at, reply });
  return reply.kind === 'approved' ? { ...reply, delivery: v.send.delivery } : reply;
}

function report(phone: Phone, command: ReportCommand, at: number): ReportReply {
  const { slot, sendId, provider, messageId, status, category } = command;
  const v = currentOf(phone, slot);
  if (v?.send.id !== sendId || isGone(v, at)) return { outcome: 'superseded', age: 0 };
  const { send } = v;
  const age = at - send.at;
  const said = { provider, messageId, status, category, at };
  if (send.delivery === null) {
    send.early = withEarly(send.early, said);
    return { outcome: 'early', age };
  }
  const delivery = afterReport(send.delivery, said);
  const outcome = delivery === send.delivery ? 'repeated' : 'applied';
  send.delivery = delivery;
  return { outcome, age };
}
