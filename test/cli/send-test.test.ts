/** `countersign send-test` as an operator runs it, in production, beside the running service: some of it as a process of its own. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import { explainTencent } from '../../src/sms/tencent/failures.ts';
import { TWILIO_CODES } from '../../src/sms/twilio/codes.ts';
import { explainCode } from '../../src/sms/twilio/failures.ts';
import { leaksIn } from '../e2e/leaks.ts';
import { CREDENTIALS, PRODUCTION, startVendorFakes, type VendorFakes } from '../e2e/vendor-fakes.ts';
import { startChild } from '../support/child.ts';
import { freePort } from '../support/port.ts';
import { REQUEST_ID, VENDOR_TEXT } from '../support/tencent-fake.ts';
import { twilioError } from '../support/twilio-fake.ts';
import { json } from '../support/vendor-server.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PHONE = '+14155552671';
const SECRET = 'sentinel root secret of 32 bytes or more';

let fakes: VendorFakes;
/** Where the service that is running listens, and its Redis. */
const taken: Server[] = [];
let connections = 0;
let production: Record<string, string>;

beforeAll(async () => {
  fakes = await startVendorFakes();
  for (let n = 0; n < 5; n++) {
    const server = createServer(() => {
      connections += 1;
    });
    taken.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
  }
  const [grpc, http, ops, callbacks, redis] = taken.map((server) => {
    const address = server.address();
    return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  });
  production = {
    ...PRODUCTION,
    COUNTERSIGN_SECRET: SECRET,
    REDIS_URL: `redis://${redis}`,
    GRPC_LISTEN: `${grpc}`,
    HTTP_LISTEN: `${http}`,
    OPS_LISTEN: `${ops}`,
    CALLBACK_LISTEN: `${callbacks}`,
    CALLBACK_PUBLIC_URL: 'https://sms.example.com/reports',
  };
});
afterAll(async () => {
  for (const server of taken) server.close();
  await fakes.stop();
  // Neither the ports of the service were in the way, nor was its Redis asked.
  expect(connections).toBe(0);
});

