/** All vendors on loopback, the environment that leads an app to them, and what phones get by them. */
import { createHash } from 'node:crypto';
import type { RunningApp } from '../support/app.ts';
import { startTencentFake, type TencentFake } from '../support/tencent-fake.ts';
import { startTwilioFake, type TwilioFake } from '../support/twilio-fake.ts';
import { startTwilioVerifyFake, type TwilioVerifyFake } from '../support/twilio-verify-fake.ts';
import { startWebhookFake, type WebhookFake } from '../support/webhook-fake.ts';
import type { Secrets } from './leaks.ts';

export interface VendorFakes {
  readonly twilio: TwilioFake;
  readonly tencent: TencentFake;
  readonly 'twilio-verify': TwilioVerifyFake;
  readonly webhook: WebhookFake;
  /** Configures one of them, by its provider's name. */
  env(...providers: readonly ProviderName[]): Record<string, string>;
  /** Every SMS that any of them was asked to send, by vendor and in the order in which it was. */
  received(): readonly Received[];
  /** The code in the last SMS to a phone. Throws when there is none. */
  codeTo(phone: string): string;
  /** The app, with what the vendors got in the place of its inbox. */
  delivering(app: RunningApp): RunningApp;
  stop(): Promise<void>;
}

export type ProviderName = 'twilio' | 'tencent' | 'twilio-verify' | 'webhook';

export interface Received {
  readonly provider: ProviderName;
  readonly to: string;
  readonly code: string;
}

const ACCOUNT = { accountSid: `AC${'5'.repeat(32)}`, authToken: 'sentinel-auth-token-of-twilio' };
const VERIFY_ACCOUNT = {
  accountSid: `AC${'6'.repeat(32)}`,
  authToken: 'sentinel-auth-token-of-verify',
  serviceSid: `VA${'3'.repeat(32)}`,
};
const API_KEY = { secretId: 'AKIDsentinel0123456789', secretKey: 'sentinelSecretKey9876543210' };
const WEBHOOK_SECRET = 'sentinel-secret-of-the-webhook';
const CALLER_TOKEN = 'sentinel-token-of-the-caller';

/** What must show nowhere. */
export const CREDENTIALS: Secrets = {
  'auth token': ACCOUNT.authToken,
  'auth token of Verify': VERIFY_ACCOUNT.authToken,
  'secret key': API_KEY.secretKey,
  'webhook secret': WEBHOOK_SECRET,
  'caller token': CALLER_TOKEN,
};
export const TWILIO_ACCOUNT = ACCOUNT;
export const WEBHOOK = { secret: WEBHOOK_SECRET };
/** Of the one caller there is in production. */
export const CALLER = { token: CALLER_TOKEN };

/** Beside a vendor, `REDIS_URL` and `COUNTERSIGN_SECRET`, what production demands. */
export const PRODUCTION = {
  NODE_ENV: 'production',
  SMS_BRAND: 'Acme',
  COUNTERSIGN_CALLERS: `{auth: {tokens: [${createHash('sha256').update(CALLER_TOKEN).digest('hex')}]}}`,
};

export async function startVendorFakes(): Promise<VendorFakes> {
  const [twilio, tencent, verify, webhook] = await Promise.all([
    startTwilioFake(ACCOUNT),
    startTencentFake(API_KEY),
    startTwilioVerifyFake(VERIFY_ACCOUNT),
    startWebhookFake({ secret: WEBHOOK_SECRET }),
  ]);
  const settings: Readonly<Record<ProviderName, Readonly<Record<string, string>>>> = {
    twilio: {
      TWILIO_ACCOUNT_SID: ACCOUNT.accountSid,
      TWILIO_AUTH_TOKEN: ACCOUNT.authToken,
      TWILIO_PHONE_NUMBER: '+15557122661',
      TWILIO_BASE_URL: twilio.url,
    },
    tencent: {
      TENCENT_SECRET_ID: API_KEY.secretId,
      TENCENT_SECRET_KEY: API_KEY.secretKey,
      TENCENT_SMS_SDK_APP_ID: '1400006666',
      TENCENT_SMS_SIGN_NAME: '腾讯云',
      TENCENT_SMS_TEMPLATE_ID: '1110',
      TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '2220',
      TENCENT_SMS_ENDPOINT: tencent.url,
    },
    'twilio-verify': {
      TWILIO_VERIFY_ACCOUNT_SID: VERIFY_ACCOUNT.accountSid,
      TWILIO_VERIFY_AUTH_TOKEN: VERIFY_ACCOUNT.authToken,
      TWILIO_VERIFY_SERVICE_SID: VERIFY_ACCOUNT.serviceSid,
      TWILIO_VERIFY_BASE_URL: verify.url,
    },
    webhook: { SMS_WEBHOOK_URL: `${webhook.url}/messages`, SMS_WEBHOOK_SECRET: WEBHOOK_SECRET },
  };

  function received(): readonly Received[] {
    return [
      ...twilio.sends.map(({ to, body }) => ({ provider: 'twilio' as const, to, code: /\b\d{4,8}\b/.exec(body)?.[0] })),
      ...tencent.sends.map(({ phone, parameters }) => ({
        provider: 'tencent' as const,
        to: phone,
        code: parameters.find((value) => /^\d{4,8}$/.test(value)),
      })),
      ...verify.sends.map(({ to, customCode }) => ({
        provider: 'twilio-verify' as const,
        to,
        code: customCode ?? undefined,
      })),
      ...webhook.messages.map(({ to, code }) => ({ provider: 'webhook' as const, to, code })),
    ].map((message) => ({ ...message, code: message.code ?? '' }));
  }

  function codeTo(phone: string): string {
    const message = received().findLast(({ to }) => to === phone);
    if (message === undefined) throw new Error('no message went to this phone');
    return message.code;
  }

  return {
    twilio,
    tencent,
    'twilio-verify': verify,
    webhook,
    env: (...providers) => ({
      SMS_MOCK_MODE: 'off',
      ...Object.assign({}, ...providers.map((provider) => settings[provider])),
    }),
    received,
    codeTo,
    delivering: (app) => ({ ...app, inbox: { ...app.inbox, codeTo } }),
    stop: async () => void (await Promise.all([twilio.stop(), tencent.server.stop(), verify.stop(), webhook.stop()])),
  };
}
