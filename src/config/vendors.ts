/** The settings of SMS providers, of the routes to them, and of what they report back. */
import { z } from 'zod';
import { MAX_PROVIDER_TIMEOUT_MS } from '../domain/deadlines.ts';
import { isRegion } from '../domain/phone.ts';
import { isHttpUrl, isRange } from './address.ts';
import { isLanguageTag, name, text, whole } from './values.ts';

const url = () => z.string().refine(isHttpUrl, 'must be an https:// URL (http:// to this machine only)');
const parameters = () =>
  z
    .array(
      z
        .string()
        .regex(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/, 'must be `code`, `minutes`, `brand` or the name of a variable')
        .max(32),
    )
    .max(8)
    .refine((names) => names.includes('code'), 'must contain `code`: the template would be sent without one');

/** As Standard Webhooks writes secrets; any other text is its own bytes. As strict as `webhookKey`, which uses it. */
function isWebhookSecret(value: string): boolean {
  const encoded = /^whsec_(.*)$/s.exec(value)?.[1];
  if (encoded === undefined) return Buffer.byteLength(value) >= WEBHOOK_KEY_BYTES;
  return BASE64.test(encoded) && Buffer.from(encoded, 'base64').length >= WEBHOOK_KEY_BYTES;
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=?)?$/;
/** Of the specification. */
const WEBHOOK_KEY_BYTES = 24;

/** Every provider has these. */
const bounds = (vendor: string) => ({
  timeoutMs: whole(100, MAX_PROVIDER_TIMEOUT_MS)
    .default(4500)
    .meta({ description: `After how many milliseconds a try at ${vendor} counts as lost.` }),
  maxConcurrent: whole(1, 10_000)
    .default(200)
    .meta({ description: `Messages under way at ${vendor} at once; more go to the next provider.` }),
});

export const twilio = z
  .strictObject({
    accountSid: z
      .string()
      .regex(/^AC[0-9a-zA-Z]{1,62}$/, 'must begin with AC')
      .optional()
      .meta({ env: 'TWILIO_ACCOUNT_SID', description: 'Twilio account.' }),
    authToken: text(256).optional().meta({
      env: 'TWILIO_AUTH_TOKEN',
      secret: true,
      description: 'Twilio auth token; delivery reports are checked with it even where an API key sends.',
    }),
    apiKeySid: text(256).optional().meta({ env: 'TWILIO_API_KEY_SID', description: 'Twilio API key to send with.' }),
    apiKeySecret: text(256).optional().meta({
      env: 'TWILIO_API_KEY_SECRET',
      secret: true,
      description: 'Secret of the Twilio API key.',
    }),
    phoneNumber: text(32)
      .optional()
      .meta({ env: 'TWILIO_PHONE_NUMBER', description: 'Number or alphanumeric sender id that Twilio sends from.' }),
    messagingServiceSid: z
      .string()
      .regex(/^MG/, 'must begin with MG')
      .optional()
      .meta({ env: 'TWILIO_MESSAGING_SERVICE_SID', description: 'Twilio Messaging Service; wins over the number.' }),
    baseUrl: url().optional().meta({
      env: 'TWILIO_BASE_URL',
      description: 'Where Twilio’s API is reached; `https://api.twilio.com` when unset.',
    }),
    feedback: z.boolean().default(true).meta({
      env: 'TWILIO_FEEDBACK',
      description: 'Tell Twilio which messages led to an approval.',
    }),
    ...bounds('Twilio'),
  })
  .prefault({});

const tencentTemplate = z
  .strictObject({
    purpose: name().optional().meta({ description: 'The purpose it is for; all when unset.' }),
    locale: z
      .string()
      .refine(
        isLanguageTag,
        'must be a language tag (BCP 47), such as `en` or `zh-Hant`; leave it out for all languages',
      )
      .optional()
      .meta({ description: 'The language it is in (BCP 47); leave it out for all languages.' }),
    mainland: text(64).optional().meta({ description: 'Id of the template for numbers of mainland China.' }),
    international: text(64).optional().meta({ description: 'Id of the template for all other numbers.' }),
    parameters: parameters().optional().meta({
      description: 'What fills it, in order; `tencent.templateParameters` when unset.',
    }),
  })
  .refine((row) => row.mainland !== undefined || row.international !== undefined, 'names no template');