interface Run {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

const printed: string[] = [];

async function sendTest(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Run> {
  const command = ['src/main.ts', 'send-test', ...args];
  const child = await startChild(process.execPath, command, { env: { ...production, ...env }, cwd: ROOT });
  const exitCode = await child.exited;
  printed.push(child.stdout(), child.stderr());
  return { exitCode, out: child.stdout(), err: child.stderr() };
}

/** The same without a process, which costs half a second each. */
async function runHere(args: readonly string[], env: Readonly<Record<string, string>>, yaml = ''): Promise<Run> {
  const output = { out: '', err: '' };
  const exitCode = await runCli(['send-test', ...args], {
    env: { ...production, ...env },
    readFile: () => yaml,
    out: (text) => {
      output.out += text;
    },
    err: (text) => {
      output.err += text;
    },
    serve: async () => {
      throw new Error('send-test serves nothing');
    },
  });
  printed.push(output.out, output.err);
  return { exitCode, ...output };
}

const sent = () => fakes.received().length;

afterEach(() => {
  fakes.twilio.behave(null);
  fakes.tencent.answer({ how: 'ok' });
  fakes.webhook.behave(null);
  const secrets: Record<string, string> = { ...CREDENTIALS, 'root secret': SECRET, 'vendor text': VENDOR_TEXT };
  for (const [n, { to }] of fakes.received().entries()) secrets[`phone ${n}`] = to;
  for (const [n, { sessionContext }] of fakes.tencent.sends.entries()) secrets[`token ${n}`] = sessionContext;
  const codes = fakes.received().map(({ code }) => code);
  for (const text of printed.splice(0)) {
    expect(leaksIn(text, secrets)).toEqual([]);
    expect(text).not.toMatch(/vendor text|vendor title/);
    expect((text.match(/(?<!\d)\d{4,8}(?!\d)/g) ?? []).filter((digits) => codes.includes(digits))).toEqual([]);
  }
});

describe('a message that is taken', () => {
  test('says by whom, how fast and under which id; exit code 0', async () => {
    const before = sent();
    const { exitCode, out, err } = await sendTest(['--phone', PHONE], fakes.env('twilio'));
    expect(out.split('\n')).toEqual([
      'sending to ****2671 (US) by twilio',
      expect.stringMatching(/^twilio: accepted, after \d+ ms$/),
      expect.stringMatching(/^ACCEPTED by twilio as SM0{31}1: /),
      '',
    ]);
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: '' });
    expect(sent()).toBe(before + 1);
    expect(fakes.twilio.sends.at(-1)).toMatchObject({ to: PHONE, from: '+15557122661' });
    expect(fakes.twilio.sends.at(-1)?.body).toMatch(/^Acme: \d{6} is your sign-up code/);
    expect(fakes.twilio.sends.at(-1)?.statusCallback).toMatch(/^https:\/\/sms\.example\.com\/reports\/twilio\?t=/);
  });

  test('goes by the provider, purpose and language that were asked for', async () => {
    const args = ['--phone', '(415) 555-2671', '--provider', 'tencent', '--purpose', 'login', '--locale', 'de'];
    const { exitCode, out } = await runHere(args, fakes.env('twilio', 'tencent', 'webhook'));
    expect(exitCode).toBe(0);
    expect(out).toContain('sending to ****2671 (US) by tencent\n');
    expect(out).toMatch(/\nACCEPTED by tencent as 5000:\d+: /);
    expect(fakes.tencent.sends.at(-1)).toMatchObject({ phone: PHONE, templateId: '2220' });
  });

  test('goes as the route of the phone has it, and says so', async () => {
    const routes = '[{countries: [US], providers: [{provider: twilio, from: ACME}, webhook]}]';
    const env = { ...fakes.env('twilio', 'webhook'), SMS_ROUTES: routes };
    const { exitCode, out } = await runHere(['--phone', PHONE], env);
    expect(exitCode).toBe(0);
    expect(out).toContain('sending to ****2671 (US) by twilio (from ACME), then webhook\n');
    expect(fakes.twilio.sends.at(-1)).toMatchObject({ from: 'ACME' });
  });
});

