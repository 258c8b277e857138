/** All vendors on loopback, each with a country of its own, and the settings by which the service uses them. */
import { createHash, randomBytes } from 'node:crypto';
import { startTencentFake, type TencentFake } from '../support/tencent-fake.ts';
import { startTwilioFake, type TwilioFake } from '../support/twilio-fake.ts';
import { startTwilioVerifyFake, type TwilioVerifyFake } from '../support/twilio-verify-fake.ts';
import type { Behaviour, VendorRequest, VendorServer } from '../support/vendor-server.ts';
import { startWebhookFake, type WebhookFake } from '../support/webhook-fake.ts';
import type { Secrets } from './leaks.ts';

export const VENDOR_NAMES = ['tencent', 'twilio', 'twilio-verify', 'webhook'] as const;
export type VendorName = (typeof VENDOR_NAMES)[number];

export interface Vendors {
  readonly tencent: TencentFake;
  readonly twilio: TwilioFake;
  readonly verify: TwilioVerifyFake;
  readonly webhook: WebhookFake;
  /** Of Verify: the requests that send or approve, and how it behaves to these. */
  readonly servers: Readonly<Record<VendorName, VendorServer>>;
  /** A number that nothing was sent to before: of the country that one vendor serves, or of that which all serve in turn. */
  phone(of: VendorName | 'all'): string;
  /** What the vendors were told, or sign with, and nobody else may see; with every phone and code that they saw. */
  secrets(): Secrets;
  /** The code in the last SMS to a phone. Throws when no vendor got one. */
  codeTo(phone: string): string;
  stop(): Promise<void>;
}

/** As an operator sets them; fresh for each run. */
export const CREDENTIALS = {
  accountSid: `AC${randomBytes(16).toString('hex')}`,
  authToken: randomBytes(16).toString('hex'),
  apiKeySid: `SK${randomBytes(16).toString('hex')}`,
  apiKeySecret: randomBytes(16).toString('hex'),
  verifyAccountSid: `AC${randomBytes(16).toString('hex')}`,
  verifyAuthToken: randomBytes(16).toString('hex'),
  verifyApiKeySid: `SK${randomBytes(16).toString('hex')}`,
  verifyApiKeySecret: randomBytes(16).toString('hex'),
  tencentId: `AKID${randomBytes(12).toString('hex')}`,
  tencentKey: randomBytes(16).toString('hex'),
  webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
  webhookPath: randomBytes(12).toString('hex'),
  callbackToken: randomBytes(16).toString('hex'),
  callerToken: randomBytes(16).toString('hex'),
  rootSecret: randomBytes(32).toString('base64'),
};
export const PUBLIC_URL = 'https://sms.example.com/reports';
/** What vendors begin their texts with. */
export const VENDOR_TEXT = 'vendor text about';

/** Of each vendor: what a silent one costs a test. */
export const TIMEOUT_MS = 800;

const SERVICE_SID = `VA${'3'.repeat(32)}`;
const COUNTRIES = {
  tencent: '+861381',
  twilio: '+1415',
  'twilio-verify': '+33612',
  webhook: '+447400',
  all: '+4915123',
} as const;
const FIRST = { tencent: 1_000_000, twilio: 2_000_000, 'twilio-verify': 100_000, webhook: 100_000, all: 100_000 };

