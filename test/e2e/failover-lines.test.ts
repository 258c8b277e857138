/**
 * What docs/operations.md says under "What a failover does", a line a test: each user's story is told twice, once where
 * the replica had everything and once where it had heard of nothing that came last. test/docs/promises.ts names them.
 */
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { SENDING_MS } from '../../src/domain/deadlines.ts';
import {
  DeliveryStatus,
  VerificationService,
  VerificationState,
} from '../../src/gen/countersign/v1/verification_pb.ts';
import type { SendResult } from '../../src/sms/provider.ts';
import { type RunningApp, startApp } from '../support/app.ts';
import { type Answer, ok } from '../support/clients.ts';
import { startFollowedPair } from '../support/followed-pair.ts';
import { startProxy } from '../support/proxy.ts';
import { startPair } from '../support/redis-pair.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { connected, type VirtualOptions, virtualRedisStore } from '../support/virtual-redis.ts';
import { eventually } from '../support/wait.ts';
import { createUser, type User } from './user.ts';

const { getVerification, cancelVerification } = VerificationService.method;

const SECRET = 'a secret of at least 32 bytes, for tests';
/** So that no two codes are equal by chance. */
const DIGITS = { SMS_CODE_DIGITS: '8' };
const MINUTE = 60_000;
const ACCEPTED: SendResult = { kind: 'accepted', messageId: 'm', segments: 1 };
const AWAY: SendResult = { kind: 'unavailable', category: 'transient', vendorCode: '503' };

const closers: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const said = (answer: Answer<unknown>) => (answer.status === 'OK' ? 'OK' : answer.details.ErrorInfo?.reason);

/** A service whose clock the test turns, on a primary with a replica. */
async function startWorld(plant?: VirtualOptions['plant']) {
  const pair = await startFollowedPair();
  closers.push(() => pair.stop());
  let now = 1_800_000_000_000;
  let drawn = 0;
  const store = await connected(
    virtualRedisStore({ keyPrefix: 'cs', now: () => now, urls: [pair.url], ...(plant && { plant }) }),
  );
  const app = await startApp({ store, env: { COUNTERSIGN_SECRET: SECRET, ...DIGITS } });
  closers.push(() => app.stop());
  const held = new Map<string, Promise<SendResult>>();
  app.inbox.answer(({ to }) => held.get(to) ?? Promise.resolve(ACCEPTED));
  const user = () => {
    drawn += 1;
    return createUser(app, { protocol: drawn % 2 === 0 ? 'grpc' : 'json', phone: `+1415${2_000_000 + drawn}` });
  };
  return {
    app,
    pair,
    user,
    pass: (ms: number) => {
      now += ms;
    },
    /** A send that is with its provider until the returned function tells what became of it. */
    holding: async (of: User, requestId: string) => {
      const { promise, resolve } = Promise.withResolvers<SendResult>();
      held.set(of.phone, promise);
      const answer = of.send({ requestId });
      await eventually('the provider has it', () => of.received() === 1, { everyMs: 5 });
      return async (result: SendResult) => {
        resolve(result);
        held.delete(of.phone);
        return said(await answer);
      };
    },
    notFound: async () => {
      const metrics = await (await fetch(`${app.ops}/metrics`)).text();
      return Number(/^countersign_checks_total\{result="not_found"\} (\d+)/m.exec(metrics)?.[1]);
    },
  };
}

type World = Awaited<ReturnType<typeof startWorld>>;

interface Story {
  readonly line: string;
  /** What the replica has heard of. Returns what only the primary hears of, and that returns the end of the story. */
  begin(world: World): Promise<() => Promise<(lost: boolean) => Promise<void>>>;
}

const nothing = (end: (lost: boolean) => Promise<void>) => async () => end;

