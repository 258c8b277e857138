/** What docs/vendors.md shows of sending real SMS: its commands run, against fakes of the vendors, and its examples do what it says. */
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { routesOf } from '../../src/config/policies.ts';
import type { Config } from '../../src/config/schema.ts';
import { BUNDLED_LOCALES } from '../../src/domain/message.ts';
import { createRouting } from '../../src/domain/routing.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { fill } from '../../src/sms/tencent/fill.ts';
import { startApp } from '../support/app.ts';
import { ok, openClient } from '../support/clients.ts';
import { codeWords, fencesOf, markedPart, ROOT, read, sectionOf, shellBlock } from '../support/markdown.ts';
import { freePort } from '../support/port.ts';
import { thisMachine } from '../support/redis-source.ts';
import { startServer } from '../support/server.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { shapeOf } from '../support/shell.ts';
import { startTencentFake, type TencentFake } from '../support/tencent-fake.ts';
import { startTwilioFake, type TwilioFake } from '../support/twilio-fake.ts';
import { startTwilioVerifyFake, type TwilioVerifyFake } from '../support/twilio-verify-fake.ts';
import { eventually } from '../support/wait.ts';
import { startWebhookFake, type WebhookFake } from '../support/webhook-fake.ts';

const SENDING = read('docs/vendors.md');
const TWILIO = shellBlock('docs/vendors.md', '### Twilio', 'export');
const VERIFY = shellBlock('docs/vendors.md', '### Twilio Verify', 'export');
const TENCENT = shellBlock('docs/vendors.md', '### Tencent Cloud SMS', 'export');
const GATEWAY = shellBlock('docs/vendors.md', '### A gateway of your own', 'export');
const SEND = shellBlock('docs/vendors.md', '## One real message', '+14155550123');
const REFUSED = shellBlock('docs/vendors.md', '## One real message', '--provider tencent');
const PAST_ROUTES = shellBlock('docs/operations.md', '## Providers', '--provider twilio');
const PRODUCTION = shellBlock('docs/operations.md', '## Running it', 'NODE_ENV=production');
const TOKEN = shellBlock('docs/configuration.md', '## Callers and tokens', 'openssl rand');
const FIRST_CALLS = shellBlock('README.md', '## First calls', 'pick()');
const GET = shellBlock('docs/vendors.md', '## Delivery reports', 'GetVerification');
const TEST_NUMBERS = shellBlock('docs/vendors.md', '## Test numbers', 'export');
const yamlIn = (part: string) => fencesOf(markedPart(SENDING, part))[0]?.body ?? '';
const loaded = (file: string, env: Record<string, string> = {}) =>
  loadConfig({ ...env, COUNTERSIGN_CONFIG: 'shown.yaml' }, () => file);

interface Vendors {
  readonly twilio: TwilioFake;
  readonly verify: TwilioVerifyFake;
  readonly tencent: TencentFake;
  readonly gateway: WebhookFake;
}
let vendors: Vendors;
const variables = (exports: string) =>
  Object.fromEntries([...exports.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]));

beforeAll(async () => {
  const shown = variables(TWILIO + VERIFY + TENCENT + GATEWAY);
  const of = (name: string) => shown[name] ?? '';
  const [twilio, verify, tencent, gateway] = await Promise.all([
    startTwilioFake({ accountSid: of('TWILIO_ACCOUNT_SID'), authToken: of('TWILIO_AUTH_TOKEN') }),
    startTwilioVerifyFake({
      accountSid: of('TWILIO_VERIFY_ACCOUNT_SID'),
      authToken: of('TWILIO_VERIFY_AUTH_TOKEN'),
      serviceSid: of('TWILIO_VERIFY_SERVICE_SID'),
    }),
    startTencentFake({ secretId: of('TENCENT_SECRET_ID'), secretKey: of('TENCENT_SECRET_KEY') }),
    startWebhookFake({ secret: of('SMS_WEBHOOK_SECRET') }),
  ]);
  vendors = { twilio, verify, tencent, gateway };
});
afterAll(() =>
  Promise.all([
    vendors?.twilio.stop(),
    vendors?.verify.stop(),
    vendors?.tencent.server.stop(),
    vendors?.gateway.stop(),
  ]),
);

