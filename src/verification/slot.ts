/** Where the state of a request is in the store, and how its session and idempotency key are named there. */
import type { Keyring } from '../domain/keyring.ts';
import type { PurposePolicy } from '../domain/policy.ts';
import { Refused } from '../domain/refusal.ts';
import type { Target } from '../domain/request.ts';
import type { Slot } from '../domain/slot.ts';
import type { RequestKey } from '../store/store.ts';
import type { Call } from './types.ts';

export function slotOf(phoneKey: string, purpose: PurposePolicy, { caller }: Call): Slot {
  return { phoneKey, caller: caller.name, purpose: purpose.name };
}

/** By verification id or by phone; a null nonce means the current verification of the slot. */
export function locate(
  target: Target,
  purpose: PurposePolicy,
  { keyring, call }: { keyring: Keyring; call: Call },
): { slot: Slot; nonce: string | null } {
  if (target.kind === 'id') return locateId(target.verificationId, purpose, { keyring, call });
  call.facts.phone = target.phone.masked;
  return { slot: slotOf(keyring.phoneKey(target.phone.identity), purpose, call), nonce: null };
}

export function locateId(
  verificationId: string,
  purpose: PurposePolicy,
  { keyring, call }: { keyring: Keyring; call: Call },
): { slot: Slot; nonce: string } {
  const id = keyring.parseVerificationId(verificationId);
  if (id === null) {
    const violations = [{ field: 'verification_id', rule: 'malformed_id' }] as const;
    throw new Refused({ reason: 'INVALID_FIELDS', violations });
  }
  call.facts.verificationId = verificationId;
  return { slot: slotOf(id.phoneKey, purpose, call), nonce: id.nonce };
}

/** Empty when the request names no session. The same session has another key at every phone. */
export function sessionKey(keyring: Keyring, phoneKey: string, sessionId: string): string {
  return sessionId === '' ? '' : keyring.fingerprint('session', phoneKey, [sessionId]);
}

/**
 * What a message says beside the code: its variables, in any order. Empty without any. The text around them is the
 * operator's and depends on the language only.
 */
export function contentKey(keyring: Keyring, phoneKey: string, variables: Readonly<Record<string, string>>): string {
  const parts = Object.entries(variables).sort(byName).flat();
  return parts.length === 0 ? '' : keyring.fingerprint('variables', phoneKey, parts);
}

function byName([a]: [string, string], [b]: [string, string]): number {
  return a < b ? -1 : 1;
}

export interface IdempotentRequest {
  readonly rpc: 'send' | 'check';
  readonly slot: Slot;
  /** The idempotency key that the caller chose; empty without one. */
  readonly requestId: string;
  /** What must be the same when the same `requestId` comes again. */
  readonly content: readonly string[];
}

/** Null without a request id. */
export function requestKey(keyring: Keyring, request: IdempotentRequest): RequestKey | null {
  const { rpc, slot, requestId, content } = request;
  if (requestId === '') return null;
  return {
    hash: keyring.fingerprint(`${rpc} request`, slot.phoneKey, [requestId]),
    content: keyring.fingerprint(`${rpc} content`, slot.phoneKey, [slot.purpose, ...content]),
  };
}

/** Proves that it was the service that approved this guess; empty without a request id. */
export function approvedTag(keyring: Keyring, { phoneKey }: Slot, request: RequestKey | null): string {
  return request === null ? '' : keyring.fingerprint('approved', phoneKey, [request.hash, request.content]);
}
