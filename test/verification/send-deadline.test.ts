import { beforeEach, describe, expect, it } from 'vitest';
import { MIN_PROVIDER_MS, SEND_CODE_MS, SETTLE_MS } from '../../src/domain/deadlines.ts';
import { PLAIN_MESSAGE } from '../../src/domain/policy.ts';
import type { Dispatch, DispatchBounds, Dispatched } from '../../src/sms/dispatch.ts';
import { auth, call, chargedSends, createStage, MINUTE, refusal, type Stage, sendRequest } from './stage.ts';

let stage: Stage;
let bounds: DispatchBounds[];
beforeEach(() => {
  stage = createStage();
  bounds = [];
});

const NOT_SENT: Dispatched = { kind: 'not_sent', status: 'UNAVAILABLE', retryAfterMs: 1, canceled: false };

/** Providers that take nothing, and write down how long they were given. */
function givingUp(outcome: Dispatched = NOT_SENT): Dispatch {
  return async (_, given) => {
    bounds.push(given);
    return outcome;
  };
}

describe('the providers of one SendCode', () => {
  it('have what is left of the call, without the time that the settlement takes', async () => {
    const made = call(auth, new AbortController().signal, SEND_CODE_MS);
    await refusal(stage.start({ dispatch: givingUp() }).sendCode(sendRequest(), made));
    expect(bounds).toEqual([{ deadlineMs: SEND_CODE_MS - SETTLE_MS, canceled: made.signal }]);
  });

  it('are called with the least that is worth it, and not with less', async () => {
    const verifier = stage.start({ dispatch: givingUp() });
    const send = (left: number) => refusal(verifier.sendCode(sendRequest(), call(auth, undefined, SETTLE_MS + left)));
    expect(await send(MIN_PROVIDER_MS - 1)).toEqual({ reason: 'DEADLINE' });
    expect(bounds).toEqual([]);
    expect(await send(MIN_PROVIDER_MS)).toMatchObject({ reason: 'DELIVERY_UNAVAILABLE' });
    expect(bounds).toMatchObject([{ deadlineMs: MIN_PROVIDER_MS }]);
  });

  it.each<[what: string, signal: AbortSignal, remaining: number, reason: string]>([
    ['the caller gave up', AbortSignal.abort(), 5_000, 'CANCELED'],
    ['the deadline came first', AbortSignal.abort(), 0, 'DEADLINE'],
    ['there was no time for another', new AbortController().signal, 5_000, 'DEADLINE'],
  ])('that sent nothing because %s charge nothing', async (_, signal, remaining, reason) => {
    const caller = new AbortController();
    let left = 10_000;
    const dispatch: Dispatch = async () => {
      if (signal.aborted) caller.abort();
      left = remaining;
      return { ...NOT_SENT, canceled: true };
    };
    const verifier = stage.start({ dispatch });
    const made = { ...call(auth, caller.signal), remainingMs: () => left };
    expect(await refusal(verifier.sendCode(sendRequest(), made))).toEqual({ reason });
    expect(await chargedSends(verifier)).toBe(0);
  });
});

describe('a send that the store did not answer', () => {
  it('for whatever reason is given back: only the store itself knows that it did nothing', async () => {
    const failure = new Error('a fault of ours');
    const store = { ...stage.countedStore(), send: () => Promise.reject(failure) };
    await expect(stage.start({ store }).sendCode(sendRequest(), call())).rejects.toBe(failure);
    expect(stage.operations).toEqual(['settle']);
  });
});

describe('the minutes that the text promises', () => {
  it.each<[lifeMs: number, afterMs: number, minutes: number]>([
    [5 * MINUTE, 0, 5],
    [5 * MINUTE, 1, 4],
    [5 * MINUTE, 2 * MINUTE, 3],
    [2 * MINUTE, 0, 2],
    [2 * MINUTE, 1, 1],
    [MINUTE, 0, 1],
    [MINUTE, MINUTE / 2 - 1, 1],
  ])(
    'of a code that lives %i ms, sent again after %i, are %i: rounded down, never none',
    async (lifeMs, afterMs, minutes) => {
      const rules = {
        digits: 6,
        guesses: 5,
        guessesByPhone: 3,
        resend: 'same',
        variablesRequired: false,
        message: PLAIN_MESSAGE,
      } as const;
      const verifier = stage.start({
        limits: { cooldownMs: 0, windows: [] },
        purposes: new Map([['login', { name: 'login', lifeMs, ...rules }]]),
      });
      await verifier.sendCode(sendRequest(), call());
      stage.time += afterMs;
      await verifier.sendCode(sendRequest(), call());
      expect(stage.messages.at(-1)).toMatchObject({ minutes, code: stage.messages[0]?.code });
    },
  );
});

describe('a test number', () => {
  it('may be of a type that is refused otherwise', async () => {
    const verifier = stage.start({ testCode: () => '12345678' });
    expect((await verifier.sendCode(sendRequest({ phone: '+19005550123' }), call())).test).toBe(true);
  });

  it('shows a delivery that no provider made, and its code to nobody, where others are shown, too', async () => {
    const verifier = stage.start({ testCode: () => '12345678', disclosesCode: () => true });
    const { delivery, code } = await verifier.sendCode(sendRequest(), call());
    expect(code).toBe('');
    expect(delivery).toEqual({ provider: 'test', messageId: '', status: 'delivered', attempts: [] });
  });
});
