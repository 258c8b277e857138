/** A route leads to no provider that could not send there. */
import { describe, expect, test } from 'vitest';
import { BARE_TENCENT, type Env, load, mistakes, TENCENT, TWILIO, WEBHOOK, without } from '../given.ts';

const NO_FROM = without(TWILIO, 'TWILIO_PHONE_NUMBER');
const NO_SENDER = 'has no sender: it needs `from` or `messagingServiceSid`, or TWILIO_PHONE_NUMBER';
const NO_SIGNATURE = 'leads to mainland China, where tencent needs `signName`, or TENCENT_SMS_SIGN_NAME';
const noTemplate = (area: string, purposes = 'register, login, reset_password') =>
  `leads to ${area}, for which tencent has no template of ${purposes}`;
const ABROAD = 'other countries than mainland China';
const CHINA = 'mainland China';

describe('a mistake is named at its hop', () => {
  const cases: [what: string, env: Env, routes: string, expected: string[]][] = [
    [
      'Twilio without a sender, where only another hop has one',
      NO_FROM,
      '[{countries: [GB], providers: [{provider: twilio, from: Acme}]}, {providers: [twilio]}]',
      [`[1].providers[0]: ${NO_SENDER}`],
    ],
    [
      'Twilio with a sender at every hop',
      NO_FROM,
      '[{countries: [GB], providers: [{provider: twilio, from: Acme}]}, {providers: [{provider: twilio, messagingServiceSid: MG1}]}]',
      [],
    ],
    ['Twilio without a sender, where no route leads', { ...NO_FROM, ...WEBHOOK }, '[{providers: [webhook]}]', []],
    [
      'Tencent abroad with a mainland template only',
      { ...TENCENT, ...TWILIO },
      '[{countries: [CN], providers: [tencent]}, {countries: [SG], providers: [twilio, tencent]}]',
      [`[1].providers[1]: ${noTemplate(ABROAD)}`],
    ],
    [
      'Tencent in mainland China with a template for abroad only, and no signature',
      { ...BARE_TENCENT, TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '8' },
      '[{countries: [SG], providers: [tencent]}, {countries: [CN], providers: [tencent]}]',
      [`[1].providers[0]: ${noTemplate(CHINA)}`, `[1].providers[0]: ${NO_SIGNATURE}`],
    ],
    [
      'the same in a route for everybody',
      BARE_TENCENT,
      '[{providers: [tencent]}]',
      [
        `[0].providers[0]: ${noTemplate(CHINA)}`,
        `[0].providers[0]: ${NO_SIGNATURE}`,
        `[0].providers[0]: ${noTemplate(ABROAD)}`,
      ],
    ],
    [
      'templates and signatures at the hop',
      BARE_TENCENT,
      '[{countries: [CN], providers: [{provider: tencent, templateId: "1", signName: s}]}, {providers: [{provider: tencent, internationalTemplateId: "2"}]}]',
      [],
    ],
    [
      'a template at the hop for the other area',
      BARE_TENCENT,
      '[{countries: [SG], providers: [{provider: tencent, templateId: "1", signName: s}]}]',
      [`[0].providers[0]: ${noTemplate(ABROAD)}`],
    ],
    [
      'a template that only another hop has',
      BARE_TENCENT,
      '[{countries: [SG], providers: [{provider: tencent, internationalTemplateId: "1"}]}, {countries: [MY], providers: [tencent]}]',
      [`[1].providers[0]: ${noTemplate(ABROAD)}`],
    ],
    [
      'a prefix of mainland China',
      BARE_TENCENT,
      '[{prefixes: ["+86138"], providers: [{provider: tencent, templateId: "1"}]}]',
      [`[0].providers[0]: ${NO_SIGNATURE}`],
    ],
    [
      'a prefix that mainland China and others begin with',
      TENCENT,
      '[{prefixes: ["+8"], providers: [tencent]}]',
      [`[0].providers[0]: ${noTemplate(ABROAD)}`],
    ],
    [
      'mainland China and others in one route',
      { ...BARE_TENCENT, TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '8', TENCENT_SMS_SIGN_NAME: 's' },
      '[{countries: [SG, CN], providers: [tencent]}]',
      [`[0].providers[0]: ${noTemplate(CHINA)}`],
    ],
    [
      'Taiwan, Hong Kong and Macau, which are not +86',
      { ...BARE_TENCENT, TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '8' },
      '[{countries: [TW, HK, MO], prefixes: ["+886"], providers: [tencent]}]',
      [],
    ],
    [
      'mainland China, where a longer prefix or its country leads elsewhere',
      { ...BARE_TENCENT, ...TWILIO, TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '8' },
      '[{prefixes: ["+86"], providers: [twilio]}, {prefixes: ["+8"], providers: [tencent]}, {countries: [CN], providers: [tencent]}, {providers: [tencent]}]',
      [],
    ],
  ];

  test.each(cases)('%s', (_, env, routes, expected) => {
    expect(mistakes({ ...env, SMS_ROUTES: routes })).toEqual(expected.map((mistake) => `SMS_ROUTES${mistake}`));
    expect(mistakes(env, `routes: ${routes}`)).toEqual(expected.map((mistake) => `routes${mistake}`));
  });
});

