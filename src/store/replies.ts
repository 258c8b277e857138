/** Decodes the replies of the scripts. A reply that is not in a script's header is a fault. */
import type { Delivery } from '../domain/delivery.ts';
import { deliveryOf } from './delivery-text.ts';
import type { LinkReply, LookupReply, ReportReply, WaitingReport } from './report-commands.ts';
import type { CheckReply, RecordReply, Reservation, SendReply, StatusReply, VerificationRecord } from './store.ts';
import type { TakeCommand, TakenRow, TakeReply } from './takes.ts';

type Part = string | number;

export type Reply = readonly Part[];

export function sendReply(reply: Reply): SendReply {
  const [word, ...values] = reply;
  switch (word) {
    case 'RESERVED':
      return { kind: 'reserved', reservation: reservation(values), seed: text(values[5]) };
    case 'REPLAYED':
      return {
        kind: 'replayed',
        reservation: reservation(values),
        seed: text(values[5]) || null,
        delivery: delivery(values[6]),
        now: integer(values[7]),
      };
    case 'REQUEST_ID_REUSED':
      return { kind: 'request_id_reused' };
    case 'UNDER_WAY':
      return { kind: 'under_way', retryAfterMs: integer(values[0]) };
    case 'CODE_LOST':
      return { kind: 'code_lost' };
    case 'BLOCKED':
      return { kind: 'blocked', by: text(values[0]), retryAfterMs: integer(values[1]) };
    default:
      return unknown('send', word);
  }
}

export function settleReply([word]: Reply): void {
  if (word !== 'SETTLED') unknown('settle', word);
}

export function checkReply([word, nonce, value, json = '']: Reply): CheckReply {
  switch (word) {
    case 'APPROVED':
      return { kind: 'approved', nonce: text(nonce), at: integer(value), delivery: delivery(json) };
    case 'WRONG':
      return { kind: 'wrong', nonce: text(nonce), remaining: integer(value) };
    case 'EXHAUSTED':
      return { kind: 'exhausted', nonce: text(nonce) };
    case 'NOT_FOUND':
      return { kind: 'not_found' };
    case 'REQUEST_ID_REUSED':
      return { kind: 'request_id_reused' };
    case 'FORGED':
      throw new Error('check.lua found an approval that this service did not write');
    default:
      return unknown('check', word);
  }
}

export function recordReply([word, json]: Reply): RecordReply {
  if (word !== 'RECORD') unknown('cancel', word);
  return record(JSON.parse(text(json)));
}

export function reportReply([word, age]: Reply): ReportReply {
  switch (word) {
    case 'APPLIED':
      return { outcome: 'applied', age: integer(age) };
    case 'REPEATED':
      return { outcome: 'repeated', age: integer(age) };
    case 'EARLY':
      return { outcome: 'early', age: integer(age) };
    case 'SUPERSEDED':
      return { outcome: 'superseded', age: 0 };
    default:
      return unknown('report', word);
  }
}

export function takeReply([word, first, ...rest]: Reply, { rows }: TakeCommand): TakeReply {
  if (word === 'TAKEN') return { kind: 'taken', at: integer(first), rows: rest.map(takenRow) };
  if (word !== 'REFUSED') return unknown('take', word);
  const by = rows[integer(first)]?.name;
  return { kind: 'refused', by: text(by), retryAfterMs: integer(rest[0]) };
}

function takenRow(before: Part): TakenRow {
  if (before === 'full') return { full: true, before: null };
  return { full: false, before: before === '' ? null : Number(before) };
}

export function giveReply([word]: Reply): void {
  if (word !== 'GIVEN') unknown('give', word);
}

export function linkReply([word, ...reports]: Reply): LinkReply {
  if (word !== 'LINKED') unknown('link', word);
  return { reports: reports.map(waitingReport) };
}

function waitingReport(json: Part): WaitingReport {
  const [status, category, vendorCode] = JSON.parse(text(json));
  return { status, category, vendorCode };
}

export function lookupReply([word, token]: Reply): LookupReply {
  switch (word) {
    case 'FOUND':
      return { token: text(token) };
    case 'KEPT':
      return { token: null };
    default:
      return unknown('lookup', word);
  }
}

export function readyReply([word]: Reply): void {
  if (word !== 'READY') unknown('ready', word);
}

export function statusReply([word, json]: Reply): StatusReply {
  if (word !== 'STATUS') unknown('status', word);
  const { windows, budgets, cooldown, blocked = null, ...rest } = JSON.parse(text(json));
  return { ...record(rest), windows, budgets, cooldown, blocked };
}

type WireRecord = Omit<VerificationRecord, 'delivery' | 'approvedAt'> & { delivery?: string; approvedAt?: number };

function record(wire: { now: number; phoneVerifiedAt?: number; record?: WireRecord }): RecordReply {
  return {
    now: wire.now,
    phoneVerifiedAt: wire.phoneVerifiedAt ?? null,
    record: wire.record
      ? {
          ...wire.record,
          approvedAt: wire.record.approvedAt ?? null,
          delivery: delivery(wire.record.delivery ?? ''),
        }
      : null,
  };
}

function reservation(values: Reply): Reservation {
  return {
    nonce: text(values[0]),
    sentAt: integer(values[1]),
    expiresAt: integer(values[2]),
    resendAt: integer(values[3]),
    sendsRemaining: integer(values[4]),
  };
}

function delivery(json: Part | undefined): Delivery | null {
  return json === '' ? null : deliveryOf(text(json));
}

function text(value: Part | undefined): string {
  if (typeof value !== 'string') throw new Error('a script answered something that is no text');
  return value;
}

function integer(value: Part | undefined): number {
  if (!Number.isSafeInteger(value)) throw new Error('a script answered something that is no integer');
  return value as number;
}

function unknown(script: string, word: Part | undefined): never {
  throw new Error(`${script}.lua answered an unknown word: ${word}`);
}
