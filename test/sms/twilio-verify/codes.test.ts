import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/sms/provider.ts';
import { TWILIO_VERIFY_CODES } from '../../../src/sms/twilio-verify/codes.ts';
import { startTwilioVerifyFake, type TwilioVerifyFake, verifyError } from '../../support/twilio-verify-fake.ts';
import { json, type VendorRequest } from '../../support/vendor-server.ts';
import { ACCOUNT, expectNoSecrets, MESSAGE, NEVER } from '../twilio/fixture.ts';
import { providerOf, SERVICE_SID } from './fixture.ts';

/**
 * Twilio's lists of error codes, row by row: codes | category | retry at the same provider | fail over | status | who
 * acts. "maybe": the message may have been sent. "blocked": another provider only if the operator says so.
 */
const AT_START = `
  20003                                     | credentials    | no  | yes     | INTERNAL            | operator
  20005 20006 20010 20403 10001             | permission     | no  | yes     | INTERNAL            | operator
  20001 20404 20422                         | configuration  | no  | yes     | INTERNAL            | operator
  20429 25109                               | rate_limited   | yes | yes     | UNAVAILABLE         | operator
  14107 60245                               | rate_limited   | no  | yes     | UNAVAILABLE         | operator
  20500 20503 60441                         | transient      | no  | maybe   | UNAVAILABLE         | nobody
  21211 21217 21401 21421 21614 21635       | invalid_number | no  | no      | INVALID_ARGUMENT    | user
  60006 60205                               | invalid_number | no  | no      | INVALID_ARGUMENT    | user
  21214 21612                               | unreachable    | no  | yes     | FAILED_PRECONDITION | operator
  21408 60220 60238 60250 60605             | permission     | no  | yes     | FAILED_PRECONDITION | operator
  21608 60204                               | permission     | no  | yes     | INTERNAL            | operator
  21610                                     | blocked        | no  | blocked | FAILED_PRECONDITION | user
  60412 60413                               | blocked        | no  | no      | FAILED_PRECONDITION | operator
  60004 60206 60217 60223 60226 60440 60200 | configuration  | no  | yes     | INTERNAL            | operator
  60201 60224 60227 60228 60229 60230 60240 | template       | no  | yes     | INTERNAL            | operator
  60247 60252                               | template       | no  | yes     | INTERNAL            | operator
  60202 60203 60212                         | rate_limited   | no  | no      | RESOURCE_EXHAUSTED  | user
  60410                                     | rate_limited   | no  | no      | RESOURCE_EXHAUSTED  | operator`;

/** Those that tell why an SMS did not arrive. */
const AFTER_ACCEPT = `
  30001 30022 30023 30027                   | rate_limited   | no  | yes     | UNAVAILABLE         | operator
  30002                                     | permission     | no  | yes     | INTERNAL            | operator
  30003                                     | unreachable    | no  | yes     | FAILED_PRECONDITION | user
  30004                                     | blocked        | no  | blocked | FAILED_PRECONDITION | user
  30005 30006                               | invalid_number | no  | no      | INVALID_ARGUMENT    | user
  30007                                     | content        | no  | yes     | INTERNAL            | operator
  30008                                     | unknown        | no  | yes     | UNAVAILABLE         | nobody
  30010 30011 30019                         | configuration  | no  | yes     | INTERNAL            | operator
  30017 30500                               | transient      | no  | yes     | UNAVAILABLE         | nobody
  30018 30024 30032 30033 30034 30035 30042 | sender         | no  | yes     | INTERNAL            | operator
  30036                                     | transient      | no  | yes     | UNAVAILABLE         | user
  30410                                     | transient      | no  | maybe   | UNAVAILABLE         | nobody
  30450                                     | rate_limited   | no  | no      | RESOURCE_EXHAUSTED  | operator`;

const RETRY_AFTER_MS: Readonly<Record<number, number>> = {
  14107: 30_000,
  30023: 3_600_000,
  30450: 1_800_000,
  60202: 600_000,
  60203: 600_000,
  60212: 30_000,
  60245: 3_600_000,
  60410: 3_600_000,
};
/** They may concern one number only: they must not close Verify for all others. */
const SCOPES: Readonly<Record<number, string>> = {
  ...{ 14107: 'message', 30001: 'message', 30017: 'message', 30036: 'message', 30410: 'message', 60200: 'message' },
  ...{ 30022: 'country', 30023: 'country', 30027: 'country' },
};
const KINDS = { yes: 'unavailable', no: 'rejected', maybe: 'unknown', blocked: 'rejected' };

interface Row {
  readonly code: number;
  readonly failOver: keyof typeof KINDS;
  readonly expected: object;
}

