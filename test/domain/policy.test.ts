import { describe, expect, it } from 'vitest';
import * as policy from '../../src/domain/policy.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('what no configuration changes', () => {
  it('wrong guesses end after 20 a day and 100 a month, as NIST SP 800-63B-4 allows at most', () => {
    expect(policy.GUESS_BUDGETS).toEqual([
      { name: 'guesses_day', limit: 20, windowMs: DAY },
      { name: 'guesses_month', limit: 100, windowMs: 30 * DAY },
    ]);
  });

  it('the pause between two SMS grows to ten times its base, within an hour', () => {
    expect(policy.COOLDOWN_STEPS).toEqual([1, 1, 2, 5, 10]);
    expect(policy.COOLDOWN_MEMORY_MS).toBe(HOUR);
  });

  it.each([
    ['an answer can be asked for again by its request id', policy.REPLAY_MS, 10 * MINUTE],
    ['a record can be read after its code’s life', policy.RETENTION_MS, DAY],
    ['reports are matched with their send', policy.REPORT_MS, 3 * DAY],
    ['a report waits for its send', policy.EARLY_REPORT_MS, HOUR],
    ['an approval can be read', policy.APPROVAL_RETENTION_MS, 30 * DAY],
  ])('%s for as long as documented', (_, ms, documented) => {
    expect(ms).toBe(documented);
  });

  it('a plain message has nothing after its text and asks for no variables', () => {
    expect(policy.PLAIN_MESSAGE).toEqual({
      webOtpDomain: '',
      androidAppHash: '',
      texts: new Map(),
      requiredVariables: [],
      variableCharacters: 32,
    });
  });
});
