/** Sends in memory: reserved, settled, refunded; as send.lua and settle.lua. */
import { SENDING_MS } from '../domain/deadlines.ts';
import { messagesIn } from '../domain/delivery.ts';
import { sendStatus, sendsCountMs } from '../domain/limits.ts';
import { REPLAY_MS, UNDO_STEPS } from '../domain/policy.ts';
import { afterReport, deliveredAfterAll } from '../domain/reports.ts';
import type { Slot } from '../domain/slot.ts';
import { ownerOf } from './keys.ts';
import {
  currentOf,
  guessesLeft,
  historyOf,
  holds,
  isUsable,
  type Phone,
  requestKeyOf,
  type StoredAnswer,
  type Verification,
} from './memory-records.ts';
import type { Reservation, SendCommand, SendReply, SettleCommand } from './store.ts';

export function send(phone: Phone, command: SendCommand, now: number): SendReply {
  const { slot, rules, sendId, request } = command;
  const previous = currentOf(phone, slot, now) ?? null;
  const known = knownAnswer(phone, command, now);
  if (known && 'kind' in known) return known;

  const blocked = rules.test || known ? null : sendStatus(now, historyOf(phone, slot, now), rules).blocked;
  if (blocked) return { kind: 'blocked', ...blocked };

  const same = previous && (known || repeatsCode(previous, command, now));
  if (!rules.test)
    phone.sends = [
      ...phone.sends.filter(({ at }) => at > now - sendsCountMs(rules)),
      { id: sendId, at: now, caller: slot.caller, messages: 1 },
    ];
  const verification: Verification = {
    ...(same ? previous : newVerification(phone, command, now)),
    send: { id: sendId, at: now, count: same ? previous.send.count + 1 : 1, delivery: null, early: [] },
    undo: previous && withSteps(previous, UNDO_STEPS - 1),
  };
  phone.verifications.set(ownerOf(slot), verification);

  const reservation = reservationOf(phone, verification, command, now);
  if (request) {
    const answer = { content: request.content, sendId, reservation, orphan: known, delivery: null };
    phone.answers.set(requestKeyOf(slot, request.hash), answer);
  }
  return { kind: 'reserved', reservation, seed: verification.seed };
}

/** A verification to be put back by a refund, with at most this many others behind it. */
function withSteps(verification: Verification, steps: number): Verification {
  const { undo } = verification;
  return { ...verification, undo: undo && steps > 0 ? withSteps(undo, steps - 1) : null };
}

/**
 * The reply to a repeated request; or the answer of a call that ended with its process, whose place this one takes; or
 * null when this is the first, or as good as the first.
 */
function knownAnswer(
  phone: Phone,
  { slot, rules, request }: SendCommand,
  now: number,
): SendReply | StoredAnswer | null {
  const answer = request && phone.answers.get(requestKeyOf(slot, request.hash));
  if (!answer || !holds(answer.reservation.sentAt, answer.reservation.sentAt + REPLAY_MS, now)) return null;
  if (answer.content !== request.content) return { kind: 'request_id_reused' };
  const { reservation, sendId, orphan } = answer;
  const leaseEnd = reservation.sentAt + SENDING_MS;
  const record = currentOf(phone, slot, now);
  const current = record?.send.id === sendId;
  // The record's delivery includes what was reported since.
  const delivery = (current && record.send.delivery) || answer.delivery;
  if (!delivery && now < leaseEnd) return { kind: 'under_way', retryAfterMs: leaseEnd - now };

  const live = record?.nonce === reservation.nonce && isUsable(record, now) ? record : null;
  const unheard = current && !delivery && !orphan && record.state === 'pending' && record.attempts < record.guesses;
  // A code that is over before anybody can type it is not sent again: a new one takes its place.
  if (unheard && !isFresh(record, now)) return null;
  if (live && unheard && live.digits === rules.digits && live.test === rules.test) return answer;
  const expiresAt = live ? reservation.expiresAt : Math.min(reservation.expiresAt, now);
  return { kind: 'replayed', reservation: { ...reservation, expiresAt }, delivery, seed: live?.seed || null, now };
}

