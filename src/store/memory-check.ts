/** One guess in memory; as check.lua. */
import { APPROVAL_RETENTION_MS, REPLAY_MS } from '../domain/policy.ts';
import { ownerOf } from './keys.ts';
import { currentOf, failuresOf, holds, type Phone, requestKeyOf, type Verification } from './memory-records.ts';
import type { CheckCommand, CheckReply } from './store.ts';

export function check(phone: Phone, command: CheckCommand, now: number): CheckReply {
  const { slot, nonce, request } = command;
  const verification = currentOf(phone, slot, now);
  const key = requestKeyOf(slot, request?.hash);
  const stored = request && phone.verdicts.get(key);
  if (stored && holds(stored.at, stored.at + REPLAY_MS, now)) {
    return stored.content === request.content ? stored.reply : { kind: 'request_id_reused' };
  }

  if (!verification || !isAskedFor(verification, command, now)) return { kind: 'not_found' };
  const left = Math.min(
    verification.guesses - verification.attempts,
    nonce === null ? command.guessesByPhone - verification.byPhone : Number.POSITIVE_INFINITY,
  );
  if (left <= 0) return { kind: 'exhausted', nonce: verification.nonce };

  const reply = compare(phone, verification, command, left, now);
  if (request) phone.verdicts.set(key, { content: request.content, at: now, reply });
  return reply.kind === 'approved' ? { ...reply, delivery: verification.send.delivery } : reply;
}

/** Whether the guess is for this verification, and that can still be approved. */
function isAskedFor(verification: Verification, { nonce, session, content }: CheckCommand, now: number): boolean {
  return (
    (nonce === null || verification.nonce === nonce) &&
    (verification.session === '' || verification.session === session) &&
    (content === '' || verification.content === content) &&
    verification.state === 'pending' &&
    now < verification.expiresAt
  );
}

function compare(
  phone: Phone,
  verification: Verification,
  command: CheckCommand,
  left: number,
  now: number,
): CheckReply {
  const { slot, nonce, codeMac } = command;
  verification.attempts += 1;
  if (nonce === null) verification.byPhone += 1;
  if (verification.codeMac === codeMac) {
    Object.assign(verification, { state: 'approved', approvedAt: now, seed: '', codeMac: '', undo: null });
    phone.failures.delete(ownerOf(slot));
    phone.approvals.set(ownerOf(slot), now);
    return { kind: 'approved', nonce: verification.nonce, at: now, delivery: null };
  }
  if (!verification.test) {
    const counted = failuresOf(phone, slot).filter((time) => time > now - APPROVAL_RETENTION_MS);
    phone.failures.set(ownerOf(slot), [...counted, now]);
  }
  return { kind: 'wrong', nonce: verification.nonce, remaining: left - 1 };
}
