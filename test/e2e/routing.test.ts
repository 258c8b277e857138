/** Which vendor gets whose message and as whom, what is answered when none may, and what a failover leaves behind. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DeliveryAttemptResultSchema,
  DeliveryStatus,
  type SendCodeResponse,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import type { RunningApp } from '../support/app.ts';
import { ok, PROTOCOLS } from '../support/clients.ts';
import { twilioError } from '../support/twilio-fake.ts';
import type { Behaviour } from '../support/vendor-server.ts';
import { createStage } from './stage.ts';
import { createUser } from './user.ts';
import { CALLER, PRODUCTION, type ProviderName, startVendorFakes, type VendorFakes } from './vendor-fakes.ts';

const stage = createStage();
let fakes: VendorFakes;
beforeAll(async () => {
  fakes = await startVendorFakes();
});
afterAll(() => fakes.stop());

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  readonly file?: string;
}

/** In production: in development the console would be the last hop of every route. */
const start = (vendors: readonly ProviderName[], { env = {}, file = '' }: Options = {}): Promise<RunningApp> =>
  stage.start({
    configured: true,
    file,
    env: { ...PRODUCTION, ...fakes.env(...vendors), SMS_RESEND_INTERVAL_SECONDS: '0', ...env },
  });

const userOf = (app: RunningApp, phone: string, purpose = 'login') =>
  createUser(fakes.delivering(app), { protocol: 'grpc', phone, purpose, ...CALLER });

/** What a vendor was asked to send as; the last message it got. */
const TWILIO = () => {
  const { to, from, messagingServiceSid } = fakes.twilio.sends.at(-1) ?? {};
  return { by: 'twilio', to, from, messagingServiceSid };
};
const TENCENT = () => {
  const { phone: to, signName, templateId, senderId } = fakes.tencent.sends.at(-1) ?? {};
  return { by: 'tencent', to, signName, templateId, senderId };
};
const WEBHOOK = () => {
  const message = fakes.webhook.messages.at(-1);
  return { by: 'webhook', to: message?.to, sender: message?.sender };
};
const VERIFY = () => {
  const { to, templateSid } = fakes['twilio-verify'].sends.at(-1) ?? {};
  return { by: 'twilio-verify', to, templateSid };
};
const SEEN = { twilio: TWILIO, tencent: TENCENT, 'twilio-verify': VERIFY, webhook: WEBHOOK };

/** The one message that a phone got: as whom it was sent. */
async function sentAs(app: RunningApp, phone: string, changes: { locale?: string; purpose?: string } = {}) {
  const before = fakes.received().length;
  const { purpose = 'login', locale = '' } = changes;
  const { delivery } = ok(await userOf(app, phone, purpose).send({ locale }));
  expect(fakes.received()).toHaveLength(before + 1);
  const message = SEEN[delivery?.provider as ProviderName]();
  expect(message.to).toBe(phone);
  return message;
}

describe('a route decides by the longest prefix, then by the country, then for the rest', () => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await start(['twilio', 'tencent', 'webhook'], {
      file: `
routes:
  - { countries: [CN], providers: [{ provider: tencent, signName: 签名, templateId: "1111" }] }
  - { countries: [GB], providers: [{ provider: twilio, messagingServiceSid: MGbritain }] }
  - { prefixes: ["+4477"], providers: [{ provider: twilio, from: "+447911123456" }] }
  - { prefixes: ["+44771", "+1787"], providers: [{ provider: twilio, from: ACME }] }
  - { countries: [SG, CA], providers: [{ provider: tencent, internationalTemplateId: "2222", senderId: ACME, signName: Acme }] }
  - { countries: [JP], providers: [{ provider: webhook, from: "12345", templateId: jp }] }
  - { countries: [DE], providers: [tencent] }
  - { providers: [twilio] }
`,
    });
  });

  const DEFAULT = { by: 'twilio', from: '+15557122661', messagingServiceSid: null };
  const rows: [destination: string, phone: string, message: object][] = [
    ['mainland China', '+8613812345678', { by: 'tencent', signName: '签名', templateId: '1111', senderId: undefined }],
    ['Britain', '+447400123456', { by: 'twilio', from: null, messagingServiceSid: 'MGbritain' }],
    ['a prefix of Britain', '+447722123456', { by: 'twilio', from: '+447911123456', messagingServiceSid: null }],
    ['a longer prefix of it', '+447710123456', { by: 'twilio', from: 'ACME', messagingServiceSid: null }],
    ['another prefix of the same route', '+17875550123', { by: 'twilio', from: 'ACME' }],
    ['Singapore', '+6581234567', { by: 'tencent', signName: 'Acme', templateId: '2222', senderId: 'ACME' }],
    ['Canada, which shares +1', '+14165550123', { by: 'tencent', templateId: '2222' }],
    ['the United States', '+14155550123', DEFAULT],
    ['Jersey, which shares +44', '+447797712345', { by: 'twilio', from: '+447911123456' }],
    ['Japan', '+819012345678', { by: 'webhook', sender: { from: '12345', template_id: 'jp' } }],
    ['Germany', '+4915112345678', { by: 'tencent', signName: undefined, templateId: '2220', senderId: undefined }],
    ['France, which no route names', '+33612345678', DEFAULT],
  ];
  it.each(rows)('%s', async (_, phone, message) => {
    expect(await sentAs(app, phone)).toMatchObject(message);
  });
});

