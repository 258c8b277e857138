/** What every RPC does first, before it asks the store: may this caller do that, and is the request valid. */
import type { PurposePolicy } from '../domain/policy.ts';
import { type FieldViolation, Refused } from '../domain/refusal.ts';
import type { Validated } from '../domain/request.ts';
import type { Call } from './types.ts';

/** Before validation: a caller that may not use a purpose learns nothing else about its request. */
export function authorize(purpose: string, call: Call, purposes: ReadonlyMap<string, PurposePolicy>): void {
  if (!purposes.has(purpose)) return;
  const { caller, facts } = call;
  facts.purpose = purpose;
  if (caller.purposes !== 'all' && !caller.purposes.has(purpose)) throw new Refused({ reason: 'PURPOSE_NOT_ALLOWED' });
}

/** The validated values; throws all violations at once. What purposes there are, a caller hears of its own only. */
export function validOrRefused<T>(result: Validated<T>, { caller }: Call): T {
  if (result.ok) return result.value;
  const { purposes } = caller;
  const heard = (violation: FieldViolation): FieldViolation =>
    violation.rule === 'unknown_purpose' && purposes !== 'all'
      ? { ...violation, expected: [...purposes].join(', ') }
      : violation;
  throw new Refused({ reason: 'INVALID_FIELDS', violations: result.violations.map(heard) });
}
