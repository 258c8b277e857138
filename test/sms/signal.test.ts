/** The signal that a provider is given is the only timer of a message: it waits neither longer nor shorter. */
import { ClientRequest } from 'node:http';
import { afterEach, expect, test, vi } from 'vitest';
import { MAX_PROVIDER_TIMEOUT_MS } from '../../src/domain/deadlines.ts';
import type { Message, Provider } from '../../src/sms/provider.ts';
import { createWebhookProvider } from '../../src/sms/webhook/provider.ts';
import { startTencentFake } from '../support/tencent-fake.ts';
import { startTwilioFake } from '../support/twilio-fake.ts';
import { startTwilioVerifyFake, verifyError } from '../support/twilio-verify-fake.ts';
import type { VendorServer } from '../support/vendor-server.ts';
import { startWebhookFake } from '../support/webhook-fake.ts';
import { SECRETS, tencentTo } from './tencent/fixture.ts';
import { ACCOUNT, MESSAGE, providerOf } from './twilio/fixture.ts';
import { SERVICE_SID, providerOf as verifyTo } from './twilio-verify/fixture.ts';

const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;

interface Silent {
  readonly provider: Provider;
  readonly server: VendorServer;
}

const VENDORS: Readonly<Record<string, () => Promise<Silent>>> = {
  async tencent() {
    const fake = await startTencentFake(SECRETS);
    fake.misbehave({ do: 'hang' });
    return { provider: tencentTo(fake.url), server: fake.server };
  },
  async twilio() {
    const fake = await startTwilioFake(ACCOUNT);
    fake.behave({ do: 'hang' });
    return { provider: providerOf(fake.url), server: fake };
  },
  async 'twilio-verify'() {
    const fake = await startTwilioVerifyFake({ ...ACCOUNT, serviceSid: SERVICE_SID });
    const isStart = ({ path }: { path: string }) => path.endsWith('/Verifications');
    fake.behave((request) => (isStart(request) ? { do: 'hang' } : verifyError(20404)));
    // Of its two requests only the second one sends.
    const server = {
      ...fake,
      get requests() {
        return fake.requests.filter(isStart);
      },
    };
    return { provider: verifyTo(fake.url), server };
  },
  async webhook() {
    const fake = await startWebhookFake({ secret: SECRET });
    const options = { url: fake.url, secret: SECRET, maxSockets: 1, reports: false, now: Date.now };
    const provider = createWebhookProvider(options);
    // Its sockets have a timer until they are connected, which is longer than any attempt.
    await provider.send(message, new AbortController().signal);
    const server = {
      ...fake,
      get requests() {
        return fake.requests.slice(1);
      },
    };
    fake.behave({ do: 'hang' });
    return { provider, server };
  },
};
const message: Message = { ...MESSAGE, to: '+8618501234444' };

afterEach(() => vi.restoreAllMocks());

test.each(Object.entries(VENDORS))('%s sets no timer of its own, and ends when its signal fires', async (_, start) => {
  const { provider, server } = await start();
  const timers = vi.spyOn(globalThis, 'setTimeout');
  // 0 stands for no time-out there.
  const requestTimers = vi.spyOn(ClientRequest.prototype, 'setTimeout');
  const leaving = new AbortController();
  const sending = provider.send(message, leaving.signal);
  while (server.requests.length === 0) await new Promise(setImmediate);
  // What is longer than any attempt is about an idle connection.
  expect(timers.mock.calls.filter(([, ms = 0]) => ms <= MAX_PROVIDER_TIMEOUT_MS)).toEqual([]);
  expect(requestTimers.mock.calls.filter(([ms]) => ms !== 0)).toEqual([]);
  leaving.abort();
  expect(await sending).toMatchObject({ kind: 'unknown', category: 'timeout', vendorCode: 'timeout' });
  provider.close?.();
  await server.stop();
});
