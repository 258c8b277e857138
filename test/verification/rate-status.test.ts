import { beforeEach, describe, expect, it } from 'vitest';
import type { WindowUse } from '../../src/domain/limits.ts';
import type { Store } from '../../src/store/store.ts';
import { call, createStage, MINUTE, PHONE, refusal, type Stage, sendRequest } from './stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = createStage();
});

describe('rateStatus', () => {
  it('explains exactly what sendCode would refuse, and charges nothing', async () => {
    const verifier = stage.start();
    const request = { phone: PHONE, region: '', purpose: 'login' };
    expect(await verifier.rateStatus(request, call())).toMatchObject({ canSend: true, canCheck: false, blockedBy: '' });
    await verifier.sendCode(sendRequest(), call());
    stage.time += 20_000;
    const status = await verifier.rateStatus(request, call());
    expect(status).toEqual({
      canSend: false,
      canCheck: true,
      limits: [
        {
          name: 'phone_hour',
          limit: 5,
          used: 1,
          usedByCaller: 1,
          remaining: 4,
          windowMs: 60 * MINUTE,
          resetsAt: stage.time - 20_000 + 60 * MINUTE,
          retryAfterMs: 0,
        },
      ],
      cooldown: { endsAt: stage.time + 40_000, retryAfterMs: 40_000, level: 1 },
      guessBudget: { limit: 20, used: 0, remaining: 20, attemptsRemaining: 5, retryAfterMs: 0 },
      blockedBy: 'cooldown',
      retryAfterMs: 40_000,
    });
    expect(await refusal(verifier.sendCode(sendRequest(), call()))).toEqual({
      reason: 'COOLDOWN',
      retryAfterMs: status.retryAfterMs,
    });
  });
});

describe('the guess budget that callers see', () => {
  const DAY = 24 * 60 * MINUTE;
  const use = (used: number, freesIn = 0) => ({ used, freesAt: freesIn && stage.time + freesIn, emptyAt: 0 });

  /** What a caller sees of a day of 20 guesses and a month of 100. */
  async function seen(day: WindowUse, month: WindowUse) {
    const store = stage.countedStore();
    const status: Store['status'] = async (command) => ({ ...(await store.status(command)), budgets: [day, month] });
    const verifier = stage.start({ store: { ...store, status } });
    return (await verifier.rateStatus({ phone: PHONE, region: '', purpose: 'login' }, call())).guessBudget;
  }

  it.each<[what: string, day: number, month: number, expected: object]>([
    ['is the day’s while that has fewer left', 3, 3, { limit: 20, used: 3, remaining: 17 }],
    ['is the month’s when that has fewer left', 3, 84, { limit: 100, used: 84, remaining: 16 }],
    ['is the day’s when both have as many', 15, 95, { limit: 20, used: 15, remaining: 5 }],
    ['has none left below nothing', 21, 21, { limit: 20, used: 21, remaining: 0 }],
  ])('%s', async (_, day, month, expected) => {
    expect(await seen(use(day), use(month))).toMatchObject(expected);
  });

  it('waits for both', async () => {
    expect(await seen(use(20, DAY), use(100, 3 * DAY))).toMatchObject({ retryAfterMs: 3 * DAY });
    expect(await seen(use(20, DAY), use(50))).toMatchObject({ retryAfterMs: DAY });
  });
});