export async function startVendors(): Promise<Vendors> {
  const { accountSid, authToken, apiKeySid: sid, apiKeySecret: secret, tencentId, tencentKey } = CREDENTIALS;
  const tencent = await startTencentFake({ secretId: tencentId, secretKey: tencentKey });
  const twilio = await startTwilioFake({ accountSid, authToken, apiKey: { sid, secret } });
  const verify = await startTwilioVerifyFake({
    accountSid: CREDENTIALS.verifyAccountSid,
    authToken: CREDENTIALS.verifyAuthToken,
    apiKey: { sid: CREDENTIALS.verifyApiKeySid, secret: CREDENTIALS.verifyApiKeySecret },
    serviceSid: SERVICE_SID,
  });
  const webhook = await startWebhookFake({ secret: CREDENTIALS.webhookSecret });
  const servers = { tencent: tencent.server, twilio, 'twilio-verify': sendingAndApproving(verify), webhook };
  const drawn = { tencent: 0, twilio: 0, 'twilio-verify': 0, webhook: 0, all: 0 };

  const seen = () => VENDOR_NAMES.flatMap((name) => servers[name].requests.map((request) => seenIn(name, request)));
  return {
    tencent,
    twilio,
    verify,
    webhook,
    servers,
    phone: (of) => `${COUNTRIES[of]}${FIRST[of] + drawn[of]++}`,
    codeTo: (phone) => {
      const sms = seen().findLast(({ to }) => to === phone);
      if (sms === undefined) throw new Error('no vendor got an SMS to this phone');
      return sms.code;
    },
    secrets: () => {
      const secrets: Record<string, string> = { ...credentials(), 'vendor text': VENDOR_TEXT };
      for (const [index, { to, code, token, signature }] of seen().entries()) {
        const all = { phone: to, code, 'report token': token, signature };
        for (const [what, value] of Object.entries(all)) if (value !== '') secrets[`${what} ${index}`] = value;
      }
      return secrets;
    },
    stop: async () => {
      await Promise.all(Object.values(servers).map((server) => server.stop()));
    },
  };
}

/** Without the requests that cancel what is pending, one before each send, and those that fetch reports. */
function sendingAndApproving(verify: TwilioVerifyFake): VendorServer {
  const usual: Behaviour = { do: 'hold', until: Promise.resolve() };
  const counts = ({ method, body }: VendorRequest) => method === 'POST' && body !== 'Status=canceled';
  return {
    url: verify.url,
    port: verify.port,
    connections: verify.connections,
    get requests() {
      return verify.requests.filter(counts);
    },
    behave(how) {
      const raw = how === null || (typeof how === 'object' && how.do === 'reset_before');
      verify.behave(
        raw ? how : (request) => (!counts(request) ? usual : typeof how === 'function' ? how(request) : how),
      );
    },
    stop: () => verify.stop(),
  };
}

function credentials(): Record<string, string> {
  const { accountSid, authToken, apiKeySid, apiKeySecret, webhookSecret, ...others } = CREDENTIALS;
  return {
    ...CREDENTIALS,
    webhookKey: webhookSecret.slice('whsec_'.length),
    'Basic header': Buffer.from(`${accountSid}:${authToken}`).toString('base64'),
    'Basic header of the API key': Buffer.from(`${apiKeySid}:${apiKeySecret}`).toString('base64'),
    'Basic header of Verify': Buffer.from(`${others.verifyAccountSid}:${others.verifyAuthToken}`).toString('base64'),
    'Basic header of its API key': Buffer.from(`${others.verifyApiKeySid}:${others.verifyApiKeySecret}`).toString(
      'base64',
    ),
  };
}

/** What is secret in a request, as the vendor gets it; empty where there is nothing of the kind. */
export function seenIn(vendor: VendorName, { headers, body }: VendorRequest) {
  if (vendor === 'twilio') {
    const form = new URLSearchParams(body);
    const text = form.get('Body') ?? '';
    const callback = form.get('StatusCallback');
    const token = callback === null ? '' : (new URL(callback).searchParams.get('t') ?? '');
    return { to: form.get('To') ?? '', code: /\d{6}/.exec(text)?.[0] ?? '', token, signature: '' };
  }
  if (vendor === 'twilio-verify') {
    const form = new URLSearchParams(body);
    return { to: form.get('To') ?? '', code: form.get('CustomCode') ?? '', token: '', signature: '' };
  }
  const content = JSON.parse(body || '{}');
  if (vendor === 'webhook') {
    const { to = '', code = '', report_token: token = '' } = content;
    return { to, code, token, signature: String(headers['webhook-signature']).replace('v1,', '') };
  }
  const { PhoneNumberSet: [to = ''] = [], TemplateParamSet: [code = ''] = [], SessionContext: token = '' } = content;
  return { to, code, token, signature: /Signature=(\w+)/.exec(headers.authorization ?? '')?.[1] ?? '' };
}