describe('without routes', () => {
  it.each<[vendors: ProviderName[], abroad: ProviderName]>([
    [['twilio', 'tencent', 'webhook'], 'twilio'],
    [['tencent', 'webhook'], 'tencent'],
  ])('of %j Tencent has mainland China, and %s the rest', async (vendors, abroad) => {
    const app = await start(vendors);
    expect(await sentAs(app, '+8613812345678')).toMatchObject({
      by: 'tencent',
      signName: '腾讯云',
      templateId: '1110',
    });
    expect(await sentAs(app, '+33612345678')).toMatchObject({ by: abroad });
  });
});

describe('where no route leads', () => {
  it.each(PROTOCOLS)('SendCode is refused over %s, and nothing is charged', async (protocol) => {
    const app = await start(['twilio', 'tencent'], { env: { SMS_ROUTES: '[{countries: [US], providers: [twilio]}]' } });
    const before = fakes.received().length;
    const user = createUser(app, { protocol, phone: '+33612345678', ...CALLER });
    for (let n = 0; n < 7; n++) {
      const refused = await user.send({ requestId: 'the same' });
      expect(refused.status).toBe('FAILED_PRECONDITION');
      expect(refused).toMatchObject({ details: { ErrorInfo: { reason: 'DESTINATION_REFUSED' } } });
    }
    const { canSend, canCheck, limits, blockedBy } = await user.status();
    expect({ canSend, canCheck, blockedBy }).toEqual({ canSend: false, canCheck: false, blockedBy: 'destination' });
    expect(limits.map(({ used }) => used)).toEqual([0, 0]);
    expect(fakes.received()).toHaveLength(before);
  });
});

describe('a variable that a template would refuse is the caller’s error', () => {
  it.each([
    ['empty', '', 'REQUIRED'],
    ['too long', 'Corner Shop X', 'TOO_LONG'],
  ])('%s: it is named, nothing is sent, nothing is charged', async (_, order, reason) => {
    const file = 'tencent: { templateParameters: [code, order], parameterCharacters: 12 }';
    const app = await start(['tencent'], { file });
    const before = fakes.received().length;
    const user = createUser(app, { protocol: 'grpc', phone: '+8613812345678', ...CALLER });
    const refused = await user.send({ variables: { order } });
    expect(refused).toMatchObject({
      status: 'INVALID_ARGUMENT',
      details: { BadRequest: { fieldViolations: [{ field: 'variables[order]', reason }] } },
    });
    expect((await user.status()).limits.map(({ used }) => used)).toEqual([0, 0]);
    expect(fakes.received()).toHaveLength(before);
  });
});

it('a code that one vendor has carried too often goes by another', async () => {
  const app = await start(['tencent', 'twilio']);
  fakes.tencent.answer({ how: 'refuse_number', code: 'LimitExceeded.PhoneNumberSameContentDailyLimit' });
  const { delivery } = ok(await userOf(app, '+8613812345678').send());
  fakes.tencent.answer({ how: 'ok' });
  expect(delivery).toMatchObject({ provider: 'twilio', attempts: [{ provider: 'tencent' }, { provider: 'twilio' }] });
});

it('a send that failed can be followed in the log by its verification id, with category and country', async () => {
  const app = await start(['twilio', 'tencent'], { env: { SMS_ROUTES: '[{providers: [twilio, tencent]}]' } });
  fakes.twilio.behave(twilioError(400, 21408));
  fakes.tencent.answer({ how: 'refuse_number', code: 'UnsupportedOperation.UnsupportedRegion' });
  const refused = await userOf(app, '+84912345678').send();
  fakes.twilio.behave(null);
  fakes.tencent.answer({ how: 'ok' });
  expect(refused.status).toBe('FAILED_PRECONDITION');
  const lines = app
    .log()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const call = lines.find(({ method }) => method === 'SendCode');
  expect(call.verification_id).toMatch(/^[\w-]{20,}$/);
  const about = { msg: 'provider needs attention', verification_id: call.verification_id, country: 'VN' };
  expect(lines.filter(({ verification_id: id, msg }) => id === call.verification_id && msg !== 'rpc')).toMatchObject([
    { ...about, provider: 'twilio', category: 'permission', vendor_code: '21408' },
    { ...about, provider: 'tencent', category: 'unreachable' },
  ]);
});