/** Whether the live code goes out again. */
function repeatsCode(previous: Verification, { rules, session, content }: SendCommand, now: number): boolean {
  return (
    !rules.test &&
    rules.resend === 'same' &&
    isUsable(previous, now) &&
    !previous.test &&
    previous.session === session &&
    // One code must not stand for two transactions.
    previous.content === content &&
    previous.digits === rules.digits &&
    isFresh(previous, now)
  );
}

/** Worth sending again: more than half of its life is left. */
function isFresh({ createdAt, expiresAt }: Verification, now: number): boolean {
  return (expiresAt - now) * 2 > expiresAt - createdAt;
}

function newVerification(phone: Phone, { slot, rules, candidate, session, content }: SendCommand, now: number) {
  return {
    ...candidate,
    session,
    content,
    state: 'pending',
    createdAt: now,
    expiresAt: now + rules.lifeMs,
    digits: rules.digits,
    test: rules.test,
    guesses: rules.test ? rules.guesses : Math.min(rules.guesses, guessesLeft(phone, slot, now)),
    attempts: 0,
    byPhone: 0,
    approvedAt: null,
  } as const satisfies Omit<Verification, 'send' | 'undo'>;
}

function reservationOf(phone: Phone, verification: Verification, command: SendCommand, now: number): Reservation {
  const { slot, rules } = command;
  const after = rules.test ? null : sendStatus(now, historyOf(phone, slot, now), rules);
  return {
    nonce: verification.nonce,
    sentAt: now,
    expiresAt: verification.expiresAt,
    resendAt: now + (after?.blocked?.retryAfterMs ?? 0),
    // A send that takes the place of another one may go beyond a window.
    sendsRemaining: Math.max(
      0,
      Math.min(...rules.windows.map(({ limit }, i) => limit - (after?.windows[i]?.used ?? 0))),
    ),
  };
}

export function settle(phone: Phone, { slot, sendId, requestHash, delivery }: SettleCommand, now: number): void {
  const key = requestKeyOf(slot, requestHash);
  const stored = phone.answers.get(key);
  const answer = stored?.sendId === sendId ? stored : null;
  const current = phone.verifications.get(ownerOf(slot));
  const verification = current?.send.id === sendId ? current : null;
  if (verification?.send.delivery) return;

  const isCharge = ({ id, caller }: Phone['sends'][number]) => id === sendId && caller === slot.caller;
  const early = verification?.send.early ?? [];
  const settled = delivery === null ? deliveredAfterAll(early) : early.reduce(afterReport, delivery);
  if (settled === null) {
    phone.sends = phone.sends.filter((send) => !isCharge(send));
    if (answer?.orphan) phone.answers.set(key, answer.orphan);
    else if (answer) phone.answers.delete(key);
    if (verification) refund(phone, slot, verification, now);
    else if (current) forgetSend(current, sendId);
    return;
  }
  const charged = phone.sends.find(isCharge);
  const messages = charged && delivery ? messagesIn(delivery) : 1;
  // Every message beyond the one that was reserved is charged like a send of the same moment.
  if (charged && messages > 1) charged.messages = messages;
  if (answer) answer.delivery = settled;
  if (verification) {
    verification.send.count += Math.max(0, messages - 1);
    Object.assign(verification.send, { delivery: settled, early: [] });
    verification.undo = null;
  }
}

/** Takes a send out of what refunds put back. */
function forgetSend(verification: Verification, sendId: string): void {
  const { undo } = verification;
  if (undo?.send.id === sendId) verification.undo = undo.undo;
  else if (undo) forgetSend(undo, sendId);
}

function refund(phone: Phone, slot: Slot, verification: Verification, now: number): void {
  const { undo } = verification;
  if (verification.state !== 'pending') {
    verification.undo = null;
    verification.send.early = [];
  } else if (undo === null) {
    phone.verifications.delete(ownerOf(slot));
  } else if (undo.nonce === verification.nonce) {
    Object.assign(verification, { send: undo.send, undo: undo.undo });
  } else {
    if (!undo.test) undo.guesses = Math.min(undo.guesses, undo.attempts + guessesLeft(phone, slot, now));
    phone.verifications.set(ownerOf(slot), undo);
  }
}