const STORIES: readonly Story[] = [
  {
    // First: it takes half an hour.
    line: 'wrong guesses: the budget counts as if they had not been made, and the next code has as many more guesses',
    begin: async (world) => {
      const user = world.user();
      for (let code = 0; code < 3; code++) {
        ok(await user.send());
        for (let n = 1; n <= 5; n++) expect(await user.verdict(user.wrong(n))).toBe('WRONG_CODE');
        world.pass(10 * MINUTE);
      }
      ok(await user.send());
      return async () => {
        for (let n = 1; n <= 4; n++) expect(await user.verdict(user.wrong(n))).toBe('WRONG_CODE');
        expect((await user.status()).guessBudget).toMatchObject({ used: 19, remaining: 1 });
        return async (lost) => {
          // At one code there are never more than its own, since it died.
          expect(await user.verdict(user.wrong(5))).toBe('NOT_FOUND');
          expect((await user.status()).guessBudget).toMatchObject({ used: lost ? 15 : 19, limit: 20 });
          ok(await user.send());
          expect(await user.record()).toMatchObject({ attemptsRemaining: lost ? 1 + 4 : 1 });
        };
      };
    },
  },
  {
    line: 'codes that were outstanding answer NOT_FOUND; GetVerification shows them EXPIRED; a new code at once',
    begin: async (world) => {
      const user = world.user();
      ok(await user.send());
      expect((await user.send()).status).toBe('RESOURCE_EXHAUSTED');
      return nothing(async () => {
        expect(await user.verdict(user.code())).toBe('NOT_FOUND');
        expect(await user.record()).toMatchObject({ state: VerificationState.EXPIRED, attempts: 0 });
        ok(await user.send());
        expect((await user.status()).limits.map(({ used }) => used)).toEqual([2, 2]);
        expect(await user.verdict(user.code())).toBe('APPROVED');
      });
    },
  },
  {
    line: 'a repeated SendCode whose code died is CODE_LOST, and its cooldown holds no new request_id',
    begin: async (world) => {
      const user = world.user();
      ok(await user.send({ requestId: 'first' }));
      return nothing(async () => {
        for (let n = 0; n < 2; n++) expect(said(await user.send({ requestId: 'first' }))).toBe('CODE_LOST');
        expect(user.received()).toBe(1);
        ok(await user.send({ requestId: 'second' }));
        expect(user.received()).toBe(2);
        expect(await user.verdict(user.code())).toBe('APPROVED');
      });
    },
  },
  {
    line: 'one bump of countersign_checks_total{result="not_found"}: of the codes that died, and of none after them',
    begin: async (world) => {
      const users = Array.from({ length: 10 }, () => world.user());
      for (const user of users) ok(await user.send());
      return nothing(async () => {
        const before = await world.notFound();
        for (const user of users) expect(await user.verdict(user.code())).toBe('NOT_FOUND');
        expect(await world.notFound()).toBe(before + users.length);
        for (const user of users) ok(await user.send());
        for (const user of users) expect(await user.verdict(user.code())).toBe('APPROVED');
        expect(await world.notFound()).toBe(before + users.length);
      });
    },
  },
  {
    line: 'an approval: GetVerification does not know it, a repeated CheckCode says NOT_FOUND in place of APPROVED',
    begin: async (world) => {
      const user = world.user();
      ok(await user.send());
      for (let n = 1; n <= 3; n++) expect(await user.verdict(user.wrong(n))).toBe('WRONG_CODE');
      return async () => {
        const check = () => user.verdict(user.code(), { requestId: 'right' });
        expect(await check()).toBe('APPROVED');
        expect(await check()).toBe('APPROVED');
        return async (lost) => {
          const { state, approvedAt, phoneVerifiedAt } = await user.record();
          expect(state).toBe(lost ? VerificationState.EXPIRED : VerificationState.APPROVED);
          expect([approvedAt === undefined, phoneVerifiedAt === undefined]).toEqual([lost, lost]);
          expect(await check()).toBe(lost ? 'NOT_FOUND' : 'APPROVED');
          // Codes cannot be used twice, and the budget that it cleared is as before.
          expect(await user.verdict(user.code())).toBe('NOT_FOUND');
          expect((await user.status()).guessBudget).toMatchObject({ used: lost ? 3 : 0 });
        };
      };
    },
  },
  {
    line: 'sends: windows and cooldown count as if they had not been made, and their ids are unknown',
    begin: async (world) => {
      const user = world.user();
      return async () => {
        ok(await user.send());
        // The cooldown of a code that died is waived in any case; that of a used one is not.
        expect(await user.verdict(user.code())).toBe('APPROVED');
        return async (lost) => {
          const { cooldown, limits } = await user.status();
          expect(cooldown).toMatchObject({ active: !lost });
          expect(limits.map(({ used }) => used)).toEqual(lost ? [0, 0] : [1, 1]);
          const id = { verificationId: user.id, purpose: 'login' };
          const known = await world.app.client('json').call(getVerification, id);
          expect(said(known)).toBe(lost ? 'VERIFICATION_NOT_FOUND' : 'OK');
          expect(said(await user.send())).toBe(lost ? 'OK' : 'COOLDOWN');
        };
      };
    },
  },
  {
    line: 'the answer of a request_id: a repeated SendCode is a new one, and sends a second SMS, with another code',
    begin: async (world) => {
      const user = world.user();
      return async () => {
        ok(await user.send({ requestId: 'once' }));
        const first = user.code();
        return async (lost) => {
          expect(said(await user.send({ requestId: 'once' }))).toBe(lost ? 'OK' : 'CODE_LOST');
          expect(user.received()).toBe(lost ? 2 : 1);
          expect(user.code() === first).toBe(!lost);
          expect(await user.verdict(user.code())).toBe(lost ? 'APPROVED' : 'NOT_FOUND');
        };
      };
    },
  },
  {
    line: 'how a send ended: a charge that was given back is there again',
    begin: async (world) => {
      const user = world.user();
      const end = await world.holding(user, 'refunded');
      return async () => {
        expect(await end(AWAY)).toBe('DELIVERY_UNAVAILABLE');
        return async (lost) => {
          expect((await user.status()).limits.map(({ used }) => used)).toEqual(lost ? [1, 1] : [0, 0]);
        };
      };
    },
  },
  {
    // Last: it lets time pass.
    line: 'how a send ended: its delivery is UNKNOWN, repeats are SEND_UNDER_WAY until 15 seconds after it, then a new send',
    begin: async (world) => {
      const user = world.user();
      const end = await world.holding(user, 'orphan');
      return async () => {
        expect(await end(ACCEPTED)).toBe('OK');
        const first = user.code();
        return async (lost) => {
          const again = async () => said(await user.send({ requestId: 'orphan' }));
          expect(SENDING_MS).toBe(15_000);
          world.pass(SENDING_MS - 1);
          expect(await again()).toBe(lost ? 'SEND_UNDER_WAY' : 'CODE_LOST');
          world.pass(1);
          const { delivery } = await user.record();
          expect(delivery?.status).toBe(lost ? DeliveryStatus.UNKNOWN : DeliveryStatus.ACCEPTED);
          expect(await again()).toBe(lost ? 'OK' : 'CODE_LOST');
          expect(user.received()).toBe(lost ? 2 : 1);
          expect(user.code() === first).toBe(!lost);
        };
      };
    },
  },
];

