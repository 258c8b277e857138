/** What became of messages, as the provider fetches it from the Attempts API. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/sms/provider.ts';
import { patienceWith } from '../../support/patience.ts';
import { startTwilioVerifyFake, type TwilioVerifyFake, type VerifyOutcome } from '../../support/twilio-verify-fake.ts';
import type { Behaviour } from '../../support/vendor-server.ts';
import { ACCOUNT, expectNoSecrets, MESSAGE, NEVER } from '../twilio/fixture.ts';
import { providerOf, SERVICE_SID } from './fixture.ts';

const MINUTE_MS = 60_000;

let fake: TwilioVerifyFake;
let provider: Provider;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 10, 21, 9, 30);
  fake = await startTwilioVerifyFake({ ...ACCOUNT, serviceSid: SERVICE_SID, clock: () => now });
  provider = providerOf(fake.url, { now: () => now });
});

afterEach(async () => {
  provider.close?.();
  await fake.stop();
});

const poll = async (from = provider, signal = NEVER) => from.reports?.poll?.(signal);

async function sent(to = MESSAGE.to): Promise<{ messageId: string; attempt: string }> {
  const result = await provider.send({ ...MESSAGE, to }, NEVER);
  if (result.kind !== 'accepted') throw new Error('not accepted');
  return { messageId: result.messageId, attempt: result.messageId.slice(0, 34) };
}

describe('the end of a message is reported', () => {
  it.each<[VerifyOutcome, object]>([
    [{ status: 'delivered' }, { status: 'delivered', category: '', vendorCode: '' }],
    [
      { status: 'read', channel: 'rbm' },
      { status: 'delivered', category: '', vendorCode: '' },
    ],
    [
      { status: 'DELIVERED', errorCode: 0 },
      { status: 'delivered', category: '', vendorCode: '' },
    ],
    [
      { status: 'undelivered', errorCode: '30003' },
      { status: 'failed', category: 'unreachable', vendorCode: '30003' },
    ],
    [
      { status: 'failed', errorCode: 30_006 },
      { status: 'failed', category: 'invalid_number', vendorCode: '30006' },
    ],
    [
      { status: 'failed', errorCode: 60_410 },
      { status: 'failed', category: 'rate_limited', vendorCode: '60410' },
    ],
    [
      { status: 'failed', errorCode: '39999' },
      { status: 'failed', category: 'unknown', vendorCode: 'other' },
    ],
    [
      { status: 'canceled', errorCode: null },
      { status: 'failed', category: 'unknown', vendorCode: '' },
    ],
    [
      { status: 'undelivered', errorCode: '' },
      { status: 'failed', category: 'unknown', vendorCode: '' },
    ],
  ])('%j', async (outcome, expected) => {
    const { messageId, attempt } = await sent();
    fake.settle(attempt, outcome);
    const reports = await poll();
    expect(reports).toEqual([{ token: '', messageId, ...expected }]);
    expectNoSecrets(reports);
  });

  it.each(['queued', 'accepted', 'sending', 'sent', 'partially_delivered', 'received', 'something new', ''])(
    'but %j is not an end',
    async (status) => {
      const { attempt } = await sent();
      fake.settle(attempt, { status });
      expect(await poll()).toEqual([]);
    },
  );
});

it('each end is reported once, also that of one that comes after others', async () => {
  const [first, second] = [await sent('+15550000001'), await sent('+15550000002')];
  fake.settle(first.attempt, { status: 'delivered' });
  expect(await poll()).toMatchObject([{ messageId: first.messageId }]);
  expect(await poll()).toEqual([]);
  fake.settle(second.attempt, { status: 'failed' });
  expect(await poll()).toMatchObject([{ messageId: second.messageId }]);
  expect(await poll()).toEqual([]);
});

it('another process, or one after a restart, reports it as well: nothing depends on memory', async () => {
  const { messageId, attempt } = await sent();
  fake.settle(attempt, { status: 'delivered' });
  const other = providerOf(fake.url, { now: () => now });
  expect(await poll(other)).toMatchObject([{ messageId, status: 'delivered' }]);
  other.close?.();
});

it('asks for the last 15 minutes of its service, in one request for up to 1,000 messages', async () => {
  const { attempt } = await sent();
  fake.settle(attempt, { status: 'delivered' });
  now += 16 * MINUTE_MS;
  expect(await poll()).toEqual([]);
  const [asked = ''] = fake.polls;
  expect(Object.fromEntries(new URL(asked, fake.url).searchParams)).toEqual({
    DateCreatedAfter: '2026-11-21T09:31:00Z',
    VerifyServiceSid: SERVICE_SID,
    PageSize: '1000',
  });
  expect(fake.polls).toHaveLength(1);
});

it('goes on to further pages, but holds no more than 5,000 messages', async () => {
  const page = (index: number): Behaviour => {
    const attempts = Array.from({ length: 1_000 }, (_, n) => ({
      sid: `VL${(index * 1_000 + n).toString(16).padStart(32, '0')}`,
      verification_sid: `VE${'1'.repeat(32)}`,
      channel_data: { message_status: 'delivered' },
    }));
    const next_page_url = `https://verify.twilio.com/v2/Attempts?Page=${index + 1}&PageSize=1000`;
    return { do: 'answer', body: JSON.stringify({ attempts, meta: { key: 'attempts', next_page_url } }) };
  };
  fake.behave(({ path }) => page(Number(new URL(path, fake.url).searchParams.get('Page') ?? 0)));
  const reports = await poll();
  expect(new Set(reports?.map(({ messageId }) => messageId)).size).toBe(5_000);
  expect(fake.polls).toHaveLength(5);
});

describe('a poll that fails throws a code, and nothing that the vendor said', () => {
  it.each<[string, Behaviour, string]>([
    ['429', { do: 'answer', status: 429, body: '{"code":20429,"message":"vendor text"}' }, '20429'],
    ['500 in HTML', { do: 'answer', status: 500, body: '<p>vendor text' }, 'http_500'],
    ['200 in HTML', { do: 'answer', body: '<p>vendor text' }, 'malformed'],
    ['silence', { do: 'hang' }, 'timeout'],
  ])('%s', async (_, behaviour, code) => {
    fake.behave(behaviour);
    const failure = await poll(provider, patienceWith(behaviour, fake))?.catch((error: unknown) => error);
    expect(failure).toMatchObject({ message: `Verify's attempts could not be fetched: ${code}`, code });
    expectNoSecrets(failure);
  });

  it('and what it would have said comes with the next one', async () => {
    const { messageId, attempt } = await sent();
    fake.settle(attempt, { status: 'delivered' });
    fake.behave({ do: 'reset_after' });
    await expect(poll()).rejects.toThrow('reset');
    fake.behave(null);
    expect(await poll()).toMatchObject([{ messageId }]);
  });
});

it('answers of an odd shape are no reports', async () => {
  const odd = [null, {}, { sid: 'VL1', channel_data: { message_status: 'delivered' } }, { channel_data: 'delivered' }];
  fake.behave({ do: 'answer', body: JSON.stringify({ attempts: odd.slice(1), meta: { key: 'attempts' } }) });
  expect(await poll()).toEqual([]);
});

it('reports lead to the verification by the id of the message; with an interval of 0 there are none', () => {
  expect(provider.reports).toMatchObject({ byMessageId: true, poll: expect.any(Function) });
  expect(provider.reports?.read).toBeUndefined();
  expect(providerOf(fake.url, { pollSeconds: 0 }).reports).toBeUndefined();
});
