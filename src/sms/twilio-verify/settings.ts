/** Twilio Verify as a transport for our codes: its settings, and what it cannot send. */
import { z } from 'zod';
import { isLanguageTag, providerBounds, text, url, whole } from '../../config/values.ts';
import { type VendorRule, vendor } from '../vendor.ts';

const TITLE = 'Twilio Verify';

const schema = z
  .strictObject({
    accountSid: z
      .string()
      .regex(/^AC[0-9a-fA-F]{32}$/, 'must be AC and 32 hexadecimal digits')
      .optional()
      .meta({ env: 'TWILIO_VERIFY_ACCOUNT_SID', description: 'Twilio account of the Verify service.' }),
    authToken: text(256).optional().meta({
      env: 'TWILIO_VERIFY_AUTH_TOKEN',
      secret: true,
      description: 'Its auth token; not needed with an API key.',
    }),
    apiKeySid: z
      .string()
      .regex(/^SK[0-9a-fA-F]{32}$/, 'must be SK and 32 hexadecimal digits')
      .optional()
      .meta({
        env: 'TWILIO_VERIFY_API_KEY_SID',
        description: 'API key of the account, which Twilio recommends in place of the auth token.',
      }),
    apiKeySecret: text(256).optional().meta({
      env: 'TWILIO_VERIFY_API_KEY_SECRET',
      secret: true,
      description: 'Secret of the API key.',
    }),
    serviceSid: z
      .string()
      .regex(/^VA[0-9a-f]{32}$/, 'must be VA and 32 hexadecimal digits')
      .optional()
      .meta({
        env: 'TWILIO_VERIFY_SERVICE_SID',
        description:
          'Verify service of its own for Countersign, with "Enable Custom Verification Code" turned on in its settings.',
      }),
    templateSid: z
      .string()
      .regex(/^HJ[0-9a-fA-F]{32}$/, 'must be HJ and 32 hexadecimal digits')
      .optional()
      .meta({
        env: 'TWILIO_VERIFY_TEMPLATE_SID',
        description: 'Approved template; Verify’s default template when unset.',
      }),
    locales: z
      .array(z.string().refine(isLanguageTag, 'must be a language tag (BCP 47), such as `en` or `pt-BR`'))
      .optional()
      .meta({
        env: 'TWILIO_VERIFY_LOCALES',
        description:
          'Languages that the template exists in; Verify chooses by the country of the number when a request asks for another. When unset: those of the default template, and none with a template of your own.',
      }),
    appHash: z
      .string()
      .regex(/^[A-Za-z0-9+/]{11}$/, 'must be the 11 characters of the app’s hash')
      .optional()
      .meta({
        env: 'TWILIO_VERIFY_APP_HASH',
        description: 'Hash of an Android app that reads the SMS by itself (SMS Retriever).',
      }),
    baseUrl: url().optional().meta({
      env: 'TWILIO_VERIFY_BASE_URL',
      description: 'Where the API of Verify is reached; `https://verify.twilio.com` when unset.',
    }),
    pollSeconds: whole(0, 600).default(30).meta({
      env: 'TWILIO_VERIFY_POLL_SECONDS',
      description:
        'Fetch delivery reports this often; 0 for never. An account may ask 100 times a minute, all its processes together.',
    }),
    ...providerBounds(TITLE),
  })
  .prefault({});

type Rule = VendorRule<z.output<typeof schema>>;

const loginIsWhole: Rule = ({ authToken, apiKeySid, apiKeySecret }, { used, lacking }) => {
  if (!used) return {};
  if (apiKeySid !== undefined || apiKeySecret !== undefined)
    return { mistakes: lacking(['apiKeySid', 'apiKeySecret']) };
  return { mistakes: authToken === undefined ? lacking(['authToken']) : [] };
};

const reportsAreFetched: Rule = ({ pollSeconds }, { used }) => {
  if (!used || pollSeconds > 0) return {};
  return { warnings: ['Twilio Verify’s delivery reports are not fetched: TWILIO_VERIFY_POLL_SECONDS is 0'] };
};

export const twilioVerify = vendor({
  name: 'twilio-verify',
  title: TITLE,
  schema,
  usedWith: ['accountSid', 'authToken', 'apiKeySid', 'apiKeySecret', 'serviceSid'],
  required: ['accountSid', 'serviceSid'],
  // Senders are Twilio's, and so is the text: only an approved template of Twilio's carries the code.
  senderFields: [],
  cannotSend: ['texts', 'webOtpDomain', 'androidAppHash'],
  defaultRank: { mainland: 3, international: 3 },
  rules: [loginIsWhole, reportsAreFetched],
  pollSeconds: ({ pollSeconds }) => pollSeconds,
  async open(settings, { now, failOverBlocked }) {
    const { apiKeySid: sid, apiKeySecret: secret, maxConcurrent: maxSockets } = settings;
    const { createTwilioVerifyProvider } = await import('./provider.ts');
    const apiKey = sid !== undefined && secret !== undefined ? { sid, secret } : undefined;
    return createTwilioVerifyProvider({ ...settings, apiKey, maxSockets, failOverBlocked, now });
  },
});
