/** Settings of providers, routes, test numbers and texts: what cannot work is said at start, with its place and never its value. */
import { describe, expect, test } from 'vitest';
import { routesOf } from '../../src/config/policies.ts';
import { createRouting } from '../../src/domain/routing.ts';
import { type Env, load, mistakes, TENCENT, TWILIO, WEBHOOK, without } from './given.ts';

describe('a mistake is named with its place', () => {
  const cases: [string, Env, string, string[]][] = [
    [
      'an account id that is none',
      { ...TWILIO, TWILIO_ACCOUNT_SID: 'SK1' },
      '',
      ['TWILIO_ACCOUNT_SID: must be AC and 32 hexadecimal digits'],
    ],
    [
      'half an API key',
      { ...TWILIO, TWILIO_API_KEY_SID: `SK${'1'.repeat(32)}` },
      '',
      ['TWILIO_API_KEY_SECRET: is required with the other Twilio settings'],
    ],
    [
      'Tencent without any template',
      without(TENCENT, 'TENCENT_SMS_TEMPLATE_ID', 'TENCENT_SMS_SIGN_NAME'),
      '',
      ['TENCENT_SMS_TEMPLATE_ID: is required with the other Tencent settings'],
    ],
    [
      'a mainland template without a signature',
      without(TENCENT, 'TENCENT_SMS_SIGN_NAME'),
      '',
      ['TENCENT_SMS_SIGN_NAME: is required with the other Tencent settings'],
    ],
    [
      'a gateway without a secret',
      { SMS_WEBHOOK_URL: 'https://gateway.example' },
      '',
      ['SMS_WEBHOOK_SECRET: is required with the other webhook settings'],
    ],
    [
      'a gateway’s secret that is not what it says',
      { ...WEBHOOK, SMS_WEBHOOK_SECRET: 'whsec_tooshortforanythingatall' },
      '',
      ['SMS_WEBHOOK_SECRET: must be at least 24 bytes, in base64 after whsec_'],
    ],
    [
      'a range of addresses that is none',
      {
        ...TENCENT,
        CALLBACK_PUBLIC_URL: 'https://sms.example',
        TENCENT_CALLBACK_TOKEN: 'c'.repeat(32),
        TENCENT_CALLBACK_ADDRESSES: '[203.0.113.0/33, 2001:db8::/129, "203.0.113.0/", 10.1.2]',
      },
      '',
      [0, 1, 2, 3].map((i) => `TENCENT_CALLBACK_ADDRESSES[${i}]: must be an address or a CIDR range`),
    ],
    [
      'an API over plain HTTP elsewhere',
      { ...TWILIO, TWILIO_BASE_URL: 'http://api.example' },
      '',
      ['TWILIO_BASE_URL: must be an https:// URL (http:// to this machine only)'],
    ],
    [
      'more digits than Tencent takes',
      { ...TENCENT, SMS_CODE_DIGITS: '8' },
      '',
      ['SMS_CODE_DIGITS: must be at most 6: Tencent’s verification templates take no longer codes'],
    ],
    [
      'more digits than Tencent takes, of one purpose',
      TENCENT,
      'purposes: { login: {}, transfer: { digits: 7 } }',
      ['purposes.transfer.digits: must be at most 6: Tencent’s verification templates take no longer codes'],
    ],
    [
      'a route to nobody',
      TWILIO,
      'routes: [{ providers: [tencent] }]',
      ['routes[0].providers[0]: names tencent, which has no settings'],
    ],
    [
      'a sender of another vendor',
      TWILIO,
      'routes: [{ providers: [{ provider: twilio, signName: x }] }]',
      ['routes[0].providers[0].signName: means nothing to twilio'],
    ],
    [
      'a prefix without +',
      TWILIO,
      'routes: [{ prefixes: ["4477"], providers: [twilio] }]',
      ['routes[0].prefixes[0]: must be + and digits, for example +4477'],
    ],
    [
      'a country that is none',
      TWILIO,
      'routes: [{ countries: [XX], providers: [twilio] }]',
      ['routes[0].countries[0]: must be an ISO 3166-1 region with a numbering plan'],
    ],
    [
      'a host that Twilio does not report to',
      { ...TWILIO, CALLBACK_PUBLIC_URL: 'https://sms_reports.example/a' },
      '',
      [
        'CALLBACK_PUBLIC_URL: has an underscore in its host: Twilio refuses every message with such a URL for reports (21609)',
      ],
    ],
    [
      'a try that takes as long as all providers have together',
      { ...TWILIO, ...WEBHOOK },
      'twilio: { timeoutMs: 9001 }\nwebhook: { timeoutMs: 9500 }\ntencent: { timeoutMs: 10000 }',
      ['twilio', 'tencent', 'webhook'].map((provider) => `${provider}.timeoutMs: must be at most 9000`),
    ],
    [
      'a report path without reports',
      { ...TENCENT, TENCENT_CALLBACK_TOKEN: 'c'.repeat(32) },
      '',
      ['TENCENT_CALLBACK_TOKEN: is set without CALLBACK_PUBLIC_URL'],
    ],
    [
      'a text without its code',
      TWILIO,
      'purposes: { login: { texts: { en: "Hello" } } }',
      [expect.stringMatching(/^purposes\.login\.texts\.en: /) as unknown as string],
    ],
  ];

  test.each(cases)('%s', (_, env, yaml, expected) => {
    expect(mistakes(env, yaml)).toEqual(expected);
  });
});