/** The settings as shown, but with the vendor on loopback. */
function onLoopback(exports: string): string {
  const { twilio, verify, tencent, gateway } = vendors;
  const urls = { TWILIO_BASE_URL: twilio, TWILIO_VERIFY_BASE_URL: verify, TENCENT_SMS_ENDPOINT: tencent };
  const moved = Object.entries(urls)
    .map(([name, { url }]) => `export ${name}=${url}`)
    .join('\n');
  return `${moved}\n${exports.replace('https://gateway.example.com', gateway.url)}`;
}

/** What a shell prints that ran these lines, as they are but for the start of npm, and the status that the last one ended with. */
async function shell(...lines: readonly string[]): Promise<{ said: string; status: number }> {
  const script = `exec 2>&1\n${lines.join('\n')}\necho "=> $?"`.replaceAll('npm -s start --', 'node src/main.ts');
  const env = { PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter) };
  const { stdout } = await promisify(execFile)('sh', ['-c', script], { cwd: ROOT, env });
  const [, said = '', status = ''] = /^([\s\S]*)=> (\d+)\n$/.exec(stdout) ?? [];
  return { said, status: Number(status) };
}

const story = sectionOf(SENDING, '## One real message');
const [sent = '', refused = ''] = fencesOf(story).flatMap(({ language, body }) => (language === 'text' ? [body] : []));
const timeless = (text: string) => text.replace(/after \d+ ms/g, 'after a moment');

describe('with the least configuration', () => {
  test('Twilio takes a message, and that is what send-test prints', async () => {
    const { said, status } = await shell(onLoopback(TWILIO), SEND);
    expect(timeless(said)).toBe(timeless(sent));
    expect(status).toBe(0);
    expect(vendors.twilio.sends.map(({ to }) => to)).toEqual(['+14155550123']);
  });

  test('Twilio Verify takes one', async () => {
    const { said, status } = await shell(onLoopback(VERIFY), SEND);
    expect(said).toMatch(/\nACCEPTED by twilio-verify as VL[0-9a-f]{32}\.VE[0-9a-f]{32}: /);
    expect(status).toBe(0);
    expect(vendors.verify.messages.map(({ to }) => to)).toEqual(['+14155550123']);
  });

  test('Tencent takes one, and what it refuses is explained as shown', async () => {
    const taken = await shell(onLoopback(TENCENT), REFUSED);
    expect(taken).toMatchObject({ said: expect.stringContaining('ACCEPTED by tencent as 5000:1: '), status: 0 });
    vendors.tencent.answer({ how: 'refuse_number', code: 'FailedOperation.SignatureIncorrectOrUnapproved' });
    const { said, status } = await shell(onLoopback(TENCENT), REFUSED);
    expect(timeless(said)).toBe(timeless(refused));
    expect(status).toBe(1);
  });

  test('it takes one past the routes, as docs/operations.md shows', async () => {
    expect(await shell(onLoopback(TWILIO), PAST_ROUTES)).toMatchObject({
      said: expect.stringContaining('ACCEPTED by twilio'),
      status: 0,
    });
  });

  test('a gateway takes one', async () => {
    const { said, status } = await shell(onLoopback(GATEWAY), SEND);
    expect(said).toContain('ACCEPTED by webhook as gw-1: ');
    expect(status).toBe(0);
  });
});

const redis = sharedRedis();
afterAll(() => redis.close());

