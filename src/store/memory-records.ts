/** What the store in memory keeps of a phone, and how it is read. `now` is the time of the call. */
import type { Delivery } from '../domain/delivery.ts';
import { type SendHistory, windowUse } from '../domain/limits.ts';
import { APPROVAL_RETENTION_MS, GUESS_BUDGETS, RETENTION_MS } from '../domain/policy.ts';
import type { MessageReport } from '../domain/reports.ts';
import type { Slot } from '../domain/slot.ts';
import { ownerOf } from './keys.ts';
import type { CheckReply, RecordReply, Reservation, VerificationRecord, VerificationState } from './store.ts';

export interface Phone {
  /** Ascending; without those that no limit counts any more. */
  sends: ChargedSend[];
  /** By owner, as approvals and verifications. */
  readonly failures: Map<string, number[]>;
  /** By owner. */
  readonly approvals: Map<string, number>;
  readonly verifications: Map<string, Verification>;
  /** By request, as verdicts. */
  readonly answers: Map<string, StoredAnswer>;
  readonly verdicts: Map<string, StoredVerdict>;
}

export interface ChargedSend {
  readonly id: string;
  readonly at: number;
  readonly caller: string;
  /** SMS that it is charged for. */
  messages: number;
}

export interface Verification {
  readonly nonce: string;
  seed: string;
  codeMac: string;
  readonly session: string;
  readonly content: string;
  state: 'pending' | 'approved' | 'canceled';
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly digits: number;
  readonly test: boolean;
  guesses: number;
  attempts: number;
  byPhone: number;
  approvedAt: number | null;
  send: Sent;
  /** What a refund puts back; with what a further one puts back behind it. */
  undo: Verification | null;
}

/** The last SMS of a verification. */
export interface Sent {
  readonly id: string;
  readonly at: number;
  count: number;
  /** Null while unsettled. */
  delivery: Delivery | null;
  /** Reports that came before it was settled. */
  early: readonly MessageReport[];
}

export interface StoredAnswer {
  readonly content: string;
  readonly sendId: string;
  readonly reservation: Reservation;
  /** The answer of the call whose place this one took. */
  readonly orphan: StoredAnswer | null;
  delivery: Delivery | null;
}

export interface StoredVerdict {
  readonly content: string;
  readonly at: number;
  readonly reply: CheckReply;
}

export function newPhone(): Phone {
  return {
    sends: [],
    failures: new Map(),
    approvals: new Map(),
    verifications: new Map(),
    answers: new Map(),
    verdicts: new Map(),
  };
}

export function requestKeyOf({ caller }: Slot, requestHash: string | null | undefined): string {
  return `${caller}:${requestHash}`;
}

/** Whether something holds now that was written at `from` and ends at `to`; as `holds` of lua/lib/prelude.lua. */
export function holds(from: number, to: number, now: number): boolean {
  return from <= now && now < to;
}

/** As `read_record` of lua/lib/record.lua: one from the future of a clock that was set back is dead, for good. */
export function currentOf(phone: Phone, slot: Slot, now: number): Verification | undefined {
  const verification = phone.verifications.get(ownerOf(slot));
  if (!verification || (verification.approvedAt ?? verification.send.at) <= now) return verification;
  phone.verifications.delete(ownerOf(slot));
  return undefined;
}

export function failuresOf(phone: Phone, slot: Slot): number[] {
  return phone.failures.get(ownerOf(slot)) ?? [];
}

export function guessesLeft(phone: Phone, slot: Slot, now: number): number {
  const failures = failuresOf(phone, slot);
  return Math.max(0, Math.min(...GUESS_BUDGETS.map((row) => row.limit - windowUse(failures, now, row).used)));
}

export function historyOf(phone: Phone, slot: Slot, now: number): SendHistory {
  bringBack(phone, slot, now);
  const approvals = [...phone.approvals].filter(([owner, at]) => owner.startsWith(`${slot.caller}:`) && at <= now);
  return {
    sends: phone.sends.flatMap(({ at, caller, messages }) =>
      Array.from({ length: messages }, () => ({ at, own: caller === slot.caller })),
    ),
    failures: failuresOf(phone, slot),
    approvedAt: Math.max(0, ...approvals.map(([, at]) => at)),
    cooldownWaived: false,
  };
}

/** Whether the right code would be approved. */
export function isUsable(verification: Verification, now: number): boolean {
  return stateOf(verification, now) === 'pending';
}

/** Times from the future of a clock that was set back become now; as `bring_back` of lua/lib/limits.lua. */
function bringBack(phone: Phone, slot: Slot, now: number): void {
  const earlier = (time: number) => Math.min(time, now);
  phone.sends = phone.sends.map((send) => ({ ...send, at: earlier(send.at) })).sort((a, b) => a.at - b.at);
  const failures = failuresOf(phone, slot).map(earlier);
  if (failures.length > 0)
    phone.failures.set(
      ownerOf(slot),
      failures.sort((a, b) => a - b),
    );
}

/** Past its retention. */
export function isGone({ approvedAt, expiresAt }: Verification, now: number): boolean {
  return now >= (approvedAt ?? expiresAt) + RETENTION_MS;
}

export function recordReply(phone: Phone, slot: Slot, nonce: string | null, now: number): RecordReply {
  const verification = currentOf(phone, slot, now);
  const verifiedAt = phone.approvals.get(ownerOf(slot));
  const shown = verification && (nonce === null || verification.nonce === nonce) && !isGone(verification, now);
  return {
    now,
    phoneVerifiedAt:
      verifiedAt !== undefined && holds(verifiedAt, verifiedAt + APPROVAL_RETENTION_MS, now) ? verifiedAt : null,
    record: shown ? recordOf(verification, now) : null,
  };
}

function recordOf(verification: Verification, now: number): VerificationRecord {
  const { nonce, createdAt, expiresAt, approvedAt, attempts, guesses, send } = verification;
  const state = stateOf(verification, now);
  return {
    nonce,
    state,
    createdAt,
    sentAt: send.at,
    expiresAt,
    approvedAt,
    sends: send.count,
    attempts,
    attemptsRemaining: state === 'pending' ? guesses - attempts : 0,
    delivery: send.delivery,
  };
}

function stateOf({ state, attempts, guesses, expiresAt }: Verification, now: number): VerificationState {
  if (state !== 'pending') return state;
  if (attempts >= guesses) return 'exhausted';
  return now >= expiresAt ? 'expired' : 'pending';
}
