/** Between the service and Redis a proxy lets commands through and loses the replies: was it done, or was it not? */
import { beforeAll, describe, expect, it } from 'vitest';
import { DeliveryStatus } from '../../src/gen/countersign/v1/verification_pb.ts';
import { ok, type Protocol } from '../support/clients.ts';
import type { RedisCommand, RedisProxy } from '../support/redis-proxy.ts';
import { eventually } from '../support/wait.ts';
import { createStage, figure, without } from './stage.ts';
import { createUser, tally, type User } from './user.ts';

const LANES = 50;
const ROUNDS = 2;

const stage = createStage();
const isScript = ({ name }: RedisCommand) => name === 'EVALSHA' || name === 'EVAL';

interface Lane {
  user(): User;
  /** Runs a call whose reply from Redis is lost. */
  losing(call: () => Promise<string>): Promise<string>;
}

/** Lose replies side by side: each has an app and a proxy of its own. */
let lanes: Lane[];
beforeAll(async () => {
  lanes = await Promise.all(
    Array.from({ length: LANES }, async (_, index) => {
      const app = await stage.startProxied();
      const protocol: Protocol = index % 2 === 0 ? 'grpc' : 'json';
      return {
        user: () => createUser(app, { protocol, phone: stage.phone() }),
        losing: async (call: () => Promise<string>) => {
          const before = app.proxy.lost();
          app.proxy.loseReplies((command) => isScript(command) && app.proxy.lost() === before);
          const answer = await call();
          expect(app.proxy.lost()).toBe(before + 1);
          return answer;
        },
      };
    }),
  );
});

/** Plays a round in every lane until there are 100; tells what each answered. */
async function hundredTimes(round: (lane: Lane, serial: number) => Promise<string>): Promise<Record<string, number>> {
  const answers: string[] = [];
  const play = async (lane: Lane, index: number) => {
    for (let turn = 0; turn < ROUNDS; turn++) answers.push(await round(lane, index * ROUNDS + turn));
  };
  await Promise.all(lanes.map(play));
  return tally(answers);
}

/** A caller repeats what was UNAVAILABLE until it is told. */
const repeated = (call: () => Promise<string>) =>
  eventually(
    'an answer',
    async () => {
      const answer = await call();
      return answer !== 'UNAVAILABLE' && answer;
    },
    { everyMs: 60 },
  );

/** Says so to RateStatus. */
const givenBack = (user: User) =>
  eventually('the charge is given back', async () => (await user.status()).canSend, { everyMs: 60 });

describe('a lost reply to CheckCode', () => {
  it('with the same request_id the right code is APPROVED, 100 of 100', async () => {
    const answers = await hundredTimes(async ({ user: create, losing }, serial) => {
      const user = create();
      ok(await user.send());
      const guess = () => user.verdict(user.code(), { requestId: `guess-${serial}` });
      expect(await losing(guess)).toBe('UNAVAILABLE');
      return await repeated(guess);
    });
    expect(answers).toEqual({ APPROVED: 100 });
    figure(`reply to a right check lost, same request_id: ${answers.APPROVED} of 100 APPROVED`);
  });

  it('negative control: without a request_id the right code comes back NOT_FOUND, 100 of 100', async () => {
    const answers = await hundredTimes(async ({ user: create, losing }) => {
      const user = create();
      ok(await user.send());
      const guess = () => user.verdict(user.code());
      expect(await losing(guess)).toBe('UNAVAILABLE');
      return await repeated(guess);
    });
    expect(answers).toEqual({ NOT_FOUND: 100 });
    figure(`reply to a right check lost, no request_id: ${answers.NOT_FOUND} of 100 NOT_FOUND`);
  });

  it.each([
    ['costs one with the same request_id', 'a wrong guess', 1],
    ['negative control: costs two without', '', 2],
  ])('one wrong guess %s', async (_, requestId, cost) => {
    for (const lane of lanes.slice(0, 2)) {
      const user = lane.user();
      ok(await user.send());
      const guess = () => user.verdict(user.wrong(), { requestId });
      expect(await lane.losing(guess)).toBe('UNAVAILABLE');
      expect(await repeated(guess)).toBe('WRONG_CODE');
      expect(await user.record()).toMatchObject({ attempts: cost, attemptsRemaining: 5 - cost });
      expect((await user.status()).guessBudget).toMatchObject({ used: cost });
      expect(await user.verdict(user.code())).toBe('APPROVED');
    }
  });
});

