import { describe, expect, it } from 'vitest';
import { type SendHistory, sendStatus, windowUse } from '../../src/domain/limits.ts';
import { GUESS_BUDGETS, type Limit } from '../../src/domain/policy.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const ago = (...times: number[]): number[] => times.map((time) => NOW - time);
const sent = (...times: number[]) => ago(...times).map((at) => ({ at, own: true }));
const elsewhere = (...times: number[]) => ago(...times).map((at) => ({ at, own: false }));

describe('a sliding window of three an hour', () => {
  const hour: Limit = { name: 'hour', limit: 3, windowMs: HOUR };

  it.each<[what: string, times: number[], used: number, freesIn: number, emptyIn: number]>([
    ['is empty before the first', [], 0, 0, 0],
    ['counts what came in the last hour', ago(40 * MINUTE, 10 * MINUTE), 2, 0, 50 * MINUTE],
    ['holds a time until exactly an hour after it came', ago(HOUR - 1), 1, 0, 1],
    ['has lost it then', ago(HOUR), 0, 0, 0],
    ['has nothing to wait for while one more fits', ago(HOUR, 20 * MINUTE, 10 * MINUTE), 2, 0, 50 * MINUTE],
    ['that is full frees with its oldest', ago(50 * MINUTE, 20 * MINUTE, MINUTE), 3, 10 * MINUTE, 59 * MINUTE],
    [
      'that is more than full frees when all but two have left',
      ago(50 * MINUTE, 40 * MINUTE, 30 * MINUTE, 20 * MINUTE, MINUTE),
      5,
      30 * MINUTE,
      59 * MINUTE,
    ],
    ['counts what came at this very moment', ago(0), 1, 0, HOUR],
    ['counts each of several at one moment', ago(MINUTE, MINUTE, MINUTE), 3, 59 * MINUTE, 59 * MINUTE],
  ])('%s', (_, times, used, freesIn, emptyIn) => {
    const at = (wait: number) => (wait === 0 ? 0 : NOW + wait);
    expect(windowUse(times, NOW, hour)).toEqual({ used, freesAt: at(freesIn), emptyAt: at(emptyIn) });
  });

  it('lets one more in at the moment it says, and not a millisecond before', () => {
    const times = ago(50 * MINUTE, 20 * MINUTE, MINUTE);
    const { freesAt } = windowUse(times, NOW, hour);
    expect(windowUse(times, freesAt - 1, hour).used).toBe(3);
    expect(windowUse(times, freesAt, hour)).toMatchObject({ used: 2, freesAt: 0 });
  });

  it('is empty at the moment it says, and not a millisecond before', () => {
    const times = ago(50 * MINUTE, MINUTE);
    const { emptyAt } = windowUse(times, NOW, hour);
    expect(windowUse(times, emptyAt - 1, hour)).toMatchObject({ used: 1, emptyAt });
    expect(windowUse(times, emptyAt, hour)).toMatchObject({ used: 0, emptyAt: 0 });
  });
});

const NOTHING: SendHistory = { sends: [], failures: [], approvedAt: 0, cooldownWaived: false };
const RULES = {
  cooldownMs: MINUTE,
  windows: [
    { name: 'phone_hour', limit: 50, windowMs: HOUR },
    { name: 'phone_day', limit: 100, windowMs: DAY },
  ],
};

function statusOf(history: Partial<SendHistory>, rules: Partial<typeof RULES> = {}) {
  return sendStatus(NOW, { ...NOTHING, ...history }, { ...RULES, ...rules });
}

describe('the cooldown', () => {
  /** Sends a second apart, the last one a second ago. */
  const sends = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ at: NOW - (count - i) * 1_000, own: true }));

  it.each([
    [1, 1],
    [2, 1],
    [3, 2],
    [4, 5],
    [5, 10],
    [6, 10],
    [20, 10],
  ])('after %i SMS within the hour is %i times the base', (count, multiple) => {
    expect(statusOf({ sends: sends(count) }).cooldown).toEqual({
      level: count,
      endsAt: NOW - 1_000 + multiple * MINUTE,
    });
  });

  it('is none before the first SMS', () => {
    expect(statusOf({}).cooldown).toEqual({ level: 0, endsAt: 0 });
  });

  it('ends at its moment, and not a millisecond before', () => {
    expect(statusOf({ sends: sent(MINUTE - 1) })).toMatchObject({
      cooldown: { endsAt: NOW + 1 },
      blocked: { by: 'cooldown', retryAfterMs: 1 },
    });
    expect(statusOf({ sends: sent(MINUTE) })).toMatchObject({ cooldown: { level: 1, endsAt: 0 }, blocked: null });
  });

  it('forgets an SMS exactly an hour after it was sent', () => {
    expect(statusOf({ sends: sent(HOUR - 1, 0) }).cooldown.level).toBe(2);
    expect(statusOf({ sends: sent(HOUR, 0) }).cooldown.level).toBe(1);
  });

  it('forgets what was sent until an approval, but not the pause after the last SMS', () => {
    expect(statusOf({ sends: sent(5_000, 4_000, 3_000), approvedAt: NOW - 3_001 }).cooldown).toEqual({
      level: 1,
      endsAt: NOW - 3_000 + MINUTE,
    });
    expect(statusOf({ sends: sent(5_000, 4_000, 3_000), approvedAt: NOW - 3_000 }).cooldown).toEqual({
      level: 0,
      endsAt: NOW - 3_000 + MINUTE,
    });
  });

  it('remembers for an hour, however long ago the approval was', () => {
    expect(statusOf({ sends: sent(2 * HOUR, 0), approvedAt: NOW - 3 * HOUR }).cooldown.level).toBe(1);
  });

  it('is waived when the last code died in a failover; its level still counts', () => {
    expect(statusOf({ sends: sent(2_000, 1_000), cooldownWaived: true })).toMatchObject({
      cooldown: { level: 2, endsAt: 0 },
      blocked: null,
    });
  });

  it('of nothing is no cooldown', () => {
    expect(statusOf({ sends: sent(0) }, { cooldownMs: 0 })).toMatchObject({ cooldown: { endsAt: 0 }, blocked: null });
  });
});