describe.each([
  { what: 'what was not replicated is lost', lost: true },
  { what: 'negative control: what was replicated is not', lost: false },
])('after a failover, $what:', ({ lost }) => {
  const ends: ((lost: boolean) => Promise<void>)[] = [];
  beforeAll(async () => {
    const world = await startWorld();
    const lasts: Awaited<ReturnType<Story['begin']>>[] = [];
    for (const { begin } of STORIES) lasts.push(await begin(world));
    await world.pair.caughtUp();
    if (lost) world.pair.replication.stall('replies');
    for (const last of lasts) ends.push(await last());
    if (!lost) await world.pair.caughtUp();
    await world.pair.failOver();
    await eventually('the new primary is found', () => world.user().status());
  });

  it.each(STORIES.map(({ line }, index) => [line, index] as const))('%s', async (_, index) => {
    await ends[index]?.(lost);
  });
});

it('negative control: without the history in the record, a code that was used is good once more', async () => {
  const world = await startWorld((_, lua) => lua.replace('return history', "return 'off'"));
  const user = world.user();
  ok(await user.send());
  await world.pair.caughtUp();
  world.pair.replication.stall('replies');
  expect(await user.verdict(user.code())).toBe('APPROVED');
  await world.pair.failOver();
  await eventually('the new primary is found', () => user.status());
  expect(await user.verdict(user.code())).toBe('APPROVED');
});

/** A service on the clock of Redis. Resolves when it has reached it. */
async function serve(url: string): Promise<RunningApp> {
  const app = await startApp({ env: { REDIS_URL: url, COUNTERSIGN_SECRET: SECRET, ...DIGITS } });
  closers.push(() => app.stop());
  await eventually('the app has reached Redis', async () => (await fetch(`${app.ops}/readyz`)).ok);
  return app;
}

const PHONE = '+14155550101';
const userOf = (app: RunningApp, phone = PHONE) => createUser(app, { protocol: 'grpc', phone });

async function redisOf(atEnd: TestContext['onTestFinished'], args: readonly string[] = []): Promise<RedisServer> {
  const redis = await startRedis({ args });
  atEnd(() => redis.stop());
  return redis;
}

