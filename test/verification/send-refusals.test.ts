import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../src/domain/refusal.ts';
import type { FailureStatus } from '../../src/sms/provider.ts';
import { reservationRefusal, undeliveredRefusal } from '../../src/verification/send-refusals.ts';

const HOUR = 3_600_000;
const limits = {
  cooldownMs: 60_000,
  windows: [
    { name: 'phone_hour', limit: 5, windowMs: HOUR },
    { name: 'phone_day', limit: 10, windowMs: 24 * HOUR },
  ],
};

describe('a limit that refuses', () => {
  it.each<[by: string, refusal: Refusal]>([
    ['cooldown', { reason: 'COOLDOWN', retryAfterMs: 7 }],
    ['phone_hour', { reason: 'PHONE_LIMIT', limit: 'phone_hour', max: 5, windowMs: HOUR, retryAfterMs: 7 }],
    ['phone_day', { reason: 'PHONE_LIMIT', limit: 'phone_day', max: 10, windowMs: 24 * HOUR, retryAfterMs: 7 }],
    ['guesses_day', { reason: 'GUESS_BUDGET', max: 20, windowMs: 24 * HOUR, retryAfterMs: 7 }],
    ['guesses_month', { reason: 'GUESS_BUDGET', max: 100, windowMs: 30 * 24 * HOUR, retryAfterMs: 7 }],
  ])('is named with its bounds and its wait: %s', (by, refusal) => {
    expect(reservationRefusal({ kind: 'blocked', by, retryAfterMs: 7 }, limits)).toEqual(refusal);
  });
});

describe('a repeat of a send', () => {
  it.each<[what: string, retryAfterMs: number, refusal: Refusal]>([
    ['a second while the first may still act', 15_000, { reason: 'SEND_UNDER_WAY', retryAfterMs: 1_000 }],
    ['less when less is left', 300, { reason: 'SEND_UNDER_WAY', retryAfterMs: 300 }],
  ])('waits %s', (_, retryAfterMs, refusal) => {
    expect(reservationRefusal({ kind: 'under_way', retryAfterMs }, limits)).toEqual(refusal);
  });

  it('is told that its code was lost, or that its request_id was another request', () => {
    expect(reservationRefusal({ kind: 'code_lost' }, limits)).toEqual({ reason: 'CODE_LOST' });
    expect(reservationRefusal({ kind: 'request_id_reused' }, limits)).toEqual({ reason: 'REQUEST_ID_REUSED' });
  });
});

describe('an SMS that no provider took', () => {
  it.each<[status: FailureStatus, refusal: Refusal]>([
    ['INVALID_ARGUMENT', { reason: 'INVALID_FIELDS', violations: [{ field: 'phone', rule: 'refused_number' }] }],
    ['FAILED_PRECONDITION', { reason: 'DESTINATION_REFUSED' }],
    ['RESOURCE_EXHAUSTED', { reason: 'PROVIDER_LIMIT', retryAfterMs: 7 }],
    ['UNAVAILABLE', { reason: 'DELIVERY_UNAVAILABLE', retryAfterMs: 7 }],
    ['INTERNAL', { reason: 'DELIVERY_MISCONFIGURED' }],
  ])('is refused by the status that decided, with a wait where waiting helps: %s', (status, refusal) => {
    expect(undeliveredRefusal({ kind: 'not_sent', status, retryAfterMs: 7, canceled: false })).toEqual(refusal);
  });
});
