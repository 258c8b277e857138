/** Many callers doing anything over a failover: what they were told must make sense together. */
import { randomInt } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type CheckResult,
  CheckResultSchema,
  VerificationService,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import { createConsoleProvider } from '../../src/sms/console.ts';
import { startApp } from '../support/app.ts';
import type { ServiceClient } from '../support/clients.ts';
import { startFollowedPair } from '../support/followed-pair.ts';
import { openStore } from '../support/store.ts';
import { eventually } from '../support/wait.ts';
import { GUESSES, type Guess, violations } from './history.ts';
import { cycle, expiringKeys, figure, forAll, phoneAt, scaled, tally, wrongCode } from './load.ts';

const { sendCode, checkCode } = VerificationService.method;

const purpose = 'login';
const CALLERS = 30;
const PHONES = 100;
const ANSWERS = scaled(6_000);
/** Codes that are guessed at, the newest. */
const RECENT = 50;
const LAG_MS = 50;
const RESULTS = ['APPROVED', 'EXHAUSTED', 'NOT_FOUND', 'WRONG_CODE', 'unknown'];

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Sent {
  readonly verificationId: string;
  readonly code: string;
}

type Attempt = Pick<Guess, 'verificationId' | 'requestId' | 'right'> & { readonly code: string };

/** The same phones are sent to again and again, and only wrong guesses stop that. */
const SETTINGS = {
  env: { COUNTERSIGN_SECRET: 'a secret of at least 32 bytes, for tests', SMS_RESEND_INTERVAL_SECONDS: '0' },
  file: 'limits: { windows: { phone_hour: { limit: 1000 }, phone_day: null } }',
};

async function record(prelude: string): Promise<Guess[]> {
  const pair = await startFollowedPair();
  closers.push(() => pair.stop());
  const clients: ServiceClient[] = [];
  for (let i = 0; i < 2; i++) {
    const store = await openStore({ url: pair.url, prelude });
    const app = await startApp({ ...SETTINGS, store, providers: [createConsoleProvider(() => undefined)] });
    closers.push(() => app.stop());
    clients.push(app.client('grpc'));
  }

  const history: Guess[] = [];
  const sent: Sent[] = [];
  let answers = 0;
  let serial = 0;

  async function send(client: ServiceClient): Promise<void> {
    const answer = await client.call(sendCode, { phone: phoneAt(randomInt(PHONES)), purpose });
    if (answer.status !== 'UNAVAILABLE') answers++;
    if (answer.status === 'OK') sent.push(answer.message);
    else expect(['UNAVAILABLE', 'RESOURCE_EXHAUSTED']).toContain(answer.status);
  }

  const attempt = ({ verificationId, code }: Sent, right: boolean): Attempt => ({
    verificationId,
    requestId: `request-${serial++}`,
    right,
    code: right ? code : wrongCode(code, 1 + randomInt(9)),
  });

  async function guess(client: ServiceClient, { code, ...made }: Attempt): Promise<void> {
    const { verificationId, requestId } = made;
    const invoked = performance.now();
    const answer = await client.call(checkCode, { verificationId, purpose, code, requestId });
    const known = answer.status === 'OK' ? answer.message : null;
    if (known !== null) answers++;
    else expect(answer.status).toBe('UNAVAILABLE');
    history.push({
      ...made,
      invoked,
      returned: performance.now(),
      result: known === null ? 'unknown' : resultOf(known.result),
      remaining: known?.attemptsRemaining ?? 0,
    });
  }

  /** Sends, or guesses at a code of late, or asks again about its last guess. */
  async function caller(client: ServiceClient): Promise<void> {
    let last: Attempt | undefined;
    while (answers < ANSWERS) {
      const target = sent.at(-1 - randomInt(Math.min(RECENT, sent.length + 1)));
      const dice = randomInt(10);
      if (target === undefined || dice === 0) await send(client);
      else {
        if (last === undefined || dice > 1) last = attempt(target, randomInt(3) === 0);
        await guess(client, last);
      }
    }
  }

  const callers = Promise.all(Array.from({ length: CALLERS }, (_, index) => caller(cycle(clients, index))));
  pair.lag(LAG_MS);
  await eventually('half of it', () => answers > ANSWERS / 2, { everyMs: 1 });
  await pair.failOver();
  await callers;
  // What was approved is tried once more.
  const approved = new Set(history.filter(({ result }) => result === 'APPROVED').map((guess) => guess.verificationId));
  const again = sent.filter(({ verificationId }) => approved.delete(verificationId));
  await forAll(again, CALLERS, (code, index) => guess(cycle(clients, index), attempt(code, true)));
  expect(await expiringKeys(pair.replica)).toBeGreaterThan(PHONES);
  return history;
}

