/**
 * A server under load while its Redis is taken away again and again. What a single caller sees of each kind of outage
 * is in test/e2e/fail-closed.test.ts, and how soon it is answered in test/deadlines/fail-closed.test.ts.
 */
import { afterEach, expect, it } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { type Answer, ok, openClient, type ServiceClient } from '../support/clients.ts';
import { startProxy, type TcpProxy } from '../support/proxy.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type CountersignServer, startServer } from '../support/server.ts';
import { eventually } from '../support/wait.ts';
import { cycle, expiringKeys, figure, forAll, phoneAt, scaled, tally } from './load.ts';

const { sendCode, checkCode, rateStatus } = VerificationService.method;

const purpose = 'login';
const CALLERS = 20;
const FLAT_MIB = 48;
/** So little that garbage must be collected all the time: otherwise the size of a process says nothing. */
const SMALL_HEAP = '--max-old-space-size=64 --max-semi-space-size=4';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(
  redisUrl: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ server: CountersignServer; clients: ServiceClient[] }> {
  const secret = 'a secret of at least 32 bytes, for tests';
  const server = await startServer({
    REDIS_URL: redisUrl,
    COUNTERSIGN_SECRET: secret,
    LOG_LEVEL: 'silent',
    // As by default: replies are to be lost.
    REDIS_COMMAND_TIMEOUT_MS: '400',
    ...env,
  });
  closers.push(() => server.stop());
  const clients = Array.from({ length: 4 }, () => openClient('grpc', server));
  closers.push(async () => {
    for (const client of clients) client.close();
  });
  return { server, clients };
}

/** Callers who never stop: each sends a code to a phone of its own, checks it twice, and goes on to the next phone. */
function startLoad(clients: readonly ServiceClient[]) {
  const answers: { method: string; status: string; ms: number }[] = [];
  const approvals = new Map<string, Set<string>>();
  const refused: string[] = [];
  let sent = 0;
  let phones = 0;
  let going = true;

  async function timed<M>(method: string, call: Promise<Answer<M>>): Promise<Answer<M>> {
    const start = performance.now();
    const answer = await call;
    const reason = answer.status === 'OK' ? '' : ` ${answer.details.ErrorInfo?.reason}`;
    answers.push({ method, status: `${answer.status}${reason}`, ms: performance.now() - start });
    return answer;
  }

  async function check(client: ServiceClient, guess: { verificationId: string; code: string }, requestId: string) {
    const answer = await timed('check', client.call(checkCode, { ...guess, purpose, requestId }));
    if (answer.status !== 'OK' || answer.message.result !== CheckResult.APPROVED) return;
    const by = approvals.get(guess.verificationId) ?? new Set();
    approvals.set(guess.verificationId, by.add(requestId));
  }

  async function caller(client: ServiceClient): Promise<void> {
    while (going) {
      const phone = phoneAt(phones++);
      const answer = await timed('send', client.call(sendCode, { phone, purpose }));
      await timed('status', client.call(rateStatus, { phone, purpose }));
      if (answer.status === 'OK') {
        sent++;
        const { verificationId, code } = answer.message;
        for (const requestId of ['one', 'one', 'other']) await check(client, { verificationId, code }, requestId);
      } else {
        refused.push(phone);
      }
    }
  }

  const callers = Promise.all(Array.from({ length: CALLERS }, (_, index) => caller(cycle(clients, index))));
  return {
    answers,
    approvals,
    refused,
    sent: () => sent,
    /** Resolves after `count` more answers of this kind. */
    more: async (count: number, status = 'OK') => {
      const goal = answers.filter((answer) => answer.status.startsWith(status)).length + count;
      const enough = () => answers.filter((answer) => answer.status.startsWith(status)).length >= goal;
      await eventually(`${count} more answers: ${status}`, enough);
    },
    stop: async () => {
      going = false;
      await callers;
    },
  };
}

async function residentMiB({ ops }: CountersignServer): Promise<number> {
  const text = await (await fetch(`${ops}/metrics`)).text();
  return Number(/^process_resident_memory_bytes (\S+)/m.exec(text)?.[1]) / 2 ** 20;
}

interface Outage {
  /** How many refusals it lasts. Those that need a timeout each take their time. */
  readonly refusals: number;
  /** Takes Redis away; resolves with what gives it back. */
  begin(redis: RedisServer, proxy: TcpProxy): Promise<() => Promise<unknown>>;
}

