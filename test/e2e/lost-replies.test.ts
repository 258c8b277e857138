/** Between the service and Redis a proxy lets commands through and loses the replies: was it done, or was it not? */
import { beforeAll, describe, expect, it } from 'vitest';
import { SENDING_MS } from '../../src/domain/deadlines.ts';
import { DeliveryStatus } from '../../src/gen/countersign/v1/verification_pb.ts';
import { ok, type Protocol } from '../support/clients.ts';
import type { RedisCommand, RedisProxy } from '../support/redis-proxy.ts';
import { eventually } from '../support/wait.ts';
import { createStage, figure, type VirtualStart, without } from './stage.ts';
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
    const compareAgain = "return { record.mac == bound_mac(mac, record) and 'APPROVED' or 'WRONG', verified, 4 }";
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

  it('a retry before that is UNAVAILABLE: there is no SMS that it could be the answer to', async () => {
    const app = await stage.startProxied();
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    loseTouch(app.proxy);
    expect(await sent(user, 'early')).toBe('UNAVAILABLE');
    const other = createUser(await stage.start(), { protocol: 'grpc', phone: user.phone });
    expect(await sent(other, 'early')).toBe('UNAVAILABLE');
    expect(user.received() + other.received()).toBe(0);
    app.proxy.keepReplies();
    await app.proxy.accept();
    expect(await repeated(() => sent(other, 'early'))).toBe('OK');
    expect(other.received()).toBe(1);
  });

  describe('a process that ends before it could settle', () => {
    const request = { requestId: 'orphan' };

    /** One app hands the message to its provider and is not heard of again; another one gets the repeats. */
    async function orphaned(plant?: VirtualStart['plant']) {
      const [first, second] = await Promise.all([
        stage.startVirtual(),
        stage.startVirtual({ ...(plant && { plant }) }),
      ]);
      const user = createUser(first, { protocol: 'grpc', phone: stage.phone() });
      const other = createUser(second, { protocol: 'json', phone: user.phone });
      const silence = Promise.withResolvers<void>();
      first.inbox.answer(async () => {
        await silence.promise;
        return { kind: 'accepted', messageId: 'late', segments: 1 };
      });
      const lost = user.send(request);
      await eventually('the provider has it', () => user.received() === 1, { everyMs: 2 });
      return { user, other, lost, silence };
    }

    it('holds a repeat for as long as it could act, then the same code is sent once more', async () => {
      const { user, other, lost, silence } = await orphaned();
      expect(await sent(other, 'orphan')).toBe('UNAVAILABLE');
      stage.clock.pass(SENDING_MS - 1);
      expect(await sent(other, 'orphan')).toBe('UNAVAILABLE');
      expect(other.received()).toBe(0);
      stage.clock.pass(1);
      expect(ok(await other.send(request)).delivery).toMatchObject({ status: DeliveryStatus.ACCEPTED });
      expect(ok(await other.send(request)).delivery).toMatchObject({ status: DeliveryStatus.ACCEPTED });
      expect([user.received(), other.received()]).toEqual([1, 1]);
      expect(other.code()).toBe(user.code());
      expect((await other.status()).limits[0]).toMatchObject({ used: 2 });
      expect(await other.verdict(user.code())).toBe('APPROVED');
      silence.resolve();
      await lost;
    });

    it('negative control: answered by what is stored, the repeat is OK without an SMS of its own', async () => {
      const { other, lost, silence } = await orphaned(without('send', { 'not delivery and lease_left > 0': 'false' }));
      expect(ok(await other.send(request)).delivery).toBeDefined();
      silence.resolve();
      await lost;
    });
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
