/** One guess in memory; as check.lua. */
import { REPLAY_MS } from '../domain/policy.ts';
import { ownerOf } from './keys.ts';
import { ANY_OWNER, currentOf, failuresOf, type Phone, requestKeyOf, type Verification } from './memory-records.ts';
import type { CheckCommand, CheckReply } from './store.ts';

export function check(phone: Phone, command: CheckCommand, at: number): CheckReply {
  const { slot, nonce, request } = command;
  const key = requestKeyOf(slot, request?.hash);
  const stored = request && phone.verdicts.get(key);
  if (stored && at < stored.at + REPLAY_MS) {
    return stored.content === request.content ? stored.reply : { kind: 'request_id_reused' };
  }

  const verification = currentOf(phone, slot);
  if (!verification || !isAskedFor(verification, command, at)) return { kind: 'not_found' };
  const left = Math.min(
    verification.guesses - verification.attempts,
    nonce === null ? command.guessesByPhone - verification.byPhone : Number.POSITIVE_INFINITY,
  );
  if (left <= 0) return { kind: 'exhausted', nonce: verification.nonce };

  const reply = compare(phone, verification, command, left, at);
  if (request) phone.verdicts.set(key, { content: request.content, at, reply });
  return reply.kind === 'approved' ? { ...reply, delivery: verification.send.delivery } : reply;
}

/** Whether the guess is for this verification, and that can still be approved. */
function isAskedFor(verification: Verification, { nonce, session }: CheckCommand, at: number): boolean {
  return (
    (nonce === null || verification.nonce === nonce) &&
    (verification.session === '' || verification.session === session) &&
    verification.state === 'pending' &&
    at < verification.expiresAt
  );
}

function compare(
  phone: Phone,
  verification: Verification,
  command: CheckCommand,
  left: number,
  at: number,
): CheckReply {
  const { slot, nonce, codeMac } = command;
  verification.attempts += 1;
  if (nonce === null) verification.byPhone += 1;
  if (verification.codeMac === codeMac) {
    Object.assign(verification, { state: 'approved', approvedAt: at, seed: '', codeMac: '', undo: null });
    phone.failures.delete(ownerOf(slot));
    phone.approvals.set(ANY_OWNER, at).set(ownerOf(slot), at);
    return { kind: 'approved', nonce: verification.nonce, at, delivery: null };
  }
  if (!verification.test) phone.failures.set(ownerOf(slot), [...failuresOf(phone, slot), at]);
  return { kind: 'wrong', nonce: verification.nonce, remaining: left - 1 };
}
