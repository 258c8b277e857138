/**
 * The story of a verification: send, check, explain, read, cancel. It decides nothing atomic (the store does) and talks
 * to no network; everything it needs comes in as an argument.
 */

import { Refused } from '../domain/refusal.ts';
import * as requests from '../domain/request.ts';
import { approvalOf, rateStatusOf, verificationOf } from './answers.ts';
import { authorize, checked } from './authorize.ts';
import type { VerifierParts } from './parts.ts';
import { createSendCode } from './send-code.ts';
import { createAddressing } from './slot.ts';
import type { Call, CheckCodeOutput, VerificationOutput, Verifier } from './types.ts';

export function createVerifier(parts: VerifierParts): Verifier {
  const { store, keyring, purposes, limits, phones } = parts;
  const rules = { purposes, phones };
  const addressing = createAddressing(keyring);
  const { locate, locateId, sessionKey, requestKey } = addressing;

  return {
    sendCode: createSendCode(parts, addressing),

    async checkCode(request, call): Promise<CheckCodeOutput> {
      authorize(request.purpose, call, purposes);
      const { purpose, target } = checked(requests.checkCheckCode(request, rules));
      const { slot, nonce } = locate(target, purpose, call);
      const session = sessionKey(slot.phoneKey, request.client?.sessionId ?? '');
      const codeMac = keyring.codeMac({ ...slot, code: request.code });
      const reply = await store.check({
        slot,
        nonce,
        session,
        codeMac,
        request: requestKey('check', slot, request.requestId, [nonce ?? '', session, codeMac]),
        guessesByPhone: purpose.guessesByPhone,
      });
      if (reply.kind === 'request_id_reused') throw new Refused({ reason: 'REQUEST_ID_REUSED' });
      call.facts.outcome = reply.kind === 'wrong' ? 'wrong_code' : reply.kind;
      if (reply.kind === 'not_found') return { result: 'not_found' };

      const id = target.kind === 'id' ? target.verificationId : keyring.verificationId(slot.phoneKey, reply.nonce);
      call.facts.verificationId = id;
      if (reply.kind === 'approved') {
        if (reply.delivery !== null) parts.feedback(reply.delivery, reply.at);
        return { result: 'approved', verificationId: id, verifiedAt: reply.at };
      }
      // Whoever guesses by phone must not learn the id: its holder's guesses are out of reach without it.
      const verificationId = target.kind === 'phone' ? '' : id;
      if (reply.kind === 'exhausted') return { result: 'exhausted', verificationId };
      return { result: 'wrong_code', verificationId, attemptsRemaining: reply.remaining };
    },

    async rateStatus(request, call) {
      authorize(request.purpose, call, purposes);
      const { phone, purpose } = checked(requests.checkRateStatus(request, rules));
      const { slot } = locate({ kind: 'phone', phone }, purpose, call);
      const status = await store.status({ slot, nonce: null, ...limits });
      const output = rateStatusOf(status, limits);
      call.facts.outcome = output.canSend ? 'can_send' : `blocked_by_${output.blockedBy}`;
      return output;
    },

    async getVerification(request, call) {
      authorize(request.purpose, call, purposes);
      const { purpose, target } = checked(requests.checkGetVerification(request, rules));
      const { slot, nonce } = locate(target, purpose, call);
      const status = await store.status({ slot, nonce, ...limits });
      const approval = nonce === null ? approvalOf(status, slot) : null;
      return found(verificationOf(status, slot, keyring) ?? approval, call);
    },

    async cancelVerification(request, call) {
      authorize(request.purpose, call, purposes);
      const { purpose, verificationId } = checked(requests.checkCancelVerification(request, rules));
      const { slot, nonce } = locateId(verificationId, purpose, call);
      return found(verificationOf(await store.cancel({ slot, nonce }), slot, keyring), call);
    },
  };
}

function found(verification: VerificationOutput | null, { facts }: Call): VerificationOutput {
  if (verification === null) throw new Refused({ reason: 'VERIFICATION_NOT_FOUND' });
  facts.outcome = verification.state;
  return verification;
}
