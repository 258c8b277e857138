/** GetVerification: the record of a verification, and when its phone was last approved. */
import type { Keyring } from '../domain/keyring.ts';
import type { LimitPolicy } from '../domain/policy.ts';
import { type RequestRules, validateGetVerification } from '../domain/request.ts';
import type { Slot } from '../domain/slot.ts';
import type { RecordReply, Store } from '../store/store.ts';
import { authorize, validOrRefused } from './authorize.ts';
import { foundOrRefused, verificationOf } from './record.ts';
import { locate } from './slot.ts';
import type { Call, GetVerificationInput, VerificationOutput } from './types.ts';

export interface GetVerificationDependencies extends RequestRules {
  readonly store: Pick<Store, 'status'>;
  readonly keyring: Keyring;
  readonly limits: LimitPolicy;
}

export function createGetVerification(dependencies: GetVerificationDependencies) {
  const { store, keyring, purposes, limits } = dependencies;

  return async (request: GetVerificationInput, call: Call): Promise<VerificationOutput> => {
    authorize(request.purpose, call, purposes);
    const { purpose, target } = validOrRefused(validateGetVerification(request, dependencies), call);
    const { slot, nonce } = locate(target, purpose, { keyring, call });
    const reply = await store.status({ slot, nonce, ...limits });
    const approval = nonce === null ? approvalOf(reply, slot) : null;
    return foundOrRefused(verificationOf(reply, slot, keyring) ?? approval, call);
  };
}

/** The last approval of a phone outlives the record of its verification. Null when it is over, too. */
function approvalOf({ phoneVerifiedAt }: RecordReply, { purpose }: Slot): VerificationOutput | null {
  if (phoneVerifiedAt === null) return null;
  return {
    verificationId: '',
    purpose,
    state: 'approved',
    createdAt: null,
    expiresAt: null,
    approvedAt: phoneVerifiedAt,
    sends: 0,
    attempts: 0,
    attemptsRemaining: 0,
    delivery: null,
    phoneVerifiedAt,
  };
}
