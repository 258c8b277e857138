/**
 * The RPCs of the service in domain terms, one file each. They decide nothing atomic (the store does) and do no I/O of
 * their own: everything they need comes in as an argument.
 */
import { type CancelVerificationDependencies, createCancelVerification } from './cancel-verification.ts';
import { type CheckCodeDependencies, createCheckCode } from './check-code.ts';
import { createGetVerification, type GetVerificationDependencies } from './get-verification.ts';
import { createRateStatus, type RateStatusDependencies } from './rate-status.ts';
import { createSendCode, type SendCodeDependencies } from './send-code.ts';
import type {
  Call,
  CancelVerificationInput,
  CheckCodeInput,
  CheckCodeOutput,
  GetVerificationInput,
  RateStatusInput,
  RateStatusOutput,
  SendCodeInput,
  SendCodeOutput,
  VerificationOutput,
} from './types.ts';

/** Requests have the field names of the proto. Refusals are thrown as Refused. */
export interface Verifier {
  sendCode(request: SendCodeInput, call: Call): Promise<SendCodeOutput>;
  checkCode(request: CheckCodeInput, call: Call): Promise<CheckCodeOutput>;
  rateStatus(request: RateStatusInput, call: Call): Promise<RateStatusOutput>;
  getVerification(request: GetVerificationInput, call: Call): Promise<VerificationOutput>;
  cancelVerification(request: CancelVerificationInput, call: Call): Promise<VerificationOutput>;
}

export type VerifierDependencies = SendCodeDependencies &
  CheckCodeDependencies &
  RateStatusDependencies &
  GetVerificationDependencies &
  CancelVerificationDependencies;

export function createVerifier(dependencies: VerifierDependencies): Verifier {
  return {
    sendCode: createSendCode(dependencies),
    checkCode: createCheckCode(dependencies),
    rateStatus: createRateStatus(dependencies),
    getVerification: createGetVerification(dependencies),
    cancelVerification: createCancelVerification(dependencies),
  };
}
