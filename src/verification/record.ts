/** The record of a verification as callers see it. */
import { unsettledDelivery } from '../domain/delivery.ts';
import type { Keyring } from '../domain/keyring.ts';
import { Refused } from '../domain/refusal.ts';
import type { Slot } from '../domain/slot.ts';
import type { RecordReply } from '../store/store.ts';
import type { Call, VerificationOutput } from './types.ts';

/** Null when the store has no record. */
export function verificationOf(reply: RecordReply, slot: Slot, keyring: Keyring): VerificationOutput | null {
  const { record, phoneVerifiedAt, now } = reply;
  if (record === null) return null;
  return {
    verificationId: keyring.verificationId(slot.phoneKey, record.nonce),
    purpose: slot.purpose,
    state: record.state,
    createdAt: record.createdAt,
    expiresAt: record.expiresAt,
    approvedAt: record.approvedAt,
    sends: record.sends,
    attempts: record.attempts,
    attemptsRemaining: record.attemptsRemaining,
    delivery: record.delivery ?? unsettledDelivery(record.sentAt, now),
    phoneVerifiedAt,
  };
}

export function foundOrRefused(verification: VerificationOutput | null, { facts }: Call): VerificationOutput {
  if (verification === null) throw new Refused({ reason: 'VERIFICATION_NOT_FOUND' });
  facts.outcome = verification.state;
  return verification;
}