it.each(['nobody has taken its place', 'the address leads to a replica'])(
  'while there is no primary, calls are refused with STORE_UNAVAILABLE and RetryInfo; nothing is sent or approved: %s',
  async (which) => {
    const pair = await startPair();
    closers.push(() => pair.stop());
    const upstream = { host: pair.primary.host, port: pair.primary.port };
    const address = await startProxy(upstream);
    closers.push(() => address.close());
    const app = await serve(`redis://${address.host}:${address.port}`);
    const [user, other] = [userOf(app), userOf(app, '+14155550102')];
    ok(await user.send());
    await pair.caughtUp();
    await pair.primary.kill('SIGKILL');
    if (which !== 'nobody has taken its place') upstream.port = pair.replica.port;
    address.cut();

    const client = app.client('grpc');
    const id = { verificationId: user.id, purpose: 'login' };
    for (let round = 0; round < 3; round++) {
      const answers = [
        await other.send(),
        await user.check(user.code()),
        await client.call(VerificationService.method.rateStatus, { phone: PHONE, purpose: 'login' }),
        await client.call(getVerification, id),
        await client.call(cancelVerification, id),
      ];
      for (const answer of answers) {
        const details = { ErrorInfo: { reason: 'STORE_UNAVAILABLE' }, RetryInfo: { retryDelay: '1s' } };
        expect(answer).toMatchObject({ status: 'UNAVAILABLE', details });
      }
    }
    expect(app.inbox.messages).toHaveLength(1);
  },
);

describe('the history also changes', () => {
  const historyOf = async (redis: RedisServer) => {
    const client = redis.connect();
    const info = await client.info('replication');
    client.disconnect();
    return /^master_replid:(\w+)/m.exec(info)?.[1];
  };
  const inSync = (replica: RedisServer) =>
    eventually('the replica is in sync', async () =>
      /^master_link_status:up/m.test(await replica.connect().info('replication')),
    );

  it.for([
    ['killed, with appendonly', ['--appendonly', 'yes', '--appendfsync', 'always'], 'SIGKILL'],
    ['ended in good order, with a snapshot', ['--save', '3600 1'], 'SIGTERM'],
  ] as const)('when Redis restarts: %s', async ([, args, signal], { onTestFinished: atEnd }) => {
    const redis = await redisOf(atEnd, args);
    const user = userOf(await serve(redis.url));
    ok(await user.send());
    if (signal === 'SIGKILL') await redis.kill(signal);
    await redis.restart();
    const { limits } = await eventually('Redis is back', () => user.status());
    // Everything is there, but the code is dead.
    expect(limits.map(({ used }) => used)).toEqual([1, 1]);
    expect(await user.verdict(user.code())).toBe('NOT_FOUND');
    ok(await user.send());
    expect(await user.verdict(user.code())).toBe('APPROVED');
  });

  it('a restart loses, as above, what was not yet on its disk', async ({ onTestFinished: atEnd }) => {
    const redis = await redisOf(atEnd);
    const user = userOf(await serve(redis.url));
    ok(await user.send({ requestId: 'once' }));
    for (let n = 1; n <= 4; n++) expect(await user.verdict(user.wrong(n))).toBe('WRONG_CODE');
    await redis.restart();
    const { limits, guessBudget, canSend } = await eventually('Redis is back', () => user.status());
    expect(limits.map(({ used }) => used)).toEqual([0, 0]);
    expect({ canSend, used: guessBudget?.used }).toEqual({ canSend: true, used: 0 });
    ok(await user.send({ requestId: 'once' }));
    expect(user.received()).toBe(2);
  });

  it('when a lone primary gets its first replica, and with no other replica', async ({ onTestFinished: atEnd }) => {
    const [primary, first, second] = [await redisOf(atEnd), await redisOf(atEnd), await redisOf(atEnd)];
    const app = await serve(primary.url);
    const [before, after] = [userOf(app), userOf(app, '+14155550102')];
    ok(await before.send());
    await first.connect().replicaof(primary.host, primary.port);
    await inSync(first);
    expect(await before.verdict(before.code())).toBe('NOT_FOUND');
    ok(await after.send());
    await second.connect().replicaof(primary.host, primary.port);
    await inSync(second);
    expect(await after.verdict(after.code())).toBe('APPROVED');
  });

  it('when the backlog is freed (repl-backlog-ttl 0 prevents that)', async () => {
    const worlds = await Promise.all(
      ['1', '0'].map(async (ttl) => {
        const pair = await startPair(['--repl-backlog-ttl', ttl]);
        closers.push(() => pair.stop());
        const user = userOf(await serve(pair.primary.url));
        ok(await user.send());
        return { pair, user, history: await historyOf(pair.primary) };
      }),
    );
    const [freed, kept] = worlds as [(typeof worlds)[number], (typeof worlds)[number]];
    // The one that keeps it first, so that its time would be over first.
    for (const { pair } of [kept, freed]) {
      pair.replication.refuse();
      pair.replication.cut();
    }
    await eventually('the backlog is freed', async () => (await historyOf(freed.pair.primary)) !== freed.history);
    expect(await historyOf(kept.pair.primary)).toBe(kept.history);
    expect(await freed.user.verdict(freed.user.code())).toBe('NOT_FOUND');
    expect(await kept.user.verdict(kept.user.code())).toBe('APPROVED');
  });
});
