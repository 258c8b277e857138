/** The section `tencent` of the settings. */
import { z } from 'zod';
import { isHttpUrl, isLoopback, isRange } from '../../config/address.ts';
import { isLanguageTag, name, providerBounds, text, whole } from '../../config/values.ts';
import { MAX_CHARACTERS, VARIABLE_NAME } from '../../domain/variables.ts';

const PARAMETER_RULE = 'must be `code`, `minutes`, `brand` or the name of a variable';

/** Requests are signed for the host in the URL, without its port, and for the service that its first label names. */
const API = /^https:\/\/sms\.(?:[a-z0-9-]+\.)?tencentcloudapi\.com\/?$/;
const API_RULE =
  'must be https://sms.tencentcloudapi.com, or https://sms.<region>.tencentcloudapi.com, without a port or path: ' +
  'Tencent takes no request that was signed for another host';

/** A fake on this machine, or Tencent's own API. */
function isApi(value: string): boolean {
  if (!isHttpUrl(value)) return false;
  const { hostname, href } = new URL(value);
  return isLoopback({ host: hostname.replace(/^\[|\]$/g, ''), port: 0 }) || API.test(href);
}

const parameters = () =>
  z
    .array(z.string().regex(VARIABLE_NAME, PARAMETER_RULE).max(MAX_CHARACTERS, PARAMETER_RULE))
    .max(8)
    .refine((names) => names.includes('code'), 'must contain `code`: the template would be sent without one');

const template = z
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

export const schema = z
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
    parameterCharacters: whole(1, MAX_CHARACTERS).default(MAX_CHARACTERS).meta({
      env: 'TENCENT_SMS_PARAMETER_CHARACTERS',
      description:
        'Most characters of a variable or brand in a template: 12 for accounts of persons; those of companies have no limit. A request with a longer variable is `INVALID_ARGUMENT`.',
    }),
    templates: z.array(template).max(200).default([]).meta({
      description: 'Templates by purpose and locale; the most specific one is used, the two ids above when none fits.',
    }),
    region: text(32).default('ap-guangzhou').meta({ env: 'TENCENT_SMS_REGION', description: 'Tencent’s region.' }),
    endpoint: z.string().refine(isApi, API_RULE).default('https://sms.tencentcloudapi.com').meta({
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
    ...providerBounds('Tencent'),
  })
  .prefault({});
