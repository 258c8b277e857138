/** A send makes two requests: only the second one can send. Whatever becomes of either, the result says what may be sent. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Provider } from '../../../src/sms/provider.ts';
import { signalOnce } from '../../support/patience.ts';
import {
  startTwilioVerifyFake,
  type TwilioVerifyFake,
  verification201,
  verifyError,
} from '../../support/twilio-verify-fake.ts';
import { type Behaviour, json } from '../../support/vendor-server.ts';
import { ACCOUNT, gist, MESSAGE, NEVER } from '../twilio/fixture.ts';
import { providerOf, SERVICE_SID } from './fixture.ts';

let fake: TwilioVerifyFake;
let provider: Provider;

beforeEach(async () => {
  fake = await startTwilioVerifyFake({ ...ACCOUNT, serviceSid: SERVICE_SID });
  provider = providerOf(fake.url);
});

afterEach(async () => {
  provider.close?.();
  await fake.stop();
});

const HTML = { 'content-type': 'text/html' };
const slow = { status: 201, body: JSON.stringify({ sid: 'x', filler: 'x'.repeat(100_000) }) };
const proxy = (status: number): Behaviour => ({ do: 'answer', status, headers: HTML, body: '<p>vendor text' });
const redirect = (status: number): Behaviour => ({ do: 'answer', status, headers: { location: '/elsewhere' } });
const SILENT: readonly Behaviour['do'][] = ['hang', 'stall', 'trickle'];

/** Fires as soon as Verify has read the request of which it says no last word; never for any other. */
function signalFor({ do: what }: Behaviour, isRead: () => boolean): AbortSignal {
  return SILENT.includes(what) ? signalOnce('Verify has read the request', isRead) : NEVER;
}

const ATTEMPT = { time: '2026-11-21T09:30:00.000Z', channel: 'sms', attempt_sid: `VL${'a'.repeat(32)}` };
const LATER = { time: '2026-11-21T09:31:00.000Z', channel: 'sms', attempt_sid: `VL${'b'.repeat(32)}` };

describe('the request that starts a verification', () => {
  it.each<[fault: string, behaviour: Behaviour, result: string]>([
    ['resets after the request', { do: 'reset_after' }, 'unknown transient reset'],
    ['hangs up after the request', { do: 'close_after' }, 'unknown transient reset'],
    ['never answers', { do: 'hang' }, 'unknown timeout timeout'],
    ['stalls after the headers', { do: 'stall', ...slow }, 'unknown timeout timeout'],
    ['trickles', { do: 'trickle', ...slow, everyMs: 5 }, 'unknown timeout timeout'],
    ['429 of its own', verifyError(20429), 'unavailable rate_limited 20429'],
    ['429 of a gateway', proxy(429), 'unavailable rate_limited http_429'],
    ['five sends', verifyError(60203), 'rejected rate_limited 60203'],
    ['no custom codes', verifyError(60204), 'unavailable permission 60204'],
    ['500', verifyError(20500), 'unknown transient 20500'],
    ['502 in HTML', proxy(502), 'unknown transient http_502'],
    ['200 in HTML', proxy(200), 'unknown unknown malformed'],
    ['201 without a body', { do: 'answer', status: 201 }, 'unknown unknown malformed'],
    ['201 with null', { do: 'answer', status: 201, body: 'null' }, 'unknown unknown malformed'],
    ['200 with an error body', json(200, { code: 60200, status: 400 }), 'unknown unknown no_message_id'],
    ['201 without attempts', verification201({ send_code_attempts: undefined }), 'unknown unknown no_message_id'],
    ['201 with no attempt', verification201({ send_code_attempts: [] }), 'unknown unknown no_message_id'],
    [
      '201 with an attempt without an id',
      verification201({ send_code_attempts: [{ ...ATTEMPT, attempt_sid: null }] }),
      'unknown unknown no_message_id',
    ],
    ['201 with text for an id', verification201({ sid: 'vendor text' }), 'unknown unknown no_message_id'],
    ['redirects', redirect(307), 'unavailable configuration http_307'],
    ['did it, and redirects to the result', redirect(303), 'unknown transient http_303'],
    ['201', verification201({}), 'accepted'],
  ])('%s', async (_, behaviour, result) => {
    fake.behave(({ path }) => (path.endsWith('/Verifications') ? behaviour : verifyError(20404)));
    const signal = signalFor(behaviour, () => fake.sends.length === 1);
    expect(gist(await provider.send(MESSAGE, signal))).toBe(result);
    expect(fake.sends).toHaveLength(1);
  });

  it.each([
    [[ATTEMPT, LATER]],
    [[LATER, ATTEMPT]],
    [[ATTEMPT, { ...LATER, time: ATTEMPT.time }]],
    [[null, 'x', { time: 7 }, { ...ATTEMPT, time: 'soon', attempt_sid: `VL${'c'.repeat(32)}` }, LATER]],
  ])('the newest attempt is the message: %j', async (send_code_attempts) => {
    fake.behave(({ path }) => {
      return path.endsWith('/Verifications') ? verification201({ send_code_attempts }) : verifyError(20404);
    });
    expect(await provider.send(MESSAGE, NEVER)).toMatchObject({
      kind: 'accepted',
      messageId: expect.stringMatching(`^${LATER.attempt_sid}\\.VE[0-9a-f]{32}$`),
    });
  });
});

describe('the request before it, which cancels what is pending: nothing is sent', () => {
  it.each<[fault: string, behaviour: Behaviour, result: string]>([
    ['resets before the request', { do: 'reset_before' }, 'unavailable transient reset'],
    ['resets after the request', { do: 'reset_after' }, 'unavailable transient reset'],
    ['never answers', { do: 'hang' }, 'unavailable timeout timeout'],
    ['trickles', { do: 'trickle', ...slow, everyMs: 5 }, 'unavailable timeout timeout'],
    ['500', verifyError(20500), 'unavailable transient 20500'],
    ['502 in HTML', proxy(502), 'unavailable transient http_502'],
    ['401', verifyError(20003), 'unavailable credentials 20003'],
    ['429', verifyError(20429), 'unavailable rate_limited 20429'],
    ['200 in HTML', proxy(200), 'unavailable unknown malformed'],
    ['redirects', redirect(303), 'unavailable transient http_303'],
  ])('%s', async (_, behaviour, result) => {
    fake.behave(behaviour);
    const signal = signalFor(behaviour, () => fake.updates.length === 1);
    expect(gist(await provider.send(MESSAGE, signal))).toBe(result);
    expect(fake.sends).toHaveLength(0);
  });

  it('negative control: nothing pending is no fault', async () => {
    fake.behave(({ path }) => (path.endsWith('/Verifications') ? verification201({}) : verifyError(20404)));
    expect(gist(await provider.send(MESSAGE, NEVER))).toBe('accepted');
  });

  it('a service that does not exist shows at the second request', async () => {
    const elsewhere = providerOf(fake.url, { serviceSid: `VA${'0'.repeat(32)}` });
    expect(gist(await elsewhere.send(MESSAGE, NEVER))).toBe('unavailable configuration 20404');
    elsewhere.close?.();
  });
});

it('one signal ends both: the time of the first is not added to that of the second', async () => {
  fake.behave(({ path }) => (path.endsWith('/Verifications') ? { do: 'hang' } : verifyError(20404)));
  const leaving = new AbortController();
  const sending = provider.send(MESSAGE, leaving.signal);
  await expect.poll(() => fake.sends.length).toBe(1);
  leaving.abort();
  expect(gist(await sending)).toBe('unknown timeout timeout');
});
