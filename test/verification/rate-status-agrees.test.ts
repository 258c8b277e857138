/** RateStatus says what SendCode answers, for everything that can stop a message. */
import { describe, expect, it } from 'vitest';
import { createRouting } from '../../src/domain/routing.ts';
import { createAvailability } from '../../src/sms/availability.ts';
import { createDispatch } from '../../src/sms/dispatch.ts';
import { guardProvider } from '../../src/sms/guard.ts';
import type { SendResult } from '../../src/sms/provider.ts';
import type { VerifierDependencies } from '../../src/verification/verifier.ts';
import { call, createStage, PHONE, refusal, sendRequest } from './stage.ts';

const DOWN: SendResult = { kind: 'unavailable', category: 'transient', vendorCode: '503' };
const BREAKER = { failures: 2, openMs: 30_000, maxOpenMs: 300_000 };

/** Real guards, routes and dispatch; two providers for the United States and Canada, none for the rest. */
function world(changes: Partial<VerifierDependencies> = {}) {
  const stage = createStage();
  let time = 0;
  const emit = () => undefined;
  const clock = () => time;
  const answers: Record<string, SendResult> = { a: DOWN, b: DOWN };
  const guarded = ['a', 'b'].map((name) =>
    guardProvider(
      { name, send: async () => answers[name] ?? DOWN },
      { timeoutMs: 1_000, maxConcurrent: 10, breaker: BREAKER, emit, clock },
    ),
  );
  const providers = new Map(guarded.map((each) => [each.name, each]));
  const hops = [...providers.keys()].map((provider) => ({ provider, sender: {} }));
  const route = createRouting([{ countries: ['US', 'CA'], prefixes: [], hops }]);
  const verifier = stage.start({
    dispatch: createDispatch({ providers, route, emit, clock, sleep: async () => undefined }),
    availability: createAvailability({ providers, route }),
    ...changes,
  });
  return {
    answers,
    pass: (ms: number) => {
      time += ms;
      stage.time += ms;
    },
    send: (phone = PHONE) => refusal(verifier.sendCode(sendRequest({ phone }), call())),
    sent: (phone = PHONE) => verifier.sendCode(sendRequest({ phone }), call()),
    status: (phone = PHONE) => verifier.rateStatus({ phone, region: '', purpose: 'login' }, call()),
  };
}

describe('RateStatus and SendCode agree about', () => {
  it.each([
    ['a premium number', '+19002345678', 'NUMBER_TYPE_REFUSED', 'number_type'],
    ['a toll-free number', '+18002345678', 'NUMBER_TYPE_REFUSED', 'number_type'],
    ['a country that no route leads to', '+447911123456', 'DESTINATION_REFUSED', 'destination'],
  ])('%s: no wait helps', async (_, phone, reason, blockedBy) => {
    const { send, status } = world();
    expect(await status(phone)).toMatchObject({ canSend: false, blockedBy, retryAfterMs: 0 });
    expect(await send(phone)).toMatchObject({ reason });
  });

  it('types that the operator refuses', async () => {
    const { status } = world({ phones: { defaultRegion: 'US', refusedTypes: new Set(['voip']) } });
    expect((await status('+447911123456')).blockedBy).toBe('destination');
    const voip = '+445612345678';
    expect((await status(voip)).blockedBy).toBe('number_type');
  });

  it('providers that are all left alone, until one is tried again', async () => {
    const { send, status, pass, answers, sent } = world();
    for (let i = 0; i < BREAKER.failures; i++) {
      expect(await status()).toMatchObject({ canSend: true });
      expect(await send()).toMatchObject({ reason: 'DELIVERY_UNAVAILABLE' });
    }
    const { canSend, blockedBy, retryAfterMs } = await status();
    expect({ canSend, blockedBy }).toEqual({ canSend: false, blockedBy: 'delivery' });
    expect(await send()).toEqual({ reason: 'DELIVERY_UNAVAILABLE', retryAfterMs });
    pass(retryAfterMs - 1);
    expect(await status()).toMatchObject({ canSend: false, retryAfterMs: 1 });
    pass(1);
    answers.b = { kind: 'accepted', messageId: 'm', segments: 1 };
    expect(await status()).toMatchObject({ canSend: true, blockedBy: '' });
    await sent();
    expect(await status()).toMatchObject({ canSend: false, blockedBy: 'cooldown' });
  });

  it('one provider that is left alone while another one is not', async () => {
    const { answers, sent, status, pass } = world();
    answers.b = { kind: 'accepted', messageId: 'm', segments: 1 };
    for (let i = 0; i < BREAKER.failures; i++) {
      await sent();
      pass(10 * 60_000);
    }
    expect(await status()).toMatchObject({ canSend: true });
  });

  it('test numbers: no limit, no type and no provider stops them', async () => {
    const { status, sent } = world({ testCode: () => '123456' });
    for (const phone of [PHONE, '+19002345678', '+447911123456']) {
      for (let i = 0; i < 3; i++) {
        expect(await status(phone)).toMatchObject({ canSend: true, blockedBy: '', retryAfterMs: 0 });
        expect(await sent(phone)).toMatchObject({ test: true });
      }
    }
  });
});
