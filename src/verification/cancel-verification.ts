/** CancelVerification: the code of a pending verification ends. Repeating it changes nothing. */
import type { Keyring } from '../domain/keyring.ts';
import { type RequestRules, validateCancelVerification } from '../domain/request.ts';
import type { Store } from '../store/store.ts';
import { authorize, validOrRefused } from './authorize.ts';
import { foundOrRefused, verificationOf } from './record.ts';
import { locateId } from './slot.ts';
import type { Call, CancelVerificationInput, VerificationOutput } from './types.ts';

export interface CancelVerificationDependencies extends RequestRules {
  readonly store: Pick<Store, 'cancel'>;
  readonly keyring: Keyring;
}

export function createCancelVerification(dependencies: CancelVerificationDependencies) {
  const { store, keyring, purposes } = dependencies;

  return async (request: CancelVerificationInput, call: Call): Promise<VerificationOutput> => {
    authorize(request.purpose, call, purposes);
    const { purpose, verificationId } = validOrRefused(validateCancelVerification(request, dependencies), call);
    const { slot, nonce } = locateId(verificationId, purpose, { keyring, call });
    return foundOrRefused(verificationOf(await store.cancel({ slot, nonce }), slot, keyring), call);
  };
}
