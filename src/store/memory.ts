/**
 * The store in memory: the embedded default of development, and the executable model that random command sequences
 * hold the Lua scripts against. It forgets everything when the process ends and knows nothing of other processes.
 */
import type { Delivery } from '../domain/delivery.ts';
import { sendStatus, windowUse } from '../domain/limits.ts';
import { APPROVAL_RETENTION_MS, GUESS_BUDGETS, REPLAY_MS, RETENTION_MS } from '../domain/policy.ts';
import type {
  CheckReply,
  RecordReply,
  Reservation,
  SendCommand,
  SendReply,
  Slot,
  Store,
  VerificationRecord,
  VerificationState,
} from './store.ts';

interface Phone {
  /** Ascending. */
  sends: { id: string; at: number }[];
  readonly failures: Map<string, number[]>;
  readonly approvals: Map<string, number>;
  readonly verifications: Map<string, Verification>;
  readonly answers: Map<string, Answer>;
  readonly verdicts: Map<string, { content: string; at: number; reply: CheckReply }>;
}

interface Verification {
  readonly nonce: string;
  seed: string;
  codeMac: string;
  readonly session: string;
  state: 'pending' | 'approved' | 'canceled';
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly digits: number;
  guesses: number;
  attempts: number;
  byPhone: number;
  approvedAt: number | null;
  send: { id: string; at: number; count: number; delivery: Delivery | null };
  /** What a refund puts back. */
  undo: Verification | null;
}

interface Answer {
  readonly content: string;
  readonly sendId: string;
  readonly reservation: Reservation;
  delivery: Delivery | null;
}

/** Phones remembered; beyond it the one that was used longest ago is forgotten. */
const CAPACITY = 100_000;
const ANYONE = '*';

export function createMemoryStore({ now }: { now: () => number }): Store {
  const phones = new Map<string, Phone>();

  function phoneOf({ phoneKey }: Slot): Phone {
    const phone = phones.get(phoneKey) ?? newPhone();
    phones.delete(phoneKey);
    phones.set(phoneKey, phone);
    if (phones.size > CAPACITY) phones.delete(phones.keys().next().value as string);
    return phone;
  }

  return {
    async send(command) {
      return send(phoneOf(command.slot), command, now());
    },

    async settle({ slot, sendId, requestHash, delivery }) {
      const phone = phoneOf(slot);
      const answer = phone.answers.get(`${slot.caller}:${requestHash}`);
      const verification = phone.verifications.get(owner(slot));
      if (delivery !== null) {
        if (answer?.sendId === sendId) answer.delivery = delivery;
        if (verification?.send.id === sendId) {
          verification.send.delivery = delivery;
          verification.undo = null;
        }
        return;
      }
      phone.sends = phone.sends.filter(({ id }) => id !== sendId);
      if (answer?.sendId === sendId) phone.answers.delete(`${slot.caller}:${requestHash}`);
      if (verification?.send.id === sendId) refund(phone, slot, verification, now());
    },

    async check({ slot, nonce, session, codeMac, request, guessesByPhone }) {
      const phone = phoneOf(slot);
      const at = now();
      const key = `${slot.caller}:${request?.hash}`;
      const verdict = request && phone.verdicts.get(key);
      if (verdict && at < verdict.at + REPLAY_MS) {
        return verdict.content === request.content ? verdict.reply : { kind: 'request_id_reused' };
      }

      const v = phone.verifications.get(owner(slot));
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
        reply = { kind: 'approved', nonce: v.nonce, at };
      } else {
        phone.failures.set(owner(slot), [...failuresOf(phone, slot), at]);
        reply = { kind: 'wrong', nonce: v.nonce, remaining: left - 1 };
      }
      if (request) phone.verdicts.set(key, { content: request.content, at, reply });
      return reply;
    },

    async cancel({ slot, nonce }) {
      const phone = phoneOf(slot);
      const at = now();
      const { record } = recordReply(phone, slot, nonce, at);
      if (record?.state === 'pending') {
        const canceled = { state: 'canceled', seed: '', codeMac: '', undo: null };
        Object.assign(phone.verifications.get(owner(slot)) as Verification, canceled);
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

    ready: async () => undefined,
    close: async () => phones.clear(),
  };
}

function send(phone: Phone, { slot, rules, sendId, candidate, session, request }: SendCommand, at: number): SendReply {
  const previous = phone.verifications.get(owner(slot)) ?? null;
  const key = `${slot.caller}:${request?.hash}`;
  const answer = request && phone.answers.get(key);
  if (answer && at < answer.reservation.sentAt + REPLAY_MS) {
    if (answer.content !== request.content) return { kind: 'request_id_reused' };
    const { reservation, delivery } = answer;
    const seed = (previous?.nonce === reservation.nonce && previous.seed) || null;
    return { kind: 'replayed', reservation, delivery, seed, now: at };
  }

  const { blocked } = sendStatus(at, historyOf(phone, slot), rules);
  if (blocked) return { kind: 'blocked', ...blocked };

  const same =
    rules.resend === 'same' &&
    previous?.state === 'pending' &&
    at < previous.expiresAt &&
    previous.attempts < previous.guesses &&
    previous.session === session &&
    previous.digits === rules.digits &&
    (previous.expiresAt - at) * 2 > previous.expiresAt - previous.createdAt;

  phone.sends = [...phone.sends, { id: sendId, at }];
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
          guesses: Math.min(rules.guesses, guessesLeft(phone, slot, at)),
          attempts: 0,
          byPhone: 0,
          approvedAt: null,
        }),
    send: { id: sendId, at, count, delivery: null },
    undo: previous && { ...previous, undo: null },
  };
  phone.verifications.set(owner(slot), verification);

  const after = sendStatus(at, historyOf(phone, slot), rules);
  const reservation: Reservation = {
    nonce: verification.nonce,
    sentAt: at,
    expiresAt: verification.expiresAt,
    resendAt: at + (after.blocked?.retryAfterMs ?? 0),
    sendsRemaining: Math.min(...rules.windows.map(({ limit }, i) => limit - (after.windows[i]?.used ?? 0))),
  };
  if (request) phone.answers.set(key, { content: request.content, sendId, reservation, delivery: null });
  return { kind: 'reserved', reservation, seed: verification.seed };
}