describe('failover', () => {
  const attemptsIn = ({ delivery }: SendCodeResponse) =>
    delivery?.attempts.map(({ provider, result, category }) =>
      [provider, DeliveryAttemptResultSchema.value[result]?.localName, category].join(' ').trim(),
    );
  const first: [what: string, behaviour: Behaviour, attempt: string][] = [
    ['surely not sent', twilioError(400, 21408), 'twilio UNAVAILABLE permission'],
    ['the account may not', twilioError(401, 20003), 'twilio UNAVAILABLE credentials'],
    ['maybe sent', { do: 'close_after' }, 'twilio UNKNOWN transient'],
  ];
  it.each(first)(
    '%s: the second vendor gets the same code, and the answer names both',
    async (_, behaviour, attempt) => {
      const app = await start(['twilio', 'tencent'], {
        env: { SMS_ROUTES: '[{providers: [{provider: twilio, from: ACME}, {provider: tencent, senderId: ACME}]}]' },
      });
      fakes.twilio.behave(behaviour);
      try {
        const before = fakes.received().length;
        const user = userOf(app, stage.phone());
        const answer = ok(await user.send());
        expect(attemptsIn(answer)).toEqual([attempt, 'tencent ACCEPTED']);
        expect(answer.delivery).toMatchObject({ provider: 'tencent', status: DeliveryStatus.ACCEPTED });
        expect(attemptsIn({ ...answer, delivery: (await user.record()).delivery } as SendCodeResponse)).toEqual([
          attempt,
          'tencent ACCEPTED',
        ]);
        expect(fakes.received()).toHaveLength(before + 2);
        const codes = fakes.received().filter(({ to }) => to === user.phone);
        expect(new Set(codes.map(({ code }) => code)).size).toBe(1);
        expect(TWILIO()).toMatchObject({ to: user.phone, from: 'ACME' });
        expect(TENCENT()).toMatchObject({ to: user.phone, senderId: 'ACME' });
        // Each message that may have gone out is charged.
        const charged = attempt.includes('UNKNOWN') ? 2 : 1;
        expect((await user.status()).limits.map(({ used }) => used)).toEqual([charged, charged]);
        expect(await user.verdict(user.code())).toBe('APPROVED');
      } finally {
        fakes.twilio.behave(null);
      }
    },
  );

  it('a number that the first vendor refuses is offered to no other, and nothing is charged', async () => {
    const app = await start(['twilio', 'tencent'], { env: { SMS_ROUTES: '[{providers: [twilio, tencent]}]' } });
    fakes.twilio.behave(twilioError(400, 21211));
    try {
      const before = fakes.tencent.sends.length;
      const user = userOf(app, stage.phone());
      const refused = await user.send();
      expect(refused.status).toBe('INVALID_ARGUMENT');
      expect(JSON.stringify(refused)).not.toMatch(/vendor text|twilio/i);
      expect(fakes.tencent.sends).toHaveLength(before);
      expect((await user.status()).limits.map(({ used }) => used)).toEqual([0, 0]);
    } finally {
      fakes.twilio.behave(null);
    }
  });
});

describe('Tencent’s templates', () => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await start(['tencent'], {
      file: `
purposes: { login: {}, register: {}, other: {} }
tencent:
  templates:
    - { purpose: login, locale: zh-CN, mainland: "login-zh", international: "login-zh-i" }
    - { purpose: login, locale: en, mainland: "login-en", international: "login-en-i", parameters: [minutes, code] }
    - { purpose: login, international: "login-any-i" }
    - { purpose: register, locale: pt, international: "register-pt-i", parameters: [code] }
    - { locale: zh, mainland: "any-zh" }
`,
    });
  });

  const ABROAD = '+6581234567';
  const MAINLAND = '+8613812345678';
  it.each([
    ['login', 'zh-CN', MAINLAND, 'login-zh', 'code minutes'],
    ['login', 'zh-CN', ABROAD, 'login-zh-i', 'code minutes'],
    ['login', 'en-GB', ABROAD, 'login-en-i', 'minutes code'],
    ['login', 'fr', ABROAD, 'login-any-i', 'code minutes'],
    ['login', '', ABROAD, 'login-en-i', 'minutes code'],
    ['register', 'pt-BR', ABROAD, 'register-pt-i', 'code'],
    ['register', 'en', ABROAD, '2220', 'code minutes'],
    ['register', 'zh-CN', MAINLAND, 'any-zh', 'code minutes'],
    ['other', 'de', MAINLAND, '1110', 'code minutes'],
  ])('for %s in "%s" to %s: %s, filled with %s', async (purpose, locale, area, templateId, filled) => {
    const phone = `${area.slice(0, -3)}${String(drawn++).padStart(3, '0')}`;
    expect(await sentAs(app, phone, { purpose, locale })).toMatchObject({ by: 'tencent', templateId });
    const parameters = fakes.tencent.sends.at(-1)?.parameters ?? [];
    expect(parameters.map((value) => (value === '5' ? 'minutes' : 'code')).join(' ')).toBe(filled);
    const user = userOf(app, phone, purpose);
    const right = { verificationId: '', phone };
    expect(await user.verdict(fakes.codeTo(phone), right)).toBe('APPROVED');
  });
  let drawn = 0;
});
