/**
 * Tencent and Twilio as the benchmarks' servers meet them, a process of its own: the fakes of the tests, which check every request,
 * and a way to ask from outside what they saw. `node bench/vendors.ts`; CONTROL_LISTEN is where it is asked.
 */
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';
import { addressOf } from '../src/config/address.ts';
import { type Child, startChild } from '../test/support/child.ts';
import { freePort } from '../test/support/port.ts';
import { startTencentFake } from '../test/support/tencent-fake.ts';
import { startTwilioFake } from '../test/support/twilio-fake.ts';
import { eventually } from '../test/support/wait.ts';

export const VENDORS = ['tencent', 'twilio'] as const;
export type Vendor = (typeof VENDORS)[number];

export const ACCOUNT = { accountSid: `AC${'5'.repeat(32)}`, authToken: 'auth-token-of-the-account' };
export const SECRETS = { secretId: 'AKIDbench', secretKey: 'key-of-the-benchmark' };

/** Settings that lead the service to the fakes. */
export function twilioAt(url: string) {
  return {
    TWILIO_ACCOUNT_SID: ACCOUNT.accountSid,
    TWILIO_AUTH_TOKEN: ACCOUNT.authToken,
    TWILIO_PHONE_NUMBER: '+15557122661',
    TWILIO_BASE_URL: url,
  };
}

export function tencentAt(url: string) {
  return {
    TENCENT_SECRET_ID: SECRETS.secretId,
    TENCENT_SECRET_KEY: SECRETS.secretKey,
    TENCENT_SMS_SDK_APP_ID: '1400006666',
    TENCENT_SMS_SIGN_NAME: 'Example',
    TENCENT_SMS_TEMPLATE_ID: '1110',
    TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '2220',
    TENCENT_SMS_ENDPOINT: url,
  };
}

export interface Seen {
  readonly url: string;
  readonly requests: number;
  /** Connections so far, and those that are open. */
  readonly accepted: number;
  readonly open: number;
}

export interface VendorProcess {
  seen(): Promise<Readonly<Record<Vendor, Seen>>>;
  /** By phone, as Twilio got them. */
  codes(): Promise<ReadonlyMap<string, string>>;
  /** Whether Twilio reads what comes and never answers. */
  hang(hangs: boolean): Promise<void>;
  stop(): Promise<void>;
}

/** What is asked, by path. */
async function serve(): Promise<void> {
  const tencent = await startTencentFake(SECRETS);
  const twilio = await startTwilioFake(ACCOUNT);
  const seenBy = ({ url, requests, connections }: typeof tencent.server) => {
    return { url, requests: requests.length, accepted: connections.accepted, open: connections.open };
  };
  const answers: Readonly<Record<string, () => unknown>> = {
    '/seen': () => ({ tencent: seenBy(tencent.server), twilio: seenBy(twilio) }),
    '/codes': () => twilio.sends.map(({ to, body }) => [to, /\d{6}/.exec(body)?.[0]]),
  };
  const control = createServer(({ method, url = '' }, response) => {
    if (method === 'POST') twilio.behave(url === '/hang' ? { do: 'hang' } : null);
    response.end(JSON.stringify(answers[url]?.() ?? null));
  });
  const { host, port } = addressOf(process.env.CONTROL_LISTEN ?? '');
  control.listen(port, host);
  process.on('SIGTERM', () => process.exit(0));
}

export async function startVendors(): Promise<VendorProcess> {
  const control = `127.0.0.1:${await freePort()}`;
  const file = fileURLToPath(import.meta.url);
  const child: Child = await startChild(process.execPath, [file], { env: { CONTROL_LISTEN: control } });
  const ask = async (path: string, method = 'GET') => (await fetch(`http://${control}${path}`, { method })).json();
  await eventually('the vendors are there', async () => (await ask('/seen')) !== null || !child.running());
  return {
    seen: () => ask('/seen') as Promise<Readonly<Record<Vendor, Seen>>>,
    codes: async () => new Map((await ask('/codes')) as [string, string][]),
    hang: async (hangs) => void (await ask(hangs ? '/hang' : '/answer', 'POST')),
    stop: async () => void (await child.stop()),
  };
}

if (import.meta.main) await serve();