export const tencent = z
  .strictObject({
    secretId: text(256).optional().meta({ env: 'TENCENT_SECRET_ID', description: 'Tencent Cloud API key id.' }),
    secretKey: text(256).optional().meta({
      env: 'TENCENT_SECRET_KEY',
      secret: true,
      description: 'Tencent Cloud API key.',
    }),
    sdkAppId: text(64).optional().meta({ env: 'TENCENT_SMS_SDK_APP_ID', description: 'Tencent SMS application.' }),
    signName: text(64).optional().meta({
      env: 'TENCENT_SMS_SIGN_NAME',
      description: 'Approved signature (its text); required for mainland China.',
    }),
    templateId: text(64).optional().meta({
      env: 'TENCENT_SMS_TEMPLATE_ID',
      description: 'Approved verification template for mainland China.',
    }),
    internationalTemplateId: text(64).optional().meta({
      env: 'TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID',
      description: 'Approved verification template for all other countries.',
    }),
    templateParameters: parameters().default(['code', 'minutes']).meta({
      env: 'TENCENT_SMS_TEMPLATE_PARAMETERS',
      description: 'What fills the templates, in order: `code`, `minutes`, `brand` or variables of the request.',
    }),
    templates: z.array(tencentTemplate).max(200).default([]).meta({
      description: 'Templates by purpose and locale; the most specific one is used, the two ids above when none fits.',
    }),
    region: text(32).default('ap-guangzhou').meta({ env: 'TENCENT_SMS_REGION', description: 'Tencent’s region.' }),
    endpoint: url().default('https://sms.tencentcloudapi.com').meta({
      env: 'TENCENT_SMS_ENDPOINT',
      description: 'Tencent’s API; international accounts use `https://sms.intl.tencentcloudapi.com`.',
    }),
    feedback: z.boolean().default(false).meta({
      env: 'TENCENT_SMS_FEEDBACK',
      description: 'Tell Tencent which messages led to an approval; Tencent has to enable this for the account.',
    }),
    callbackToken: z
      .string()
      .regex(/^[A-Za-z0-9_-]{22,128}$/, 'must be 22 to 128 letters, digits, - and _ (try: openssl rand -hex 16)')
      .optional()
      .meta({
        env: 'TENCENT_CALLBACK_TOKEN',
        secret: true,
        description:
          'Last part of the URL for Tencent’s delivery reports, `<CALLBACK_PUBLIC_URL>/tencent/<token>`: Tencent does not sign them.',
      }),
    callbackAddresses: z.array(z.string().refine(isRange, 'must be an address or a CIDR range')).default([]).meta({
      env: 'TENCENT_CALLBACK_ADDRESSES',
      description: 'Addresses and CIDR ranges that Tencent’s delivery reports may come from; any when empty.',
    }),
    pullSeconds: whole(0, 3600).default(0).meta({
      env: 'TENCENT_SMS_PULL_SECONDS',
      description:
        'Fetch delivery reports this often, where Tencent cannot reach us; 0 for never. Tencent has to enable it, and hands out each report once.',
    }),
    ...bounds('Tencent'),
  })
  .prefault({});

export const webhook = z
  .strictObject({
    url: url().optional().meta({
      env: 'SMS_WEBHOOK_URL',
      description: 'A gateway of your own that messages are posted to (docs/webhook.md).',
    }),
    secret: z
      .string()
      .max(256)
      .refine(isWebhookSecret, 'must be at least 24 bytes, in base64 after whsec_')
      .optional()
      .meta({ env: 'SMS_WEBHOOK_SECRET', secret: true, description: 'Signs the messages, and the gateway’s reports.' }),
    ...bounds('the gateway'),
  })
  .prefault({});

export const PROVIDERS = ['twilio', 'tencent', 'webhook'] as const;
export type ProviderName = (typeof PROVIDERS)[number];

const provider = z.enum(PROVIDERS);
const hop = z.union([
  provider,
  z.strictObject({
    provider,
    from: text(32).optional(),
    messagingServiceSid: z.string().regex(/^MG/, 'must begin with MG').optional(),
    signName: text(64).optional(),
    templateId: text(64).optional(),
    internationalTemplateId: text(64).optional(),
    senderId: text(32).optional(),
  }),
]);

const route = z.strictObject({
  countries: z
    .array(z.string().toUpperCase().refine(isRegion, 'must be an ISO 3166-1 region with a numbering plan'))
    .default([]),
  prefixes: z.array(z.string().regex(/^\+\d{1,14}$/, 'must be + and digits, for example +4477')).default([]),
  providers: z.array(hop).min(1),
});

export const routes = z.array(route).max(500).default([]).meta({
  env: 'SMS_ROUTES',
  description:
    'Which providers carry messages where, in the order in which they are tried: `[{countries: [CN], providers: [tencent]}, {prefixes: ["+4477"], providers: [{provider: twilio, from: "+44…"}]}, {providers: [twilio, webhook]}]`. The longest prefix wins, then the country, then the row without either. When empty: Tencent first for mainland China, Twilio first elsewhere, the webhook last.',
});

export const testNumbers = z
  .record(
    z.string(),
    z.strictObject({
      code: z
        .string()
        .regex(/^\d{4,8}$/, 'must be 4 to 8 digits, in quotes')
        .meta({ description: 'The right code.' }),
      until: z.iso
        .date('must be a day such as 2027-01-31')
        .meta({ description: 'First day (UTC) on which the number is like any other again.' }),
    }),
  )
  .default({})
  .meta({
    env: 'SMS_TEST_NUMBERS',
    description:
      'Numbers that get no SMS and have a fixed code, for app reviews and CI: `{"+14155550199": {code: "123456", until: 2027-01-31}}`. Where codes have fewer digits, the first ones count.',
  });

export const callbacks = z
  .strictObject({
    publicUrl: url().optional().meta({
      env: 'CALLBACK_PUBLIC_URL',
      description:
        'How providers reach the callback listener from outside, for delivery reports: `https://sms.example.com/reports`. There is no such listener when unset.',
    }),
    trustedProxies: whole(0, 10).default(0).meta({
      env: 'CALLBACK_TRUSTED_PROXIES',
      description: 'How many proxies before the callback listener add to `X-Forwarded-For`.',
    }),
  })
  .prefault({});
