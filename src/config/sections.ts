/** The longer sections of the settings, and those that are lists or maps of rows. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { isRegion } from '../domain/phone.ts';
import type { Area } from '../sms/vendor.ts';
import { byDefaultRank, VENDORS } from '../sms/vendors.ts';
import { NAME, NAME_RULE, name, text, url, whole } from './values.ts';

/** Names that RateStatus uses for limits that are not configured windows. */
const RESERVED_LIMIT_NAMES = new Set([
  ...['cooldown', 'guess_budget', 'guesses_day', 'guesses_month'],
  ...['number_type', 'destination', 'delivery'],
]);

export const purpose = z.strictObject({
  digits: whole(4, 8).optional().meta({ description: 'Digits of a code. The value of `codes.digits` when unset.' }),
  expirySeconds: whole(60, 600)
    .optional()
    .meta({ description: 'Life of a code in seconds, at most 10 minutes. `codes.expiryMinutes` when unset.' }),
  guesses: whole(1, 5).default(5).meta({ description: 'Guesses that one code allows.' }),
  guessesByPhone: whole(0, 5).optional().meta({
    description: 'How many of them may come by phone number instead of by verification id. 3 when unset.',
  }),
  resend: z.enum(['same', 'new']).default('same').meta({
    description: 'What a second SendCode does while a code is live: send the `same` code again, or a `new` one.',
  }),
  checkVariables: z.enum(['off', 'required']).default('off').meta({
    description:
      'Whether CheckCode must repeat the `variables` of SendCode, which then must have some. When given they are compared in any case: for codes that confirm a transaction.',
  }),
  webOtpDomain: text(253).optional().meta({
    description: 'Host that browsers bind the code to (WebOTP): the SMS ends with `@host #code`.',
  }),
  androidAppHash: text(11).optional().meta({
    description: 'The 11 characters by which Android’s SMS Retriever finds its app, at the end of the SMS.',
  }),
  texts: z.record(z.string(), text(1600)).default({}).meta({
    description:
      'Texts of your own by locale (BCP 47; `*` for all others), with `{code}`, `{minutes}`, `{brand}` and variables of the request.',
  }),
});

const window = (limit: number, seconds: number, env?: { limit: string; seconds: string }) =>
  z
    .strictObject({
      limit: whole(1, 1000)
        .default(limit)
        .meta({ description: 'SMS to one phone within the window.', ...(env && { env: env.limit }) }),
      seconds: whole(1, 30 * 86_400)
        .default(seconds)
        .meta({ description: 'Length of the window in seconds.', ...(env && { env: env.seconds }) }),
    })
    .nullable()
    .prefault({});

export const windows = z
  .object({
    phone_hour: window(5, 3600, { limit: 'SMS_RATE_LIMIT_PER_PHONE', seconds: 'SMS_RATE_LIMIT_WINDOW' }),
    phone_day: window(10, 86_400),
  })
  .catchall(z.strictObject({ limit: whole(1, 1000), seconds: whole(1, 30 * 86_400) }).nullable())
  .refine((rows) => Object.keys(rows).every((key) => NAME.test(key)), `every name ${NAME_RULE}`)
  .refine((rows) => !Object.keys(rows).some((key) => RESERVED_LIMIT_NAMES.has(key)), 'uses a reserved name')
  .refine((rows) => Object.values(rows).some((row) => row !== null), 'at least one window must remain');

export const caller = z.strictObject({
  tokens: z
    .array(
      z
        .string()
        .regex(/^[0-9a-f]{64}$/i, 'must be a SHA-256 hash in hexadecimal (printf %s "$TOKEN" | sha256sum)')
        .toLowerCase(),
    )
    .min(1)
    .meta({
      description: 'SHA-256 hashes of the bearer tokens of this caller, in hexadecimal; several are valid at once.',
    }),
  purposes: z.array(name()).min(1).optional().meta({ description: 'Purposes it may use; all when unset.' }),
});

const provider = z.enum(VENDORS.map(({ name }) => name));
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

export const routes = z
  .array(route)
  .max(500)
  .default([])
  .meta({
    env: 'SMS_ROUTES',
    description: [
      'Which providers carry messages where, in the order in which they are tried:',
      '`[{countries: [CN], providers: [<name>]}, {prefixes: ["+4477"], providers: [{provider: <name>, from: "+44…"}]},',
      '{providers: [<name>, <name>]}]`. The longest prefix wins, then the country, then the row without either. When empty,',
      `those that are configured: ${orderIn('mainland')} for mainland China, ${orderIn('international')} elsewhere.`,
    ].join(' '),
  });

/** The order of the default routes, for the description. */
function orderIn(area: Area): string {
  return byDefaultRank(area)
    .map(({ name }) => `\`${name}\``)
    .join(', ');
}

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

export const connections = z
  .strictObject({
    perPeer: whole(100, 4096).optional().meta({
      env: 'CONNECTIONS_PER_PEER',
      description:
        'Connections to one port from one address; unlimited when unset, because a mesh, a proxy or a NAT is one address.',
    }),
    proxies: z
      .array(z.string().refine((value) => isIP(value) !== 0, 'must be an IP address'))
      .default([])
      .meta({
        env: 'CONNECTION_PROXIES',
        description: 'Addresses that `CONNECTIONS_PER_PEER` does not limit: `[10.0.0.1, 10.0.0.2]`.',
      }),
  })
  .prefault({});

export const admission = z
  .strictObject({
    enabled: z.boolean().default(true).meta({
      env: 'ADMISSION',
      description:
        'Whether calls are refused under load so that the others are answered in time. For measurements only.',
    }),
    checks: whole(8, 10_000).default(1_024).meta({
      env: 'ADMISSION_CHECKS',
      description: 'The most `CheckCode` under way; under load the limit is lower by itself.',
    }),
    reads: whole(2, 10_000).default(512).meta({
      env: 'ADMISSION_READS',
      description: 'The same for `RateStatus`, `GetVerification` and `CancelVerification`.',
    }),
    sends: whole(2, 10_000).default(1_024).meta({
      env: 'ADMISSION_SENDS',
      description: 'The same for `SendCode`, those that wait for their vendor included. About 60 KB each.',
    }),
  })
  .prefault({});

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