describe('without routes it is named at the setting', () => {
  test.each<[what: string, env: Env, yaml: string, expected: string[]]>([
    ['Twilio without a sender', NO_FROM, '', ['TWILIO_PHONE_NUMBER: is required with the other Twilio settings']],
    [
      'no template for some of the purposes',
      BARE_TENCENT,
      'tencent: { signName: s, templates: [{ purpose: login, mainland: "1" }] }',
      ['TENCENT_SMS_TEMPLATE_ID: is required: no other template is for register, reset_password'],
    ],
    [
      'no template for some of the purposes abroad',
      TENCENT,
      'purposes: { login: {}, pay: {} }\ntencent: { templates: [{ purpose: login, international: "1" }] }',
      ['TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: is required: no other template is for pay'],
    ],
    [
      'a template for each of the purposes',
      BARE_TENCENT,
      'purposes: { login: {}, pay: {} }\ntencent: { templates: [{ purpose: login, international: "1" }, { international: "2" }] }',
      [],
    ],
  ])('%s', (_, env, yaml, expected) => {
    expect(mistakes(env, yaml)).toEqual(expected);
  });
});

describe('a country that is named without its territories is a warning at the route', () => {
  const warnings = (routes: string) => load({ ...TWILIO, ...WEBHOOK }, `routes: ${routes}`).warnings;
  const textbook = ', among them the textbook number +447911123456,';

  test.each<[what: string, routes: string, expected: string[]]>([
    [
      'Guernsey, Man and Jersey beside GB',
      '[{countries: [GB], providers: [twilio]}]',
      [`routes[0].countries: GB is not GG, IM, JE, which share +44: their phones${textbook} are not sent to`],
    ],
    [
      'where there is a route for all others',
      '[{providers: [webhook]}, {countries: [FR, GB], providers: [twilio]}]',
      [
        `routes[1].countries: GB is not GG, IM, JE, which share +44: their phones${textbook} go by the route for all others`,
      ],
    ],
    [
      'some of them',
      '[{countries: [GB, GG], providers: [twilio]}, {countries: [JE], providers: [webhook]}]',
      [`routes[0].countries: GB is not IM, which share +44: their phones${textbook} are not sent to`],
    ],
    ['all of them', '[{countries: [GB, GG, JE, IM], providers: [twilio]}]', []],
    ['a prefix for the whole calling code', '[{countries: [GB], prefixes: ["+44"], providers: [twilio]}]', []],
    [
      'others',
      '[{countries: [US, FI, "NO", AU, MA, IT], providers: [twilio]}]',
      [
        'routes[0].countries: US is not AS, GU, MP, PR, VI, which share +1: their phones are not sent to',
        'routes[0].countries: FI is not AX, which share +358: their phones are not sent to',
        'routes[0].countries: NO is not SJ, which share +47: their phones are not sent to',
        'routes[0].countries: AU is not CC, CX, which share +61: their phones are not sent to',
        'routes[0].countries: MA is not EH, which share +212: their phones are not sent to',
        'routes[0].countries: IT is not VA, which share +39: their phones are not sent to',
      ],
    ],
    ['countries without any', '[{countries: [DE, CN], providers: [twilio]}, {providers: [webhook]}]', []],
  ])('%s', (_, routes, expected) => expect(warnings(routes)).toEqual(expected));
});

test('templates for some languages only are a warning at the hop', () => {
  const templates = 'tencent: { templates: [{ locale: en, international: "1" }, { locale: de, international: "2" }] }';
  const { warnings } = load(
    BARE_TENCENT,
    `${templates}\npurposes: { login: {} }\nroutes: [{ countries: [SG], providers: [tencent] }]`,
  );
  expect(warnings).toEqual([
    `routes[0].providers[0]: tencent has templates of login for ${ABROAD} in some languages only; one without \`locale\` is for all others`,
  ]);
});

describe('a first provider that hangs leaves the second enough time', () => {
  const slow = (twilio: number, webhook: number) =>
    `twilio: { timeoutMs: ${twilio} }\nwebhook: { timeoutMs: ${webhook} }\n`;
  const BOTH = { ...TWILIO, ...WEBHOOK };

  test('by default, and up to 9500 ms together', () => {
    expect(load(BOTH).warnings).toEqual([]);
    expect(load(BOTH, slow(5000, 4500)).warnings).toEqual([]);
    expect(load(BOTH, `${slow(5000, 9000)}routes: [{ providers: [webhook] }]`).warnings).toEqual([]);
  });

  const problem = (first: string, second: string) =>
    `${first} and ${second} are more than the 9500 ms that all providers have together`;
  test('or there is a warning at the route', () => {
    const routes = 'routes: [{ countries: [FR], providers: [webhook] }, { providers: [twilio, webhook] }]';
    const expected = problem('5000 ms for twilio', '4501 ms for webhook');
    expect(load(BOTH, slow(5000, 4501) + routes).warnings).toEqual([
      `routes[1].providers[0]: ${expected}: when twilio hangs, webhook gets too little time`,
    ]);
  });

  test('or at the time-out, without routes', () => {
    const { warnings } = load({ ...BOTH, ...TENCENT }, slow(6000, 1000));
    expect(warnings).toEqual([
      `tencent.timeoutMs: ${problem('4500 ms for tencent', '6000 ms for twilio')}: when tencent hangs, twilio gets too little time`,
    ]);
  });
});