describe('what works, but hardly as intended, is a warning', () => {
  const cases: [string, Env, string, RegExp][] = [
    ['a vendor in mock mode', { ...TWILIO, SMS_MOCK_MODE: '' }, '', /^twilio is set, but messages are printed/],
    [
      'the same code more often than international accounts of Tencent carry the same content',
      { ...TENCENT, TENCENT_SMS_ENDPOINT: 'https://sms.intl.tencentcloudapi.com' },
      'purposes: { login: {} }',
      /resend: same.*3 times.*2 times a day/,
    ],
    [
      'a pause shorter than Tencent’s',
      { ...TENCENT, SMS_RESEND_INTERVAL_SECONDS: '20' },
      'purposes: { login: { resend: new } }',
      /resendIntervalSeconds is below the 30 s/,
    ],
    [
      'reports of Tencent that nobody reads',
      { ...TENCENT, CALLBACK_PUBLIC_URL: 'https://sms.example' },
      'purposes: { login: { resend: new } }',
      /reports are not read/,
    ],
    [
      'reports of Tencent from anywhere',
      { ...TENCENT, CALLBACK_PUBLIC_URL: 'https://sms.example', TENCENT_CALLBACK_TOKEN: 'c'.repeat(32) },
      'purposes: { login: { resend: new } }',
      /let in by their path alone/,
    ],
    [
      'a text of two segments',
      TWILIO,
      `purposes: { login: { texts: { en: "{code} ${'is your code '.repeat(13).trim()}" } } }`,
      /login.*en/,
    ],
  ];

  test.each(cases)('%s', (_, env, yaml, expected) => {
    expect(load(env, yaml).warnings).toEqual([expect.stringMatching(expected)]);
  });

  test.each([
    ['', ''],
    ['in other countries', '8'],
  ])('the same code three times is fine with a mainland account of Tencent %s', (_, abroad) => {
    expect(load({ ...TENCENT, TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: abroad }).warnings).toEqual([]);
    const only = { ...TENCENT, TENCENT_SMS_TEMPLATE_ID: abroad === '' ? '7' : '' };
    expect(load({ ...only, TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: abroad }).warnings).toEqual([]);
  });
});

describe('without routes', () => {
  const order = (env: Env, phone: { e164: string; region: string }) => {
    const config = load(env);
    const names = ['twilio', 'tencent', 'webhook'].filter((name) =>
      Object.keys(env).some((key) => key.toLowerCase().includes(name)),
    );
    return createRouting(routesOf(config, names))(phone).map(({ provider }) => provider);
  };
  const CHINA = { e164: '+8618501234444', region: 'CN' };
  const FRANCE = { e164: '+33612345678', region: 'FR' };

  test.each([
    ['Twilio carries everything when it is alone', TWILIO, ['twilio'], ['twilio']],
    ['Tencent carries only what it has a template for', TENCENT, ['tencent'], []],
    [
      'both: Tencent first at home, Twilio first elsewhere',
      { ...TWILIO, ...TENCENT, TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '8', SMS_RESEND_INTERVAL_SECONDS: '60' },
      ['tencent', 'twilio'],
      ['twilio', 'tencent'],
    ],
    ['a gateway is the last resort', { ...TWILIO, ...WEBHOOK }, ['twilio', 'webhook'], ['twilio', 'webhook']],
  ])('%s', (_, env, home, abroad) => {
    expect(order(env, CHINA)).toEqual(home);
    expect(order(env, FRANCE)).toEqual(abroad);
  });
});

test('routes can be written in one variable', () => {
  const config = load({
    ...TWILIO,
    SMS_ROUTES: '[{prefixes: ["+4477"], providers: [{provider: twilio, from: "Acme"}]}]',
  });
  expect(createRouting(routesOf(config, ['twilio']))({ e164: '+447712345678', region: 'GB' })).toEqual([
    { provider: 'twilio', sender: { from: 'Acme' } },
  ]);
});

test('an underscore in the path of reports, or in the host of those that Twilio does not send, is fine', () => {
  expect(load({ ...TWILIO, CALLBACK_PUBLIC_URL: 'https://sms.example/a_b' }).warnings).toEqual([]);
  expect(load({ ...WEBHOOK, CALLBACK_PUBLIC_URL: 'https://sms_reports.example' }).warnings).toEqual([]);
});
