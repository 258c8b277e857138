/** What the store in memory keeps of a phone, and how it is read. */
import type { Delivery } from '../domain/delivery.ts';
import { type SendHistory, windowUse } from '../domain/limits.ts';
import { APPROVAL_RETENTION_MS, GUESS_BUDGETS, RETENTION_MS } from '../domain/policy.ts';
import type { MessageReport } from '../domain/reports.ts';
import type { CheckReply, RecordReply, Reservation, Slot, VerificationRecord, VerificationState } from './store.ts';

export interface Phone {
  /** Ascending. */
  sends: { id: string; at: number }[];
  readonly failures: Map<string, number[]>;
  readonly approvals: Map<string, number>;
  readonly verifications: Map<string, Verification>;
  readonly answers: Map<string, Answer>;
  readonly verdicts: Map<string, { content: string; at: number; reply: CheckReply }>;
}

export interface Verification {
  readonly nonce: string;
  seed: string;
  codeMac: string;
  readonly session: string;
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
  /** What a refund puts back. */
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

export interface Answer {
  readonly content: string;
  readonly sendId: string;
  readonly reservation: Reservation;
  delivery: Delivery | null;
}

/** Whoever approved. */
export const ANYONE = '*';

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

export function owner({ caller, purpose }: Slot): string {
  return `${caller}:${purpose}`;
}

export function currentOf(phone: Phone, slot: Slot): Verification | undefined {
  return phone.verifications.get(owner(slot));
}

export function failuresOf(phone: Phone, slot: Slot): number[] {
  return phone.failures.get(owner(slot)) ?? [];
}

export function guessesLeft(phone: Phone, slot: Slot, at: number): number {
  const failures = failuresOf(phone, slot);
  return Math.max(0, Math.min(...GUESS_BUDGETS.map((row) => row.limit - windowUse(failures, at, row).used)));
}

export function historyOf(phone: Phone, slot: Slot): SendHistory {
  return {
    sends: phone.sends.map(({ at }) => at),
    failures: failuresOf(phone, slot),
    approvedAt: phone.approvals.get(ANYONE) ?? 0,
    cooldownWaived: false,
  };
}

/** Past its retention. */
export function isGone(v: Verification, at: number): boolean {
  return at >= (v.approvedAt !== null ? v.approvedAt + APPROVAL_RETENTION_MS : v.expiresAt + RETENTION_MS);
}

export function recordReply(phone: Phone, slot: Slot, nonce: string | null, at: number): RecordReply {
  const v = currentOf(phone, slot);
  const verifiedAt = phone.approvals.get(owner(slot));
  return {
    now: at,
    phoneVerifiedAt: verifiedAt !== undefined && at < verifiedAt + APPROVAL_RETENTION_MS ? verifiedAt : null,
    record: v && (nonce === null || v.nonce === nonce) && !isGone(v, at) ? view(v, at) : null,
  };
}

function view(v: Verification, at: number): VerificationRecord {
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