const OUTAGES: Readonly<Record<string, Outage>> = {
  'kill -9': {
    refusals: 3_000,
    begin: async (redis) => {
      await redis.kill('SIGKILL');
      return () => redis.restart();
    },
  },
  'a stall': {
    refusals: 300,
    begin: async (redis) => {
      await redis.kill('SIGSTOP');
      return () => redis.kill('SIGCONT');
    },
  },
  'cut connections': {
    refusals: 1_000,
    begin: async (_, proxy) => {
      proxy.refuse();
      proxy.cut();
      return () => proxy.accept();
    },
  },
  'lost replies': {
    refusals: 300,
    begin: async (_, proxy) => {
      proxy.stall('replies');
      return async () => proxy.resume('replies');
    },
  },
  'a demotion': {
    refusals: 1_000,
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.replicaof('127.0.0.1', 1);
      return () => admin.replicaof('NO', 'ONE');
    },
  },
  'full memory': {
    refusals: 1_000,
    begin: async (redis) => {
      const admin = redis.connect();
      await admin.config('SET', 'maxmemory', '1');
      return () => admin.config('SET', 'maxmemory', '0');
    },
  },
};

it('a server whose Redis is taken away again and again sends and approves nothing in doubt, and keeps its size', async () => {
  // Every write is kept, so that what was charged in doubt does not vanish with the process.
  const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  closers.push(() => redis.stop());
  const proxy = await startProxy(redis);
  closers.push(() => proxy.close());
  const { server, clients } = await serve(`redis://${proxy.host}:${proxy.port}`, { NODE_OPTIONS: SMALL_HEAP });

  const load = startLoad(clients);
  await load.more(scaled(4_000));
  const before = await residentMiB(server);
  for (const { refusals, begin } of Object.values(OUTAGES)) {
    const end = await begin(redis, proxy);
    await load.more(scaled(refusals), 'UNAVAILABLE');
    await end();
    await load.more(scaled(1_000));
  }
  await load.stop();
  const after = await residentMiB(server);

  const statuses = tally(load.answers.map(({ status }) => status));
  const times = load.answers.map(({ ms }) => ms).sort((a, b) => a - b);
  const percentile = (part: number) => Math.round(times[Math.floor((times.length - 1) * part)] ?? 0);
  figure(`answers over ${Object.keys(OUTAGES).join(', ')}: ${JSON.stringify(statuses)}`);
  figure(
    `answered within ${percentile(0.99)} ms (99 %), ${percentile(1)} ms (all); RSS ${before.toFixed()} -> ${after.toFixed()} MiB`,
  );
  expect(Object.keys(statuses).sort()).toEqual(['OK', 'UNAVAILABLE STORE_UNAVAILABLE']);
  expect(after - before).toBeLessThan(FLAT_MIB);

  const messages =
    server.process
      .stdout()
      .match(/^SMS to \+\d+/gm)
      ?.map((line) => line.slice('SMS to '.length)) ?? [];
  const received = new Set(messages);
  expect(messages).toHaveLength(load.sent());
  expect(load.refused.filter((phone) => received.has(phone))).toEqual([]);
  expect([...load.approvals.values()].filter((requests) => requests.size > 1)).toEqual([]);

  const [client] = clients as [ServiceClient];
  await forAll(load.refused, 10, (phone) =>
    eventually(
      'nothing is charged for what was not sent',
      async () => {
        const { limits, cooldown } = ok(await client.call(rateStatus, { phone, purpose }));
        return cooldown?.active === false && limits.every(({ used }) => used === 0);
      },
      { everyMs: 200 },
    ),
  );
  await expiringKeys(redis);
  figure(
    `${load.sent()} codes sent, ${load.approvals.size} approved; nothing charged to ${load.refused.length} refused`,
  );
});

it('SCRIPT FLUSH every 100 ms is not noticed by callers', async () => {
  const redis = await startRedis();
  closers.push(() => redis.stop());
  // A machine that is busy elsewhere must not be mistaken for a missing script.
  const { clients } = await serve(redis.url, { REDIS_COMMAND_TIMEOUT_MS: '5000' });
  const admin = redis.connect();
  let flushes = 0;
  const flushing = setInterval(() => void admin.script('FLUSH').then(() => flushes++), 100);
  const load = startLoad(clients);
  await load.more(scaled(6_000));
  await load.stop();
  clearInterval(flushing);

  const statuses = tally(load.answers.map(({ status }) => status));
  figure(`${flushes} script flushes during ${load.answers.length} calls: ${JSON.stringify(statuses)}`);
  expect(flushes).toBeGreaterThan(5);
  expect(Object.keys(statuses)).toEqual(['OK']);
  expect(load.approvals.size).toBe(load.sent());
});