describe('1,000 different codes under one request_id', () => {
  /** 8 digits, so that none of a thousand codes turns up by chance in what Redis holds. */
  const env = { SMS_CODE_DIGITS: '8' };

  /** The right code is among them. */
  async function flood(user: User): Promise<Record<string, number>> {
    ok(await user.send());
    const verdicts: string[] = [];
    for (let first = 0; first < 1_000; first += 100) {
      const guesses = Array.from({ length: 100 }, (_, n) => user.wrong(first + n + 1));
      if (first === 500) guesses[50] = user.code();
      verdicts.push(...(await Promise.all(guesses.map((guess) => user.verdict(guess, { requestId: 'the same' })))));
    }
    return tally(verdicts);
  }

  it.each(['grpc', 'json'] as const)('are one comparison over %s', async (protocol) => {
    const app = await stage.startVirtual({ env });
    const user = createUser(app, { protocol, phone: stage.phone() });
    const verdicts = await flood(user);
    expect(verdicts).toEqual({ WRONG_CODE: 1, INVALID_ARGUMENT: 999 });
    expect(await user.record()).toMatchObject({ attempts: 1, attemptsRemaining: 4 });
    expect(await user.verdict(user.code(), { requestId: 'another' })).toBe('APPROVED');
    figure(`1000 codes under one request_id, ${protocol}: ${verdicts.WRONG_CODE} compared, 999 refused`);
  });

  it('negative control: a replay that compares again without a charge finds the right one', async () => {
    const compareAgain =
      "return { redis.call('HGET', record_key, 'mac') == mac and 'APPROVED' or 'WRONG', stored.nonce, '4' }";
    const plant = without('check', { "return { 'REQUEST_ID_REUSED' }": compareAgain });
    const user = createUser(await stage.startVirtual({ env, plant }), { protocol: 'grpc', phone: stage.phone() });
    expect(await flood(user)).toEqual({ WRONG_CODE: 999, APPROVED: 1 });
    expect(await user.record()).toMatchObject({ attempts: 1 });
  });
});

describe('a lost reply to the reservation of SendCode', () => {
  const sent = async (user: User, requestId: string) => {
    const answer = await user.send({ requestId });
    return answer.status === 'OK' ? 'OK' : answer.status;
  };

  /** The reply to the next command is lost, and nothing gets through afterwards. */
  function loseTouch(proxy: RedisProxy): void {
    proxy.loseReplies((command) => {
      if (isScript(command)) proxy.refuse();
      return isScript(command);
    });
  }

  it('nothing is sent; once given back, a retry with the same request_id sends exactly 1 SMS', async () => {
    const users: User[] = [];
    const answers = await hundredTimes(async ({ user: create, losing }, serial) => {
      const user = create();
      users.push(user);
      expect(await losing(() => sent(user, `send-${serial}`))).toBe('UNAVAILABLE');
      expect(user.received()).toBe(0);
      await givenBack(user);
      return await sent(user, `send-${serial}`);
    });
    expect(answers).toEqual({ OK: 100 });
    const received = users.map((user) => user.received());
    expect(tally(received.map(String))).toEqual({ 1: 100 });
    for (const user of users) expect(await user.verdict(user.code())).toBe('APPROVED');
    figure(`reply to a reservation lost, then retried: ${received.length} SMS to 100 users`);
  });

  it('a retry before that sends nothing either: the answer is the stored one', async () => {
    const app = await stage.startProxied();
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    loseTouch(app.proxy);
    expect(await sent(user, 'early')).toBe('UNAVAILABLE');
    const other = createUser(await stage.start(), { protocol: 'grpc', phone: user.phone });
    expect(ok(await other.send({ requestId: 'early' })).delivery).toMatchObject({ status: DeliveryStatus.SENDING });
    expect(user.received() + other.received()).toBe(0);
    app.proxy.keepReplies();
    await app.proxy.accept();
    await givenBack(other);
    ok(await other.send({ requestId: 'early' }));
    expect(other.received()).toBe(1);
  });

  it('negative control: without the refund the retry is the answer to an SMS that nobody sent', async () => {
    const app = await stage.startProxied();
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    loseTouch(app.proxy);
    expect(await sent(user, 'kept')).toBe('UNAVAILABLE');
    // Its process ends before Redis can be told.
    await app.stop();
    const other = createUser(await stage.start(), { protocol: 'grpc', phone: user.phone });
    expect(ok(await other.send({ requestId: 'kept' })).delivery).toMatchObject({ status: DeliveryStatus.SENDING });
    expect(await other.status()).toMatchObject({ canSend: false, blockedBy: 'cooldown' });
    expect(other.received()).toBe(0);
  });
});

describe('a lost reply to the settlement', () => {
  it('the SMS was sent once and the caller is told so; the record says it as soon as Redis is back', async () => {
    const app = await stage.startProxied();
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    app.inbox.answer(async () => {
      app.proxy.loseReplies(isScript);
      return { kind: 'accepted', messageId: 'm-1', segments: 1 };
    });
    expect(ok(await user.send({ requestId: 'once' })).delivery).toMatchObject({ provider: 'inbox', messageId: 'm-1' });
    app.proxy.keepReplies();
    await eventually('the record says so', async () => (await user.record()).delivery?.messageId === 'm-1');
    expect(ok(await user.send({ requestId: 'once' })).delivery).toMatchObject({ messageId: 'm-1' });
    expect(user.received()).toBe(1);
    expect(await user.verdict(user.code())).toBe('APPROVED');
  });
});
