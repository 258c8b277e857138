/** CheckCode: one round trip to the store, which compares, counts the guess and approves. */
import type { Delivery } from '../domain/delivery.ts';
import type { Keyring } from '../domain/keyring.ts';
import { Refused } from '../domain/refusal.ts';
import { type RequestRules, validateCheckCode } from '../domain/request.ts';
import type { Store } from '../store/store.ts';
import { authorize, validOrRefused } from './authorize.ts';
import { approvedTag, contentKey, locate, requestKey, sessionKey } from './slot.ts';
import type { Call, CheckCodeInput, CheckCodeOutput } from './types.ts';

export interface CheckCodeDependencies extends RequestRules {
  readonly store: Pick<Store, 'check'>;
  readonly keyring: Keyring;
  /** Called once per approval with the delivery of the message whose code was entered. Must not throw or wait. */
  readonly onApproved: (delivery: Delivery, approvedAt: number) => void;
}

export function createCheckCode(dependencies: CheckCodeDependencies) {
  const { store, keyring, purposes, onApproved } = dependencies;

  return async (input: CheckCodeInput, call: Call): Promise<CheckCodeOutput> => {
    authorize(input.purpose, call, purposes);
    const { purpose, target } = validOrRefused(validateCheckCode(input, dependencies), call);
    const { slot, nonce } = locate(target, purpose, { keyring, call });
    const session = sessionKey(keyring, slot.phoneKey, input.client?.sessionId ?? '');
    const codeMac = keyring.codeMac({ ...slot, code: input.code });
    const content = contentKey(keyring, slot.phoneKey, input.variables);
    const request = requestKey(keyring, {
      rpc: 'check',
      slot,
      requestId: input.requestId,
      content: [nonce ?? '', session, codeMac, content],
    });
    const reply = await store.check({
      slot,
      nonce,
      session,
      content,
      codeMac,
      request,
      approvedTag: approvedTag(keyring, slot, request),
      guessesByPhone: purpose.guessesByPhone,
    });
    if (reply.kind === 'request_id_reused') throw new Refused({ reason: 'REQUEST_ID_REUSED' });
    call.facts.outcome = reply.kind === 'wrong' ? 'wrong_code' : reply.kind;
    if (reply.kind === 'not_found') return { result: 'not_found' };

    const id = target.kind === 'id' ? target.verificationId : keyring.verificationId(slot.phoneKey, reply.nonce);
    call.facts.verificationId = id;
    if (reply.kind === 'approved') {
      if (reply.delivery !== null) onApproved(reply.delivery, reply.at);
      return { result: 'approved', verificationId: id, verifiedAt: reply.at };
    }
    // Some guesses are kept for the holder of the id. A caller that guesses by phone would get them with the id.
    const verificationId = target.kind === 'phone' ? '' : id;
    if (reply.kind === 'exhausted') return { result: 'exhausted', verificationId };
    return { result: 'wrong_code', verificationId, attemptsRemaining: reply.remaining };
  };
}
