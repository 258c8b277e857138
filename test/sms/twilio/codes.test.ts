import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/sms/provider.ts';
import { TWILIO_CODES } from '../../../src/sms/twilio/codes.ts';
import { explainCode } from '../../../src/sms/twilio/failures.ts';
import { created201, startTwilioFake, type TwilioFake, twilioError, twilioProblem } from '../../support/twilio-fake.ts';
import { ACCOUNT, expectNoSecrets, MESSAGE, MESSAGE_SID, NEVER, providerOf } from './fixture.ts';

/**
 * The vendors' sheet, row by row: codes | category | retry at the same provider | fail over | status | who acts. "maybe":
 * the message may have been sent. "blocked": another provider only if the operator says so.
 */
const AT_CREATE = `
  20003                                     | credentials    | no  | yes     | INTERNAL            | operator
  20005 20006 20010 20403 10001             | permission     | no  | yes     | INTERNAL            | operator
  20404                                     | configuration  | no  | yes     | INTERNAL            | operator
  20001 20422 21602 21603 21604 21609 21620 | configuration  | no  | yes     | INTERNAL            | operator
  21624 21654 21655 21656                   | configuration  | no  | yes     | INTERNAL            | operator
  20429                                     | rate_limited   | yes | yes     | UNAVAILABLE         | operator
  20500 20503                               | transient      | no  | maybe   | UNAVAILABLE         | nobody
  21211 21217 21401 21421                   | invalid_number | no  | no      | INVALID_ARGUMENT    | user
  21614 21635                               | invalid_number | no  | no      | INVALID_ARGUMENT    | user
  21214 21612                               | unreachable    | no  | yes     | FAILED_PRECONDITION | operator
  21408                                     | permission     | no  | yes     | FAILED_PRECONDITION | operator
  21610                                     | blocked        | no  | blocked | FAILED_PRECONDITION | user
  21608                                     | permission     | no  | yes     | INTERNAL            | operator
  21212 21606 21601 21607 21616 21657 21659 | sender         | no  | yes     | INTERNAL            | operator
  21660 21661 21701 21702 21703 21704 21705 | sender         | no  | yes     | INTERNAL            | operator
  21708 21709 21711 21910 21266             | sender         | no  | yes     | INTERNAL            | operator
  21617 21605 21618 21619                   | content        | no  | yes     | INTERNAL            | operator
  21611                                     | rate_limited   | no  | yes     | UNAVAILABLE         | operator
  14107 63038                               | rate_limited   | no  | yes     | UNAVAILABLE         | operator`;

/** The same of codes that come once Twilio has the message. Here it says so at once, in its 201. */
const AFTER_ACCEPT = `
  30001                                     | rate_limited   | no  | yes     | UNAVAILABLE         | operator
  30002                                     | permission     | no  | yes     | INTERNAL            | operator
  30003                                     | unreachable    | no  | yes     | FAILED_PRECONDITION | user
  30004                                     | blocked        | no  | blocked | FAILED_PRECONDITION | user
  30005 30006                               | invalid_number | no  | no      | INVALID_ARGUMENT    | user
  30007                                     | content        | no  | yes     | INTERNAL            | operator
  30008                                     | unknown        | no  | yes     | UNAVAILABLE         | nobody
  30010 30011 30019                         | configuration  | no  | yes     | INTERNAL            | operator
  30017                                     | transient      | no  | yes     | UNAVAILABLE         | nobody
  30018 30024 30032 30033 30034 30035 30042 | sender         | no  | yes     | INTERNAL            | operator
  30022 30023 30027                         | rate_limited   | no  | yes     | UNAVAILABLE         | operator
  30036                                     | transient      | no  | yes     | UNAVAILABLE         | user
  30410                                     | transient      | no  | maybe   | UNAVAILABLE         | nobody
  30500                                     | transient      | no  | yes     | UNAVAILABLE         | nobody
  30450                                     | rate_limited   | no  | no      | RESOURCE_EXHAUSTED  | operator`;

/** Where the sheet, or Twilio's page of the code, says for how long. */
const RETRY_AFTER_MS: Readonly<Record<number, number>> = {
  14107: 30_000,
  21611: 60_000,
  30023: 3_600_000,
  30450: 1_800_000,
  63038: 3_600_000,
};
/** What is about one sender, carrier, pair of numbers or country must not take Twilio from all others. */
const SCOPES: Readonly<Record<number, string>> = {
  ...{ 14107: 'message', 21611: 'message', 30001: 'message', 30017: 'message', 30036: 'message', 30410: 'message' },
  ...{ 30022: 'country', 30023: 'country', 30027: 'country' },
};
const HTTP_STATUS: Readonly<Record<number, number>> = { 20003: 401, 20404: 404, 20429: 429, 20500: 500, 20503: 503 };
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

const atCreate = rowsOf(AT_CREATE);
const afterAccept = rowsOf(AFTER_ACCEPT);