function refund(phone: Phone, slot: Slot, verification: Verification, at: number): void {
  const { undo } = verification;
  if (verification.state !== 'pending') {
    verification.undo = null;
  } else if (undo === null) {
    phone.verifications.delete(owner(slot));
  } else if (undo.nonce === verification.nonce) {
    Object.assign(verification, { send: undo.send, undo: null });
  } else {
    undo.guesses = Math.min(undo.guesses, undo.attempts + guessesLeft(phone, slot, at));
    phone.verifications.set(owner(slot), undo);
  }
}

function recordReply(phone: Phone, slot: Slot, nonce: string | null, at: number): RecordReply {
  const v = phone.verifications.get(owner(slot));
  const verifiedAt = phone.approvals.get(owner(slot));
  return {
    now: at,
    phoneVerifiedAt: verifiedAt !== undefined && at < verifiedAt + APPROVAL_RETENTION_MS ? verifiedAt : null,
    record: v && (nonce === null || v.nonce === nonce) ? view(v, at) : null,
  };
}

function view(v: Verification, at: number): VerificationRecord | null {
  const gone = v.approvedAt !== null ? v.approvedAt + APPROVAL_RETENTION_MS : v.expiresAt + RETENTION_MS;
  if (at >= gone) return null;
  const state: VerificationState =
    v.state !== 'pending' ? v.state : v.attempts >= v.guesses ? 'exhausted' : at >= v.expiresAt ? 'expired' : 'pending';
  return {
    nonce: v.nonce,
    state,
    createdAt: v.createdAt,
    sentAt: v.send.at,
    expiresAt: v.expiresAt,
    approvedAt: v.approvedAt,
    sends: v.send.count,
    attempts: v.attempts,
    attemptsRemaining: state === 'pending' ? v.guesses - v.attempts : 0,
    delivery: v.send.delivery,
  };
}

function historyOf(phone: Phone, slot: Slot) {
  return {
    sends: phone.sends.map(({ at }) => at),
    failures: failuresOf(phone, slot),
    approvedAt: phone.approvals.get(ANYONE) ?? 0,
    cooldownWaived: false,
  };
}

function guessesLeft(phone: Phone, slot: Slot, at: number): number {
  const failures = failuresOf(phone, slot);
  return Math.max(0, Math.min(...GUESS_BUDGETS.map((row) => row.limit - windowUse(failures, at, row).used)));
}

function failuresOf(phone: Phone, slot: Slot): number[] {
  return phone.failures.get(owner(slot)) ?? [];
}

function owner({ caller, purpose }: Slot): string {
  return `${caller}:${purpose}`;
}

function newPhone(): Phone {
  return {
    sends: [],
    failures: new Map(),
    approvals: new Map(),
    verifications: new Map(),
    answers: new Map(),
    verdicts: new Map(),
  };
}