function rowsOf(table: string): Row[] {
  return table
    .trim()
    .split('\n')
    .flatMap((line) => {
      const [codes = '', category, same, failOver, status, actor] = line.split('|').map((cell) => cell.trim());
      return codes.split(' ').map((code) => ({
        code: Number(code),
        failOver: failOver as Row['failOver'],
        expected: {
          kind: KINDS[failOver as Row['failOver']],
          category,
          vendorCode: code,
          status,
          actor,
          ...(same === 'yes' && { retrySame: true }),
          ...(SCOPES[Number(code)] !== undefined && { scope: SCOPES[Number(code)] }),
          ...(RETRY_AFTER_MS[Number(code)] !== undefined && { retryAfterMs: RETRY_AFTER_MS[Number(code)] }),
        },
      }));
    });
}

const rows = [...rowsOf(AT_START), ...rowsOf(AFTER_ACCEPT)];
const isStart = ({ path }: VendorRequest) => path.endsWith('/Verifications');

let fake: TwilioVerifyFake;
let provider: Provider;

beforeAll(async () => {
  fake = await startTwilioVerifyFake({ ...ACCOUNT, serviceSid: SERVICE_SID });
  provider = providerOf(fake.url);
});

afterAll(async () => {
  provider.close?.();
  await fake.stop();
});

describe('every code of the table comes out as Twilio’s lists say', () => {
  it('the table has the codes of the lists and no others', () => {
    expect([...TWILIO_VERIFY_CODES.keys()].sort()).toEqual(rows.map(({ code }) => `${code}`).sort());
  });

  it.each(rows)('$code refuses a message', async ({ code, expected }) => {
    fake.behave((request) => verifyError(isStart(request) ? code : 20404));
    const result = await provider.send(MESSAGE, NEVER);
    expect(result).toEqual(expected);
    expectNoSecrets(result);
  });

  it.each(rows.filter(({ code }) => code !== 20404))(
    '$code before the message was sent: surely not sent',
    async ({ code, expected }) => {
      fake.behave(verifyError(code));
      const sends = fake.sends.length;
      const result = await provider.send(MESSAGE, NEVER);
      expect(result).toEqual({
        ...expected,
        kind: expect.stringMatching(/^(?:unavailable|rejected)$/),
        vendorCode: `${code}`,
      });
      expect(fake.sends).toHaveLength(sends);
    },
  );

  it.each(rows.filter(({ failOver }) => failOver === 'blocked'))(
    '$code goes to another provider when the operator says so',
    async ({ code, expected }) => {
      const open = providerOf(fake.url, { failOverBlocked: true });
      fake.behave((request) => verifyError(isStart(request) ? code : 20404));
      expect(await open.send(MESSAGE, NEVER)).toEqual({ ...expected, kind: 'unavailable' });
      open.close?.();
    },
  );
});

describe('60200 is about the number when its text says so', () => {
  const refusedWith = (message: string) => {
    fake.behave((request) => {
      return isStart(request) ? json(400, { code: 60200, message, status: 400 }) : verifyError(20404);
    });
    return provider.send(MESSAGE, NEVER);
  };

  it.each(['Invalid parameter `To`: +15558675310', 'Invalid parameter: To', 'Invalid parameter To: +15558675310'])(
    '%s',
    async (message) => {
      const result = await refusedWith(message);
      expect(result).toEqual({
        kind: 'rejected',
        category: 'invalid_number',
        vendorCode: '60200',
        status: 'INVALID_ARGUMENT',
        actor: 'user',
      });
      expectNoSecrets(result);
    },
  );

  it.each(['Invalid parameter: Locale', 'Invalid parameter `CustomCode`: 493817', 'Invalid parameter: Total', ''])(
    'not so: %s',
    async (message) => {
      expect(await refusedWith(message)).toMatchObject({
        kind: 'unavailable',
        category: 'configuration',
        scope: 'message',
      });
    },
  );
});

it('a code that no table lists is surely not sent, and may concern this number only', async () => {
  fake.behave((request) => verifyError(isStart(request) ? 60999 : 20404));
  expect(await provider.send(MESSAGE, NEVER)).toMatchObject({
    kind: 'unavailable',
    vendorCode: 'unlisted',
    unlistedCode: '60999',
    scope: 'message',
  });
});

it('a code is explained to the operator', () => {
  expect(provider.explain?.('60204')).toMatch(/Enable Custom Verification Code.* See https:.*\/60204 for more\.$/);
  expect(provider.explain?.('60999')).toBe('See https://www.twilio.com/docs/errors/60999 for more.');
  expect(provider.explain?.('http_502')).toBe('');
});