let fake: TwilioFake;
let provider: Provider;

beforeAll(async () => {
  fake = await startTwilioFake(ACCOUNT);
  provider = providerOf(fake.url);
});

afterAll(async () => {
  provider.close?.();
  await fake.stop();
});

describe('every code of the table comes out as the vendors’ sheet says', () => {
  it('the table has the codes of the sheet and no others', () => {
    expect([...TWILIO_CODES.keys()].sort()).toEqual([...atCreate, ...afterAccept].map(({ code }) => `${code}`).sort());
  });

  it.each(atCreate)('$code refuses a message', async ({ code, expected }) => {
    fake.behave(twilioError(HTTP_STATUS[code] ?? 400, code));
    const result = await provider.send(MESSAGE, NEVER);
    expect(result).toEqual(expected);
    expectNoSecrets(result);
    // The code decides, not the HTTP status, and the body may be of either format.
    fake.behave(twilioProblem(422, code));
    expect(await provider.send(MESSAGE, NEVER)).toEqual(expected);
  });

  it.each(afterAccept)('$code comes with the answer to a message', async ({ code, expected }) => {
    fake.behave(created201({ sid: MESSAGE_SID, status: 'failed', error_code: code, error_message: 'vendor text' }));
    const result = await provider.send(MESSAGE, NEVER);
    expect(result).toEqual({ ...expected, requestId: expect.stringMatching(/^RQ/) });
    expectNoSecrets(result);
  });

  it.each([...atCreate, ...afterAccept].filter(({ failOver }) => failOver === 'blocked'))(
    '$code goes on to another provider where the operator says so',
    async ({ code, expected }) => {
      fake.behave(twilioError(400, code));
      const permissive = providerOf(fake.url, { failOverBlocked: true });
      expect(await permissive.send(MESSAGE, NEVER)).toEqual({ ...expected, kind: 'unavailable' });
      permissive.close?.();
    },
  );
});

describe('a code that no table lists is judged by the HTTP status, and told by its digits only', () => {
  it.each([
    [400, 'unavailable', 'unknown', 'UNAVAILABLE'],
    [401, 'unavailable', 'credentials', 'INTERNAL'],
    [403, 'unavailable', 'permission', 'INTERNAL'],
    [404, 'unavailable', 'configuration', 'INTERNAL'],
    [429, 'unavailable', 'rate_limited', 'UNAVAILABLE'],
    [500, 'unknown', 'transient', 'UNAVAILABLE'],
    [503, 'unknown', 'transient', 'UNAVAILABLE'],
  ])('%i', async (http, kind, category, status) => {
    for (const behaviour of [twilioError(http, 70_051), twilioProblem(http, 70_051)]) {
      fake.behave(behaviour);
      const result = await provider.send(MESSAGE, NEVER);
      expect(result).toMatchObject({ kind, category, status, vendorCode: 'unlisted', unlistedCode: '70051' });
      // What is surely not sent may be about one number only; what is in doubt always counts.
      expect('scope' in result && result.scope === 'message').toBe(kind === 'unavailable');
      expectNoSecrets(result);
    }
  });

  it('of a message that failed at once', async () => {
    fake.behave(created201({ sid: MESSAGE_SID, status: 'undelivered', error_code: 39_999 }));
    expect(await provider.send(MESSAGE, NEVER)).toMatchObject({
      kind: 'unavailable',
      category: 'unknown',
      vendorCode: 'unlisted',
      unlistedCode: '39999',
      scope: 'message',
    });
  });

  it.each([401, 429])('%i without a code is about the account', async (http) => {
    fake.behave({ do: 'answer', status: http });
    expect(await provider.send(MESSAGE, NEVER)).not.toHaveProperty('scope');
  });

  it('text in place of a code is not told', async () => {
    fake.behave({ do: 'answer', status: 400, body: JSON.stringify({ code: MESSAGE.to, message: 'vendor text' }) });
    expect(await provider.send(MESSAGE, NEVER)).toMatchObject({ vendorCode: 'http_400' });
    expectNoSecrets(await provider.send(MESSAGE, NEVER));
  });
});

describe('a code is explained to the operator', () => {
  it('with its meaning, and where Twilio explains it', () => {
    expect(explainCode('30034', TWILIO_CODES)).toBe(
      'The number is not registered for A2P 10DLC, which the USA require. ' +
        'See https://www.twilio.com/docs/errors/30034 for more.',
    );
  });

  it('by Twilio’s page alone when no table lists it, and not at all when it is no code', () => {
    expect(explainCode('39999', TWILIO_CODES)).toBe('See https://www.twilio.com/docs/errors/39999 for more.');
    expect(explainCode('http_502', TWILIO_CODES)).toBe('');
    expect(provider.explain?.('sender')).toMatch(/^There is no sender/);
  });
});