test('production starts as shown, a code goes out and is right, and its report is in GetVerification as shown', async ({
  skip,
}) => {
  for (const program of ['openssl', 'curl']) skip((await thisMachine.find(program)) === null, `no ${program} here`);
  const callbacks = `127.0.0.1:${await freePort()}`;
  const { said } = await shell(onLoopback(TWILIO), TOKEN, PRODUCTION.replace('npm start', 'env'));
  const env = Object.fromEntries([...said.matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  const server = await startServer({
    ...env,
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    CALLBACK_LISTEN: callbacks,
    CALLBACK_PUBLIC_URL: `http://${callbacks}/reports`,
  });
  const { sendCode, checkCode } = VerificationService.method;
  const caller = { token: /^(\w+) belongs to the caller/m.exec(said)?.[1] ?? '' };
  const client = openClient('json', server);
  const request = { phone: '+14155550124', purpose: 'login' };
  const { verificationId, code, delivery } = ok(await client.call(sendCode, request, caller));
  expect(code, 'a real provider sends it').toBe('');

  const { twilio } = vendors;
  const { body = '', statusCallback } = twilio.sends.at(-1) ?? {};
  expect(new URL(`${statusCallback}`).pathname).toBe('/reports/twilio');
  const report = { MessageSid: `${delivery?.messageId}`, MessageStatus: 'delivered' };
  const AccountSid = env.TWILIO_ACCOUNT_SID ?? '';
  expect(await twilio.postCallback(`${statusCallback}`, { ...report, AccountSid })).toBe(204);

  const reports = sectionOf(SENDING, '## Delivery reports');
  const get = GET.replaceAll('$API', `${server.http}/countersign.v1.VerificationService`);
  const shown = fencesOf(reports).find(({ language }) => language === 'json')?.body ?? '';
  const asked = await shell(FIRST_CALLS, `TOKEN=${caller.token} ID=${verificationId}`, get);
  expect(shapeOf(asked.said)).toEqual(shapeOf(shown));

  const right = { verificationId, purpose: 'login', code: /\d{6}/.exec(body)?.[0] ?? '' };
  expect(ok(await client.call(checkCode, right, caller)).verifiedAt).toBeDefined();
  await eventually('Twilio is told of the approval', async () => twilio.feedback.length === 1);
  client.close();
  await server.stop();
});

const ALL = () => ({ ...variables(TWILIO), ...variables(TENCENT), ...variables(GATEWAY) });

test('the routes lead where the text says', () => {
  const config = loaded(yamlIn('routes'), ALL());
  const route = createRouting(routesOf(config, ['twilio', 'tencent', 'webhook']));
  const to = (e164: string, region: string) => route({ e164, region }).map(({ provider }) => provider);
  expect(to('+8613800138000', 'CN')).toEqual(['tencent', 'webhook']);
  expect(to('+447400123456', 'GB')).toEqual(['twilio', 'webhook']);
  expect(to('+447700900123', 'GB'), 'a prefix wins over its country').toEqual(['webhook']);
  expect(route({ e164: '+12642345678', region: 'AI' })[0]?.sender.messagingServiceSid).toMatch(/^MG/);
  expect(to('+14155550123', 'US')).toEqual(['twilio', 'webhook']);
});

test('without routes they lead where the text says', () => {
  const to = (config: Config, region: string) =>
    createRouting(routesOf(config, ['twilio', 'tencent', 'webhook']))({ e164: '+0', region }).map(
      (hop) => hop.provider,
    );
  const config = loadConfig(ALL(), () => '');
  expect(to(config, 'CN')).toEqual(['tencent', 'twilio', 'webhook']);
  expect(to(config, 'US'), 'there is no international template').toEqual(['twilio', 'webhook']);
  const abroad = loadConfig({ ...ALL(), TENCENT_SMS_INTERNATIONAL_TEMPLATE_ID: '2220' }, () => '');
  expect(to(abroad, 'US')).toEqual(['twilio', 'tencent', 'webhook']);
});

test('the languages are those that are bundled', () => {
  expect(codeWords(markedPart(SENDING, 'languages')).sort()).toEqual([...BUNDLED_LOCALES].sort());
});

test('the texts are accepted, with the warning that is shown, and ask for their variable', async () => {
  const file = yamlIn('texts');
  const [shown] = fencesOf(sectionOf(SENDING, '## Messages')).filter(({ language }) => language === 'text');
  expect(loaded(file).warnings).toEqual([shown?.body.trim()]);
  const app = await startApp({ file });
  const send = (given: Record<string, string>) =>
    app.client('json').call(VerificationService.method.sendCode, {
      ...{ phone: '+14155550123', purpose: 'payment', locale: 'fr' },
      variables: given,
    });
  expect(await send({})).toMatchObject({ status: 'INVALID_ARGUMENT' });
  expect(await send({ shop: 'Corner' })).toMatchObject({ status: 'OK' });
  expect(app.inbox.messages.at(-1)?.text).toMatch(/^Acme, Corner: \d{6}$/);
  await app.stop();
});

test('the templates are accepted, and the most specific one is used', () => {
  const { tencent } = loaded(yamlIn('templates'), ALL());
  const settings = {
    brand: 'Acme',
    templateParameters: tencent.templateParameters,
    templates: tencent.templates,
    signName: 'Acme',
  };
  const message = {
    code: '123456',
    minutes: 5,
    text: '',
    sendId: '',
    reportToken: '',
    region: '001',
    sender: {},
    variables: { shop: 'Corner' },
  };
  const filled = (to: string, purpose: string, locale: string) => fill({ ...message, to, purpose, locale }, settings);
  expect(filled('+8613800138000', 'login', 'en')).toMatchObject({
    TemplateId: '1110',
    TemplateParamSet: ['123456', '5'],
  });
  expect(filled('+14155550123', 'login', 'zh-TW')).toMatchObject({ TemplateId: '2221' });
  const payment = { TemplateId: '1130', TemplateParamSet: ['123456', 'Corner', '5'] };
  expect(filled('+8613800138000', 'payment', 'zh-TW')).toMatchObject(payment);
});

test('a test number behaves as described, and production wants to be told', async () => {
  const SMS_TEST_NUMBERS = variables(TEST_NUMBERS).SMS_TEST_NUMBERS?.replaceAll("'", '') ?? '';
  const app = await startApp({ env: { SMS_TEST_NUMBERS } });
  const client = app.client('json');
  const request = { phone: '+14155550199', purpose: 'login' };
  const sent = ok(await client.call(VerificationService.method.sendCode, request));
  expect(sent).toMatchObject({ test: true, delivery: { provider: 'test' } });
  const checked = ok(await client.call(VerificationService.method.checkCode, { ...request, code: '123456' }));
  expect(checked.verifiedAt).toBeDefined();
  expect(app.inbox.messages).toEqual([]);
  await app.stop();
  expect(() => loadConfig({ NODE_ENV: 'production', SMS_TEST_NUMBERS }, () => '')).toThrow(
    'SMS_TEST_NUMBERS_IN_PRODUCTION',
  );
});

test('reports are taken below the public URL as listed, from the vendor only', async () => {
  const CALLBACK_LISTEN = `127.0.0.1:${await freePort()}`;
  const CALLBACK_PUBLIC_URL = 'https://sms.example.com/reports';
  const TENCENT_CALLBACK_TOKEN = '0123456789abcdef0123456789abcdef';
  const own = { CALLBACK_LISTEN, CALLBACK_PUBLIC_URL, TENCENT_CALLBACK_TOKEN };
  const server = await startServer({ ...variables(onLoopback(TWILIO + TENCENT + GATEWAY)), ...own });
  const rows = sectionOf(SENDING, '## Delivery reports').matchAll(/^\| [\w ]+ \| `(\/\S+)` \|/gm);
  const paths = [...rows].map(([, path = '']) => path);
  expect(paths).toHaveLength(3);
  const post = async (path: string) =>
    (await fetch(`http://${CALLBACK_LISTEN}/reports${path}`, { method: 'POST', body: '[]' })).status;
  for (const path of paths) expect(await post(path), path).toBe(403);
  expect(await post(`/tencent/${TENCENT_CALLBACK_TOKEN}`)).toBe(200);
  expect(await post('/another')).toBe(404);
  await server.stop();
});
