/** Where a request's state is, and how its secrets are named there: slots, sessions and idempotency keys. */
import type { Keyring } from '../domain/keyring.ts';
import type { PurposePolicy } from '../domain/policy.ts';
import { Refused } from '../domain/refusal.ts';
import type { Target } from '../domain/request.ts';
import type { RequestKey, Slot } from '../store/store.ts';
import type { Call } from './types.ts';

export type Addressing = ReturnType<typeof createAddressing>;

export function createAddressing(keyring: Keyring) {
  const slotOf = (phoneKey: string, purpose: PurposePolicy, call: Call): Slot => ({
    phoneKey,
    caller: call.caller.name,
    purpose: purpose.name,
  });

  /** The slot that an id routes to. */
  function locateId(verificationId: string, purpose: PurposePolicy, call: Call): { slot: Slot; nonce: string } {
    const id = keyring.parseVerificationId(verificationId);
    if (id === null) {
      throw new Refused({
        reason: 'INVALID_FIELDS',
        violations: [{ field: 'verification_id', rule: 'malformed_id' }],
      });
    }
    call.facts.verificationId = verificationId;
    return { slot: slotOf(id.phoneKey, purpose, call), nonce: id.nonce };
  }

  return {
    slotOf,
    locateId,

    /** By id or by phone; without a nonce the slot's current verification is meant. */
    locate(target: Target, purpose: PurposePolicy, call: Call): { slot: Slot; nonce: string | null } {
      if (target.kind === 'id') return locateId(target.verificationId, purpose, call);
      call.facts.phone = target.phone.masked;
      return { slot: slotOf(keyring.phoneKey(target.phone.e164), purpose, call), nonce: null };
    },

    /** Empty when the request names no session. */
    sessionKey: (phoneKey: string, sessionId: string) =>
      sessionId === '' ? '' : keyring.fingerprint('session', phoneKey, [sessionId]),

    /** Null without a request id. `content` is what the same id must come with again. */
    requestKey(kind: 'send' | 'check', slot: Slot, id: string, content: readonly string[]): RequestKey | null {
      if (id === '') return null;
      return {
        hash: keyring.fingerprint(`${kind} request`, slot.phoneKey, [id]),
        content: keyring.fingerprint(`${kind} content`, slot.phoneKey, [slot.purpose, ...content]),
      };
    },
  };
}