describe('a message that is refused says why and who must act; exit code 1', () => {
  test.each([
    ['21608', 400],
    ['20003', 401],
  ])('Twilio’s %s', async (code, status) => {
    fakes.twilio.behave(twilioError(status, Number(code), { 'twilio-request-id': 'RQ1' }));
    const { exitCode, out } = await sendTest(['--phone', PHONE], fakes.env('twilio'));
    expect(exitCode).toBe(1);
    expect(out.split('\n').slice(1)).toEqual([
      expect.stringMatching(/^twilio: surely did not send, after \d+ ms$/),
      expect.stringMatching(new RegExp(`^ {2}why: (permission|credentials), code ${code}$`)),
      `  ${explainCode(code, TWILIO_CODES)} The operator has to act.`,
      '  twilio’s id of the request: RQ1',
      'NOT SENT: SendCode would answer INTERNAL',
      '',
    ]);
  });

  test('Tencent’s FailedOperation.TemplateIncorrectOrUnapproved', async () => {
    const code = 'FailedOperation.TemplateIncorrectOrUnapproved';
    fakes.tencent.answer({ how: 'refuse_number', code });
    const { exitCode, out } = await runHere(['--phone', PHONE], fakes.env('tencent'));
    expect(exitCode).toBe(1);
    expect(out.split('\n').slice(2)).toEqual([
      `  why: template, code ${code}`,
      `  ${explainTencent(code)} The operator has to act.`,
      `  tencent’s id of the request: ${REQUEST_ID}`,
      'NOT SENT: SendCode would answer INTERNAL',
      '',
    ]);
  });

  test('a port where nothing listens', async () => {
    const env = { ...fakes.env('twilio'), TWILIO_BASE_URL: `http://127.0.0.1:${await freePort()}` };
    const { exitCode, out } = await runHere(['--phone', PHONE], env);
    expect(exitCode).toBe(1);
    expect(out).toContain('  why: transient, code refused\n  Nothing takes connections there: ');
    expect(out).toMatch(
      /The operator has to act\.\nNOT SENT: SendCode would answer UNAVAILABLE, to try again in \d+ s\n$/,
    );
  });

  test('an end of the connection that leaves it open: maybe sent', async () => {
    fakes.twilio.behave({ do: 'close_after' });
    const before = sent();
    const { exitCode, out } = await runHere(['--phone', PHONE], fakes.env('twilio'));
    expect(exitCode).toBe(1);
    expect(out).toMatch(/\ntwilio: maybe sent, after \d+ ms\n/);
    expect(out).toMatch(/\nMAYBE SENT by twilio: look at the phone\n$/);
    expect(sent()).toBe(before + 1);
  });

  test('a gateway’s own words', async () => {
    fakes.webhook.behave(json(422, { category: 'blocked', error_code: 'E-17' }, { 'x-request-id': 'gw-req-1' }));
    const { exitCode, out } = await runHere(['--phone', PHONE], fakes.env('webhook'));
    expect(exitCode).toBe(1);
    expect(out).toMatch(/\nwebhook: refused this number or text; no other provider is asked, after \d+ ms\n/);
    expect(out).toContain('  why: blocked, code http_422 E-17\n');
    expect(out).toContain('The person with the phone has to act.\n  webhook’s id of the request: gw-req-1\n');
    expect(out).toMatch(/NOT SENT: SendCode would answer FAILED_PRECONDITION\n$/);
  });

  test('a code that no table lists', async () => {
    fakes.twilio.behave(twilioError(400, 29_999));
    const { exitCode, out } = await runHere(['--phone', PHONE], fakes.env('twilio'));
    expect(exitCode).toBe(1);
    expect(out).toContain(
      'code 29999\n  See https://www.twilio.com/docs/errors/29999 for more. The operator has to act.\n',
    );
  });
});

test('a failover shows both attempts; exit code 0', async () => {
  fakes.twilio.behave(twilioError(400, 21_611));
  const before = sent();
  const { exitCode, out } = await runHere(['--phone', PHONE], fakes.env('twilio', 'webhook'));
  expect(exitCode).toBe(0);
  expect(out).toContain('by twilio, then webhook\n');
  expect(out).toMatch(/\ntwilio: surely did not send, after \d+ ms\n {2}why: rate limited, code 21611\n/);
  expect(out).toMatch(/\nwebhook: accepted, after \d+ ms\nACCEPTED by webhook as gw-\d+: /);
  expect(sent()).toBe(before + 2);
});

test('a second provider that takes what was maybe sent before: two SMS may come, and that is said', async () => {
  fakes.twilio.behave({ do: 'close_after' });
  const { exitCode, out } = await runHere(['--phone', PHONE], fakes.env('twilio', 'webhook'));
  expect(exitCode).toBe(0);
  expect(out).toMatch(
    /\ntwilio: maybe sent, .*\n.*\n.*\nwebhook: accepted, after \d+ ms\nACCEPTED by webhook .*; two SMS may come\n$/,
  );
  const codeBy = (by: string) => fakes.received().findLast(({ provider }) => provider === by)?.code;
  expect(codeBy('webhook')).toBe(codeBy('twilio'));
});

