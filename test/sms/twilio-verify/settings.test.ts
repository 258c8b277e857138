/** What an operator may set of Twilio Verify, and which purposes it cannot send. */
import { describe, expect, test } from 'vitest';
import { openProviders } from '../../../src/sms/vendors.ts';
import { type Env, load, mistakes, TWILIO, TWILIO_VERIFY, WEBHOOK, without } from '../../config/given.ts';

const ROUTE = 'routes: [{ providers: [twilio-verify] }]';
const KEY = { TWILIO_VERIFY_API_KEY_SID: `SK${'1'.repeat(32)}`, TWILIO_VERIFY_API_KEY_SECRET: 'secret' };
const KEYED = { ...without(TWILIO_VERIFY, 'TWILIO_VERIFY_AUTH_TOKEN'), ...KEY };
const opened = async (env: Env) => (await openProviders(load(env), { now: Date.now })).map(({ provider }) => provider);

describe('it is a vendor of its own', () => {
  test.each<[string, Env]>([
    ['with its auth token', TWILIO_VERIFY],
    ['with an API key in its place', KEYED],
  ])('that runs without any setting of Twilio’s messages, %s', async (_, env) => {
    expect((await opened(env)).map(({ name }) => name)).toEqual(['twilio-verify']);
  });

  test('beside Twilio’s messages', async () => {
    const names = (await opened({ ...TWILIO, ...TWILIO_VERIFY })).map(({ name }) => name);
    expect(names).toEqual(['twilio', 'twilio-verify']);
  });

  test('Twilio’s messages do without it', async () => {
    expect((await opened(TWILIO)).map(({ name }) => name)).toEqual(['twilio']);
  });

  test('it comes after the others in the default routes, but before the gateway', () => {
    const config = load({ ...TWILIO, ...TWILIO_VERIFY, ...WEBHOOK });
    expect(config.routes).toEqual([]);
    expect(config['twilio-verify']).toMatchObject({ pollSeconds: 30, timeoutMs: 4500 });
  });
});

describe('a mistake is named with its place', () => {
  const LACKING = 'is required with the other Twilio Verify settings';
  test.each<[what: string, env: Env, expected: string[]]>([
    ['nothing', TWILIO_VERIFY, []],
    ['no service', without(TWILIO_VERIFY, 'TWILIO_VERIFY_SERVICE_SID'), [`TWILIO_VERIFY_SERVICE_SID: ${LACKING}`]],
    ['no login', without(TWILIO_VERIFY, 'TWILIO_VERIFY_AUTH_TOKEN'), [`TWILIO_VERIFY_AUTH_TOKEN: ${LACKING}`]],
    [
      'half a key',
      without({ ...TWILIO_VERIFY, ...KEY }, 'TWILIO_VERIFY_API_KEY_SECRET'),
      [`TWILIO_VERIFY_API_KEY_SECRET: ${LACKING}`],
    ],
    [
      'a service that is none',
      { ...TWILIO_VERIFY, TWILIO_VERIFY_SERVICE_SID: 'VA1' },
      ['TWILIO_VERIFY_SERVICE_SID: must be VA and 32 hexadecimal digits'],
    ],
    [
      'a template that is none',
      { ...TWILIO_VERIFY, TWILIO_VERIFY_TEMPLATE_SID: `MG${'0'.repeat(32)}` },
      ['TWILIO_VERIFY_TEMPLATE_SID: must be HJ and 32 hexadecimal digits'],
    ],
    [
      'a hash that is none',
      { ...TWILIO_VERIFY, TWILIO_VERIFY_APP_HASH: 'He42w354ol' },
      ['TWILIO_VERIFY_APP_HASH: must be the 11 characters of the app’s hash'],
    ],
  ])('%s', (_, env, expected) => {
    expect(mistakes(env)).toEqual(expected);
  });
});

describe('a purpose that needs what Verify cannot send', () => {
  test.each<[feature: string, purpose: string]>([
    ['texts', 'texts: { "*": "{code} for {shop}" }'],
    ['webOtpDomain', 'webOtpDomain: example.com'],
    ['androidAppHash', 'androidAppHash: He42w354ol9'],
  ])('%s is a mistake on its route', (feature, purpose) => {
    const problem = `twilio-verify cannot send what purposes.login asks for: ${feature}`;
    expect(mistakes(TWILIO_VERIFY, `purposes: { login: { ${purpose} } }\n${ROUTE}`)).toEqual([
      `routes[0].providers[0]: ${problem}`,
    ]);
    expect(mistakes(TWILIO_VERIFY, `purposes: { login: { ${purpose} } }`)).toEqual([
      `purposes.login.${feature}: ${problem}`,
    ]);
    const elsewhere = `purposes: { login: { ${purpose} } }\nroutes: [{ providers: [twilio] }]`;
    expect(mistakes({ ...TWILIO, ...TWILIO_VERIFY }, elsewhere), 'negative control').toEqual([]);
  });

  test('a sender is a mistake, too', () => {
    const route = (sender: string) => `routes: [{ providers: [{ provider: twilio-verify, ${sender} }] }]`;
    for (const field of ['from: ACME', 'messagingServiceSid: MG1', 'templateId: "1"']) {
      const [name] = field.split(':');
      expect(mistakes(TWILIO_VERIFY, route(field))).toEqual([
        `routes[0].providers[0].${name}: means nothing to twilio-verify`,
      ]);
    }
  });
});

test('reports that are not fetched are a warning', () => {
  expect(load(TWILIO_VERIFY).warnings).toEqual([]);
  expect(load({ ...TWILIO_VERIFY, TWILIO_VERIFY_POLL_SECONDS: '0' }).warnings).toEqual([
    'Twilio Verify’s delivery reports are not fetched: TWILIO_VERIFY_POLL_SECONDS is 0',
  ]);
});