function resultOf(result: CheckResult): Guess['result'] {
  return CheckResultSchema.value[result]?.localName as Guess['result'];
}

function summary(history: readonly Guess[]): string {
  const ids = new Set(history.map(({ verificationId }) => verificationId));
  return `${history.length} guesses at ${ids.size} codes over a failover: ${JSON.stringify(tally(history.map(({ result }) => result)))}`;
}

describe('random sends and guesses over the kill of a primary', () => {
  it('break no promise', async () => {
    const history = await record('');
    figure(summary(history));
    expect(violations(history)).toEqual([]);
    expect(Object.keys(tally(history.map(({ result }) => result))).sort()).toEqual(RESULTS);
  });

  it('without the fence break some', async () => {
    const history = await record("local function replication_id() return 'off' end");
    const found = violations(history);
    figure(`control: ${found.length} broken promises without the fence in ${summary(history)}`);
    expect(found.length).toBeGreaterThan(0);
  });
});

describe('a history is refused in which', () => {
  const right = { verificationId: 'v', right: true, result: 'APPROVED', remaining: 0 } as const;
  const wrong = { verificationId: 'v', right: false, result: 'WRONG_CODE', remaining: 4 } as const;
  const at = (invoked: number) => ({ invoked, returned: invoked + 1, requestId: `request-${invoked}` });
  const cases: [what: string, history: Guess[], rule: string][] = [
    ['two requests were approved', [0, 2].map((time) => ({ ...right, ...at(time) })), 'approved more than once'],
    [
      'more guesses were compared than there are',
      Array.from({ length: GUESSES + 1 }, (_, time) => ({ ...wrong, ...at(2 * time), remaining: 9 - time })),
      'more guesses compared than a code allows',
    ],
    [
      'a wrong guess was approved',
      [{ ...right, ...at(0), right: false }],
      'a right guess called wrong, or a wrong one right',
    ],
    [
      'a guess was compared after the approval',
      [
        { ...right, ...at(0) },
        { ...wrong, ...at(2) },
      ],
      'compared after it was approved',
    ],
    [
      'a guess was compared after the last one',
      [
        { ...wrong, ...at(0), result: 'EXHAUSTED' },
        { ...wrong, ...at(2) },
      ],
      'compared after it was exhausted',
    ],
    [
      'guesses came back',
      [
        { ...wrong, ...at(0), remaining: 3 },
        { ...wrong, ...at(2), remaining: 4 },
      ],
      'guesses came back',
    ],
    [
      'two guesses were told the same',
      [
        { ...wrong, ...at(0) },
        { ...wrong, ...at(0.5) },
      ],
      'two guesses were told the same number of guesses left',
    ],
  ];

  it.each(cases)('%s', (_, history, rule) => {
    expect(violations(history).map((text) => text.split(':')[0])).toContain(rule);
  });

  it('and none is where replays say what was said and doubts say nothing', () => {
    const history: Guess[] = [
      { ...wrong, ...at(0) },
      { ...wrong, ...at(0) },
      { ...right, ...at(2), result: 'unknown' },
      { ...right, ...at(2) },
      { ...right, ...at(4), result: 'NOT_FOUND' },
    ];
    expect(violations(history)).toEqual([]);
  });
});
