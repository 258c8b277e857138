import { expect, it } from 'vitest';
import { Refused } from '../../src/domain/refusal.ts';

it('a refusal is an error that says its reason, and keeps its cause', () => {
  const cause = new Error('the store is away');
  const refusal = { reason: 'STORE_UNAVAILABLE', retryAfterMs: 1_000 } as const;
  const refused = new Refused(refusal, { cause });
  expect([refused.name, refused.message, refused.refusal, refused.cause]).toEqual([
    'Refused',
    'STORE_UNAVAILABLE',
    refusal,
    cause,
  ]);
});
