/** Twilio Programmable Messaging: its settings, and what a route to it needs. */
import { z } from 'zod';
import { unique } from '../../config/mistakes.ts';
import { providerBounds, text, url } from '../../config/values.ts';
import { hopsTo, type VendorRule, vendor } from '../vendor.ts';

const NAME = 'twilio';
const TITLE = 'Twilio';

/** Identifiers of Twilio: two letters say of what. */
const sid = (kind: string) => new RegExp(`^${kind}[0-9a-fA-F]{32}$`);
const sidRule = (kind: string) => `must be ${kind} and 32 hexadecimal digits`;
/** A number without its + is taken for a sender id by Twilio, and refused there (21212). */
const SENDER = /^(?:\+\d{5,15}|\d{3,6}|.*[A-Za-z].*)$/;
const SENDER_RULE = 'must be a number that begins with +, a short code or a sender id with letters';

const schema = z
  .strictObject({
    accountSid: z
      .string()
      .regex(sid('AC'), sidRule('AC'))
      .optional()
      .meta({ env: 'TWILIO_ACCOUNT_SID', description: 'Twilio account.' }),
    authToken: text(256).optional().meta({
      env: 'TWILIO_AUTH_TOKEN',
      secret: true,
      description: 'Twilio auth token; delivery reports are checked with it even where an API key sends.',
    }),
    apiKeySid: z
      .string()
      .regex(sid('SK'), sidRule('SK'))
      .optional()
      .meta({ env: 'TWILIO_API_KEY_SID', description: 'Twilio API key to send with.' }),
    apiKeySecret: text(256).optional().meta({
      env: 'TWILIO_API_KEY_SECRET',
      secret: true,
      description: 'Secret of the Twilio API key.',
    }),
    phoneNumber: text(32)
      .regex(SENDER, SENDER_RULE)
      .optional()
      .meta({ env: 'TWILIO_PHONE_NUMBER', description: 'Number or alphanumeric sender id that Twilio sends from.' }),
    messagingServiceSid: z
      .string()
      .regex(sid('MG'), sidRule('MG'))
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
    ...providerBounds(TITLE),
  })
  .prefault({});

type Rule = VendorRule<z.output<typeof schema>>;

const apiKeyIsWhole: Rule = ({ apiKeySid, apiKeySecret }, { lacking }) => {
  if (apiKeySid === undefined && apiKeySecret === undefined) return {};
  return { mistakes: lacking(['apiKeySid', 'apiKeySecret']) };
};

const everyHopHasASender: Rule = ({ messagingServiceSid, phoneNumber }, context) => {
  const { used, routes, hopAt, at, lacking } = context;
  if (!used || (messagingServiceSid ?? phoneNumber) !== undefined) return {};
  const bare = hopsTo(NAME, routes ?? []).filter(
    ({ sender }) => (sender.messagingServiceSid ?? sender.from) === undefined,
  );
  const problem = 'has no sender: it needs `from` or `messagingServiceSid`, or TWILIO_PHONE_NUMBER';
  const mistakes = bare.flatMap((hop) => {
    const place = hopAt(hop);
    return place ? [at(place, problem)] : lacking(['phoneNumber']);
  });
  return { mistakes: unique(mistakes) };
};

const sendersAreWellFormed: Rule = (_, { routes, hopAt, at }) => {
  const mistakes = hopsTo(NAME, routes ?? []).flatMap((hop) => {
    const place = hopAt(hop);
    const { from } = hop.sender;
    return place === null || from === undefined || SENDER.test(from) ? [] : [at([...place, 'from'], SENDER_RULE)];
  });
  return { mistakes };
};

const callbackHasAHostItTakes: Rule = (_, { used, callbackUrl = '', at }) => {
  const host = URL.parse(callbackUrl)?.hostname ?? '';
  if (!used || !host.includes('_')) return {};
  const problem = 'has an underscore in its host: Twilio refuses every message with such a URL for reports (21609)';
  return { mistakes: [at(['callbacks', 'publicUrl'], problem)] };
};

export const twilio = vendor({
  name: NAME,
  title: TITLE,
  schema,
  usedWith: ['accountSid', 'authToken', 'apiKeySid', 'apiKeySecret', 'phoneNumber', 'messagingServiceSid'],
  required: ['accountSid', 'authToken'],
  sdkReads: ['TWILIO_CA_BUNDLE'],
  senderFields: ['from', 'messagingServiceSid'],
  defaultRank: { mainland: 2, international: 1 },
  rules: [apiKeyIsWhole, callbackHasAHostItTakes, everyHopHasASender, sendersAreWellFormed],
  async open(settings, { failOverBlocked, callbackUrl }) {
    const { accountSid, authToken, apiKeySid: sid, apiKeySecret: secret, phoneNumber: from, ...rest } = settings;
    const { createTwilioProvider } = await import('./provider.ts');
    return createTwilioProvider({
      ...rest,
      from,
      statusCallback: callbackUrl,
      accountSid,
      authToken,
      ...(sid !== undefined && secret !== undefined && { apiKey: { sid, secret } }),
      maxSockets: settings.maxConcurrent,
      failOverBlocked,
    });
  },
});
