/** What every operation does first: may this caller, and is the request well-formed. Nothing is asked of the store yet. */
import type { PurposePolicy } from '../domain/policy.ts';
import { Refused } from '../domain/refusal.ts';
import type { Checked } from '../domain/request.ts';
import type { Call } from './types.ts';

/** Permission before anything else: what a caller may not use is not explained to it. */
export function authorize(purpose: string, call: Call, purposes: ReadonlyMap<string, PurposePolicy>): void {
  if (!purposes.has(purpose)) return;
  const { caller, facts } = call;
  facts.purpose = purpose;
  if (caller.purposes !== 'all' && !caller.purposes.has(purpose)) throw new Refused({ reason: 'PURPOSE_NOT_ALLOWED' });
}

/** The checked values; throws all violations at once. */
export function checked<T>(result: Checked<T>): T {
  if (result.ok) return result.value;
  throw new Refused({ reason: 'INVALID_FIELDS', violations: result.violations });
}