describe('what cannot be done is refused before anything is sent; exit code 2', () => {
  test.each([
    [['--phone', PHONE, '--provider', 'vonage'], '--provider must be one of twilio, webhook\n'],
    [['--phone', '415555012'], '--phone is a number that no numbering plan has\n'],
  ])('%j, in a process of its own', async (args, why) => {
    const before = sent();
    expect(await sendTest(args, fakes.env('twilio', 'webhook'))).toEqual({ exitCode: 2, out: '', err: why });
    expect(sent()).toBe(before);
  });

  test.each([
    [['--phone', 'my phone'], '--phone is not a phone number: write it as +14155550123\n'],
    [['--phone', ''], '--phone is empty\n'],
    [['--phone', `${PHONE} ext. 5`], '--phone must be without an extension\n'],
    [['--phone', '+18002345678'], '--phone is of a kind that the service refuses: toll free\n'],
    [['--phone', PHONE, '--purpose', 'dance'], '--purpose must be one of login, welcome\n'],
    [['--phone', PHONE, '--purpose', 'welcome'], 'the text needs --variable shop=… --variable name=…\n'],
    [['--phone', PHONE, '--purpose', 'welcome', '--variable', 'shop'], '--variable must be name=value\n'],
    [
      ['--phone', PHONE, '--purpose', 'welcome', '--variable', 'shop=evil.com', '--variable', 'name=0900 123 456'],
      'the service would refuse variables[shop] (CONTAINS_LINK), variables[name] (CONTAINS_NUMBER)\n',
    ],
    [['--phone', '+33612345678'], 'no route leads to FR\n'],
  ])('%j', async (args, why) => {
    const before = sent();
    const yaml = `
purposes: { login: {}, welcome: { texts: { en: "{shop}: {code} for {name}" } } }
routes: [{ countries: [US], providers: [twilio] }]
`;
    const env = { ...fakes.env('twilio'), COUNTERSIGN_CONFIG: 'given.yaml' };
    expect(await runHere(args, env, yaml)).toEqual({ exitCode: 2, out: '', err: why });
    expect(sent()).toBe(before);
  });

  test('without any provider', async () => {
    const env = { NODE_ENV: 'development', COUNTERSIGN_CALLERS: '', CALLBACK_PUBLIC_URL: '' };
    const run = await runHere(['--phone', PHONE], env);
    expect(run).toEqual({ exitCode: 2, out: '', err: 'no SMS provider is configured\n' });
  });
});

test('texts get the variables that are given', async () => {
  const yaml = 'purposes: { welcome: { texts: { en: "{shop}: {code} for {name}" } } }';
  const env = { ...fakes.env('twilio'), COUNTERSIGN_CONFIG: 'given.yaml' };
  const { exitCode } = await runHere(['--phone', PHONE, '--variable', 'shop=A=B', '--variable', 'name=Ann'], env, yaml);
  expect(exitCode).toBe(0);
  expect(fakes.twilio.sends.at(-1)?.body).toMatch(/^A=B: \d{6} for Ann$/);
});

test('says when the service itself would send nothing, and sends all the same', async () => {
  const env = {
    ...fakes.env('twilio'),
    NODE_ENV: 'development',
    COUNTERSIGN_CALLERS: '',
    SMS_MOCK_MODE: '',
    SMS_TEST_NUMBERS: `{"${PHONE}": {code: "428571", until: 2999-01-01}}`,
  };
  const before = sent();
  const { exitCode, out } = await runHere(['--phone', PHONE], env);
  expect(exitCode).toBe(0);
  expect(out).toContain('\nnote: SMS_MOCK_MODE is on: the service only prints messages\n');
  expect(out).toContain('\nnote: a test number: the service sends it nothing\n');
  expect(sent()).toBe(before + 1);
});

test('a faulty configuration is refused with every mistake, as by the service; exit code 1', async () => {
  const env = { ...fakes.env('twilio'), TWILIO_AUTH_TOKEN: '', REDIS_URL: '' };
  const { exitCode, out, err } = await sendTest(['--phone', PHONE], env);
  expect({ exitCode, out }).toEqual({ exitCode: 1, out: '' });
  expect(err).toContain('TWILIO_AUTH_TOKEN: is required with the other Twilio settings');
  expect(err).toContain('REDIS_URL: is required in production');
});
