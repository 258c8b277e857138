import { describe, expect, it } from 'vitest';
import { describeAttempt, describeOutcome } from '../../src/cli/send-test-report.ts';
import type { Event } from '../../src/event.ts';

const FAILED: Extract<Event, { type: 'attempt' }> = {
  type: 'attempt',
  verificationId: '',
  country: 'US',
  provider: 'acme',
  result: 'unavailable',
  category: 'transient',
  vendorCode: '',
  actor: 'operator',
  vendorRequestId: '',
  unlistedCode: '',
  seconds: 0.1234,
};

describe('a provider’s failure', () => {
  it.each(
    // What providers and their guard say where there is no code of a vendor.
    [
      ...['refused', 'dns', 'tls', 'unreachable', 'timeout', 'reset', 'network', 'malformed'],
      ...['no_message_id', 'http_307', 'http_404', 'http_502'],
    ],
  )('%s is explained, and who has to act', (vendorCode) => {
    const [, why, explained] = describeAttempt({ ...FAILED, vendorCode }, () => '');
    expect(why).toBe(`  why: transient, code ${vendorCode}`);
    expect(explained).toMatch(/^ {2}\S.*[.?] The operator has to act\.$/);
  });

  it('is explained by the provider’s own table where it has a code', () => {
    const lines = describeAttempt({ ...FAILED, vendorCode: '42', vendorRequestId: 'rq' }, (code) => `It is ${code}.`);
    expect(lines).toEqual([
      'acme: surely did not send, after 123 ms',
      '  why: transient, code 42',
      '  It is 42. The operator has to act.',
      '  acme’s id of the request: rq',
    ]);
  });

  it('with an unlisted code shows that code, and at least who has to act', () => {
    const unlisted = { ...FAILED, vendorCode: 'unlisted', unlistedCode: 'X.Y' };
    expect(describeAttempt(unlisted, undefined).slice(1)).toEqual([
      '  why: transient, code X.Y',
      '  The operator has to act.',
    ]);
    expect(describeAttempt(unlisted, (code) => `See ${code}.`)).toContain('  See X.Y. The operator has to act.');
  });
});

it('a caller’s wait is told only where there is one', () => {
  const notSent = { kind: 'not_sent', retryAfterMs: 1_500, canceled: false } as const;
  expect(describeOutcome({ ...notSent, status: 'UNAVAILABLE' })).toMatch(/UNAVAILABLE, to try again in 2 s$/);
  expect(describeOutcome({ ...notSent, status: 'RESOURCE_EXHAUSTED' })).toMatch(/, to try again in 2 s$/);
  expect(describeOutcome({ ...notSent, status: 'INTERNAL' })).toMatch(/INTERNAL$/);
});
