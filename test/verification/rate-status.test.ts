import { beforeEach, describe, expect, it } from 'vitest';
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
