/** One country's empty package, through Tencent's own SDK: whether messages to another country still go out. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Event } from '../../../src/event.ts';
import { guardProvider } from '../../../src/sms/guard.ts';
import { BREAKER } from '../../../src/sms/messaging.ts';
import type { Provider } from '../../../src/sms/provider.ts';
import { startTencentFake, type TencentFake } from '../../support/tencent-fake.ts';
import { MESSAGE, NEVER, SECRETS, tencentTo } from './fixture.ts';

const CHINA = { ...MESSAGE, to: '+8618501234444', region: 'CN' };
const SINGAPORE = { ...MESSAGE, to: '+6591234567', region: 'SG' };

let fake: TencentFake;

beforeEach(async () => {
  fake = await startTencentFake(SECRETS);
});
afterEach(() => fake.server.stop());

/** 16 seconds on a clock of its own: 60 messages to Singapore, and one to China every 5 seconds. */
async function sixteenSeconds(change: (provider: Provider) => Provider = (provider) => provider) {
  let now = 0;
  const events: Event[] = [];
  const provider = change(tencentTo(fake.url));
  const bounds = { timeoutMs: 4_500, maxConcurrent: 200, breaker: BREAKER };
  const guard = guardProvider(provider, { ...bounds, emit: (event) => void events.push(event), clock: () => now });
  const calls = { china: 0, singapore: 0 };
  let nextChina = 0;
  for (let i = 0; i < 60; i++) {
    now = Math.round((i * 16_000) / 60);
    if (now >= nextChina) {
      nextChina += 5_000;
      fake.answer({ how: 'refuse_number', code: 'FailedOperation.InsufficientBalanceInSmsPackage' });
      const before = fake.sends.length;
      await guard.send(CHINA, NEVER);
      calls.china += fake.sends.length - before;
    }
    fake.answer({ how: 'ok' });
    calls.singapore += Number((await guard.send(SINGAPORE, NEVER)).kind === 'accepted');
  }
  provider.close?.();
  return {
    ...calls,
    guard,
    states: events.map((event) => event.type === 'breaker' && `${event.country} ${event.state}`),
  };
}

test('a country whose package is empty is left alone; all messages to another one go out', async () => {
  const { china, singapore, guard, states } = await sixteenSeconds();
  expect(singapore).toBe(60);
  // One at the start, and probes after 5 and 15 s.
  expect(china).toBe(3);
  expect(states.slice(0, 3)).toEqual(['CN open', 'CN half_open', 'CN open']);
  expect(guard.waitMs('CN')).toBeGreaterThan(0);
  expect(guard.waitMs('SG')).toBe(0);
});

test('without its scope, one such request every 5 seconds keeps all messages from going out', async () => {
  const { singapore } = await sixteenSeconds((provider) => ({
    ...provider,
    async send(message, signal) {
      const result = await provider.send(message, signal);
      if (result.kind === 'accepted') return result;
      const { scope: _, ...rest } = result;
      return rest;
    },
  }));
  expect(singapore).toBe(0);
});

test.each(['UnauthorizedOperation.ServiceSuspendDueToArrears'])(
  'the purse of the account is that of every country: %s',
  async (code) => {
    const guard = guardProvider(tencentTo(fake.url), {
      ...{ timeoutMs: 4_500, maxConcurrent: 200, breaker: BREAKER },
      ...{ emit: () => undefined, clock: () => 0 },
    });
    fake.answer({ how: 'refuse_call', code });
    await guard.send(CHINA, NEVER);
    expect(guard.waitMs('SG')).toBeGreaterThan(0);
  },
);
