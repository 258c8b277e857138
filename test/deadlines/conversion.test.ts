/** A vendor that never answers when it is told of an approval: neither the caller nor the end of the process waits for it. */
import { afterEach, expect, it } from 'vitest';
import { MESSAGING_CLOSE_MS } from '../../src/domain/deadlines.ts';
import { createUser } from '../e2e/user.ts';
import { CALLER, type ProviderName, startVendorFakes } from '../e2e/vendor-fakes.ts';
import { startApp } from '../support/app.ts';
import { ok } from '../support/clients.ts';
import { eventually } from '../support/wait.ts';
import { elapsedMs, figure } from './figures.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

it.each<ProviderName>(['twilio', 'tencent', 'webhook'])('%s', async (provider) => {
  const fakes = await startVendorFakes();
  closers.push(() => fakes.stop());
  const env = { ...fakes.env(provider), TENCENT_SMS_FEEDBACK: 'on' };
  const app = await startApp({ configured: true, hurried: true, env });
  closers.push(() => app.stop());
  const user = createUser(fakes.delivering(app), { protocol: 'grpc', phone: '+14155550101', ...CALLER });
  ok(await user.send());
  const { requests } = provider === 'tencent' ? fakes.tencent.server : fakes[provider];
  const before = requests.length;
  if (provider === 'tencent') fakes.tencent.misbehave({ do: 'hang' });
  else fakes[provider].behave({ do: 'hang' });

  const approved = await elapsedMs(async () => expect(await user.verdict(user.code())).toBe('APPROVED'));
  await eventually('the vendor was asked', () => requests.length > before, { everyMs: 2 });
  const stopped = await elapsedMs(() => app.stop());
  figure(`${provider} hangs: approved after ${approved.toFixed(0)} ms, stopped after ${stopped.toFixed(0)} ms`);
  expect(approved, 'far below the deadline of CheckCode, 2 s').toBeLessThan(1_000);
  expect(stopped, 'the grace for what vendors are still to be told').toBeLessThan(2 * MESSAGING_CLOSE_MS);
});