export interface SettingsOptions {
  readonly redisUrl: string;
  readonly keyPrefix: string;
  readonly callbackPort: number;
  /** Twilio, and Verify, by an API key. */
  readonly apiKey: boolean;
}

/** The environment of a production server with all of them, and its file. */
export function settingsFor(vendors: Vendors, { redisUrl, keyPrefix, callbackPort, apiKey }: SettingsOptions) {
  const { callerToken, webhookPath, rootSecret } = CREDENTIALS;
  const env = {
    NODE_ENV: 'production',
    SMS_BRAND: 'Countersign',
    LOG_LEVEL: 'trace',
    REDIS_URL: redisUrl,
    REDIS_KEY_PREFIX: keyPrefix,
    COUNTERSIGN_SECRET: rootSecret,
    COUNTERSIGN_CALLERS: `{auth: {tokens: [${createHash('sha256').update(callerToken).digest('hex')}]}}`,
    CALLBACK_PUBLIC_URL: PUBLIC_URL,
    CALLBACK_LISTEN: `127.0.0.1:${callbackPort}`,
    TWILIO_ACCOUNT_SID: CREDENTIALS.accountSid,
    TWILIO_AUTH_TOKEN: CREDENTIALS.authToken,
    ...(apiKey && { TWILIO_API_KEY_SID: CREDENTIALS.apiKeySid, TWILIO_API_KEY_SECRET: CREDENTIALS.apiKeySecret }),
    TWILIO_PHONE_NUMBER: '+15557122661',
    TWILIO_BASE_URL: vendors.twilio.url,
    TWILIO_VERIFY_ACCOUNT_SID: CREDENTIALS.verifyAccountSid,
    ...(apiKey
      ? {
          TWILIO_VERIFY_API_KEY_SID: CREDENTIALS.verifyApiKeySid,
          TWILIO_VERIFY_API_KEY_SECRET: CREDENTIALS.verifyApiKeySecret,
        }
      : { TWILIO_VERIFY_AUTH_TOKEN: CREDENTIALS.verifyAuthToken }),
    TWILIO_VERIFY_SERVICE_SID: SERVICE_SID,
    TWILIO_VERIFY_POLL_SECONDS: '1',
    TWILIO_VERIFY_BASE_URL: vendors.verify.url,
    TENCENT_SECRET_ID: CREDENTIALS.tencentId,
    TENCENT_SECRET_KEY: CREDENTIALS.tencentKey,
    TENCENT_SMS_SDK_APP_ID: '1400006666',
    TENCENT_SMS_SIGN_NAME: 'Example',
    TENCENT_SMS_TEMPLATE_ID: '1110',
    TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '2220',
    TENCENT_SMS_ENDPOINT: vendors.tencent.url,
    TENCENT_SMS_FEEDBACK: 'true',
    TENCENT_SMS_PULL_SECONDS: '1',
    TENCENT_CALLBACK_TOKEN: CREDENTIALS.callbackToken,
    SMS_WEBHOOK_URL: `${vendors.webhook.url}/${webhookPath}`,
    SMS_WEBHOOK_SECRET: CREDENTIALS.webhookSecret,
  };
  const bounds = VENDOR_NAMES.map((name) => `${name}: { timeoutMs: ${TIMEOUT_MS} }`).join('\n');
  const routes = `routes:
  - { countries: [CN], providers: [tencent] }
  - { countries: [US], providers: [twilio] }
  - { countries: [FR], providers: [twilio-verify] }
  - { countries: [GB], providers: [webhook] }
  - { countries: [DE], providers: [tencent, twilio, webhook] }`;
  return { env, file: `${bounds}\n${routes}\n` };
}