describe('sends of other callers', () => {
  it.each([
    [1, 0],
    [5_000, 0],
    [10_000, -10_000],
    [10_001, -10_000],
  ])('count as made at the next ten seconds: %i ms ago', (age, counted) => {
    const at = NOW + counted;
    const { windows, cooldown } = statusOf({ sends: elsewhere(age) });
    expect(windows[0]).toEqual({ used: 1, own: 0, freesAt: 0, emptyAt: at + HOUR });
    expect(cooldown).toEqual({ level: 1, endsAt: at + MINUTE });
  });

  it('leave a window, and end a cooldown, at the moment that is told, so that trying shows no more', () => {
    const full = { cooldownMs: 0, windows: [{ name: 'one', limit: 1, windowMs: HOUR }] };
    expect(statusOf({ sends: elsewhere(HOUR + 9_999) }, full).blocked).toBeNull();
    expect(statusOf({ sends: elsewhere(HOUR - 1) }, full).blocked).toEqual({ by: 'one', retryAfterMs: 10_000 });
    expect(statusOf({ sends: elsewhere(HOUR) }, full).blocked).toBeNull();
  });

  it('are counted apart from the caller’s own, whose times stay exact', () => {
    const { windows, cooldown } = statusOf({ sends: [...elsewhere(HOUR / 2), ...sent(20_001, 12_345)] });
    expect(windows[0]).toMatchObject({ used: 3, own: 2 });
    expect(cooldown.endsAt).toBe(NOW - 12_345 + 2 * MINUTE);
  });
});

describe('what SendCode would meet', () => {
  it('is nothing for a phone that nothing was sent to', () => {
    const empty = { used: 0, freesAt: 0, emptyAt: 0 };
    expect(statusOf({})).toEqual({
      windows: [
        { ...empty, own: 0 },
        { ...empty, own: 0 },
      ],
      budgets: [empty, empty],
      cooldown: { level: 0, endsAt: 0 },
      blocked: null,
    });
  });

  it('counts sends in the windows and failed guesses in the budgets, each row in its place', () => {
    const status = statusOf({ sends: sent(2 * HOUR, HOUR - 1), failures: ago(2 * DAY, DAY - 1, MINUTE) });
    expect(status.windows.map(({ used }) => used)).toEqual([1, 2]);
    expect(status.budgets.map(({ used }) => used)).toEqual([2, 3]);
  });

  const failures = (count: number, age: number) => Array.from({ length: count }, () => NOW - age);

  it.each<[what: string, history: Partial<SendHistory>, rules: Partial<typeof RULES>, blocked: object | null]>([
    ['the cooldown', { sends: sent(1_000) }, {}, { by: 'cooldown', retryAfterMs: MINUTE - 1_000 }],
    [
      'a window, when it is full for longer than the cooldown',
      { sends: sent(1_000) },
      { windows: [{ name: 'phone_hour', limit: 1, windowMs: HOUR }] },
      { by: 'phone_hour', retryAfterMs: HOUR - 1_000 },
    ],
    [
      'the cooldown, when it is longer than a full window',
      { sends: sent(1_000) },
      { cooldownMs: 2 * HOUR, windows: [{ name: 'phone_hour', limit: 1, windowMs: HOUR }] },
      { by: 'cooldown', retryAfterMs: 2 * HOUR - 1_000 },
    ],
    [
      'the window that is full for longest, in whatever order they stand',
      { sends: sent(1_000) },
      {
        windows: [
          { name: 'phone_day', limit: 1, windowMs: DAY },
          { name: 'phone_hour', limit: 1, windowMs: HOUR },
        ],
      },
      { by: 'phone_day', retryAfterMs: DAY - 1_000 },
    ],
    ['the day of guesses', { failures: failures(20, HOUR) }, {}, { by: 'guesses_day', retryAfterMs: 23 * HOUR }],
    ['no guesses while one is left', { failures: failures(19, HOUR) }, {}, null],
    [
      'the month of guesses, which frees later than the day',
      { failures: failures(100, HOUR) },
      {},
      { by: 'guesses_month', retryAfterMs: 30 * DAY - HOUR },
    ],
    [
      'of two that end at one moment the guesses, then the cooldown',
      { sends: sent(HOUR), failures: failures(20, HOUR) },
      { cooldownMs: DAY },
      { by: 'guesses_day', retryAfterMs: 23 * HOUR },
    ],
    [
      'the cooldown rather than a window that ends at the same moment',
      { sends: sent(1_000) },
      { cooldownMs: HOUR, windows: [{ name: 'phone_hour', limit: 1, windowMs: HOUR }] },
      { by: 'cooldown', retryAfterMs: HOUR - 1_000 },
    ],
  ])('is refused by what refuses for longest: %s', (_, history, rules, blocked) => {
    expect(statusOf(history, rules).blocked).toEqual(blocked);
  });

  it('names budgets that are rows of the policy', () => {
    expect(GUESS_BUDGETS.map(({ name }) => name)).toEqual(['guesses_day', 'guesses_month']);
  });
});
