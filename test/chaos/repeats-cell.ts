/** One outage of Redis under calls of SendCode, and the callers who repeat theirs until they know. */
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { openClient, type ServiceClient } from '../support/clients.ts';
import { type RedisPair, startPair } from '../support/redis-pair.ts';
import { type RedisProxy, startRedisProxy } from '../support/redis-proxy.ts';
import { type CountersignServer, startServer } from '../support/server.ts';
import { eventually } from '../support/wait.ts';
import { startWebhookFake, type WebhookFake } from '../support/webhook-fake.ts';

const { sendCode, checkCode } = VerificationService.method;
const PURPOSE = 'login';
/** Longer than the longest outage and the lease of a call after it. */
const GIVE_UP_MS = 90_000;
const SECRET = 'w'.repeat(32);

export const FAULTS = ['cut', 'paused', 'killed'] as const;
export const MOMENTS = ['reservation', 'outcome'] as const;
/** Who gets the repeat: the process of the first call, another one, or another one because the first is dead. */
export const REPEATERS = ['same', 'another', 'survivor'] as const;
export const STYLES = ['at once', 'after RetryInfo'] as const;

export interface Outage {
  readonly fault: (typeof FAULTS)[number];
  /** Which reply of Redis is lost: that to the reservation, or that to what became of the SMS. */
  readonly moment: (typeof MOMENTS)[number];
  readonly seconds: number;
}

/** What became of one request id. */
export interface Outcome {
  readonly outage: Outage;
  readonly repeater: (typeof REPEATERS)[number];
  readonly style: (typeof STYLES)[number];
  /** The last status. */
  readonly end: string;
  /** Answers OK, and those of them that came before any SMS was taken. */
  readonly oks: number;
  readonly untrue: number;
  readonly messages: number;
  /** Whether the code of the last SMS is right, where the end was OK. */
  readonly approved: boolean;
}

interface Place {
  readonly pair: RedisPair;
  readonly proxies: readonly RedisProxy[];
  readonly gateway: WebhookFake;
  readonly servers: Readonly<Record<'first' | 'doomed' | 'other', CountersignServer>>;
  close(): Promise<void>;
}

async function open(): Promise<Place> {
  const [pair, gateway] = await Promise.all([startPair(), startWebhookFake({ secret: SECRET })]);
  // Where the proxies lead; changed by the failover.
  const upstream = { host: pair.primary.host as string, port: pair.primary.port };
  const start = async () => {
    const proxy = await startRedisProxy(upstream);
    const server = await startServer({
      COUNTERSIGN_SECRET: 'a secret of at least 32 bytes, for tests',
      REDIS_URL: `redis://${proxy.host}:${proxy.port}`,
      REDIS_COMMAND_TIMEOUT_MS: '400',
      SMS_MOCK_MODE: 'off',
      SMS_WEBHOOK_URL: `${gateway.url}/sms`,
      SMS_WEBHOOK_SECRET: SECRET,
      LOG_LEVEL: 'error',
    });
    return { proxy, server };
  };
  const [first, doomed, other] = await Promise.all([start(), start(), start()]);
  const proxies = [first.proxy, doomed.proxy, other.proxy];
  const promote = async () => {
    await pair.promote();
    upstream.port = pair.replica.port;
  };
  return {
    pair: { ...pair, promote },
    gateway,
    proxies,
    servers: { first: first.server, doomed: doomed.server, other: other.server },
    close: async () => {
      await Promise.all([first, doomed, other].map(({ server }) => server.stop(100)));
      await Promise.all([...proxies.map((proxy) => proxy.close()), gateway.stop(), pair.stop()]);
    },
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const isScript = ({ name }: { name: string }) => name === 'EVALSHA' || name === 'EVAL';

/** Plays the outage: ends when Redis is there again. `lost` resolves when the replies surely do not arrive any more. */
async function play({ pair, proxies, servers }: Place, { fault, seconds }: Outage, lost: () => Promise<unknown>) {
  if (fault === 'paused') await pair.primary.kill('SIGSTOP');
  else for (const proxy of proxies) proxy.loseReplies((command) => isScript(command));
  await lost();
  servers.doomed.process.signal('SIGKILL');
  if (fault === 'paused') {
    // Longer than a reply may take, or no reply is lost.
    await pause(600);
    await pause(seconds * 1_000);
    return pair.primary.kill('SIGCONT');
  }
  for (const proxy of proxies) proxy.refuse();
  for (const proxy of proxies) proxy.cut();
  if (fault === 'killed') await pair.promote();
  await pause(seconds * 1_000);
  for (const proxy of proxies) proxy.keepReplies();
  await Promise.all(proxies.map((proxy) => proxy.accept()));
}

/** `each` callers for each way to repeat. */
export async function suffer(
  outage: Outage,
  { each, phone: phoneOf }: { each: number; phone: () => string },
): Promise<Outcome[]> {
  const place = await open();
  const { gateway, servers, proxies } = place;
  const clients: ServiceClient[] = [];
  const client = (server: CountersignServer) => {
    const one = openClient('grpc', server);
    clients.push(one);
    return one;
  };
  const by = { first: client(servers.first), doomed: client(servers.doomed), other: client(servers.other) };
  const ways = REPEATERS.flatMap((repeater) => STYLES.map((style) => ({ repeater, style })));
  const callers = Array.from({ length: each }, () => ways).flatMap((rows) =>
    rows.map((way) => ({ ...way, phone: phoneOf() })),
  );
  const received = (phone: string) => gateway.messages.filter(({ to }) => to === phone);
  const over = Promise.withResolvers<void>();

  /** Repeated while Redis is in doubt, as a caller would. */
  async function approves(verificationId: string, code: string): Promise<boolean> {
    const guess = { verificationId, purpose: PURPOSE, code, requestId: 'guess' };
    const answer = await eventually('an answer', async () => {
      const one = await by.other.call(checkCode, guess);
      return one.status !== 'UNAVAILABLE' && one;
    });
    return answer.status === 'OK' && answer.message.result === CheckResult.APPROVED;
  }

  async function caller({ repeater, style, phone }: (typeof callers)[number]): Promise<Outcome> {
    const request = { phone, purpose: PURPOSE, requestId: 'one' };
    let [oks, untrue] = [0, 0];
    const send = async (at: ServiceClient) => {
      const answer = await at.call(sendCode, request, { timeoutMs: 12_000 });
      if (answer.status === 'OK') oks += 1;
      if (answer.status === 'OK' && received(phone).length === 0) untrue += 1;
      return answer;
    };
    let last = await send(repeater === 'survivor' ? by.doomed : by.first);
    const at = repeater === 'same' ? by.first : by.other;
    // One OK is what a caller wants. Repeated once more after the outage, it must be the same.
    const until = performance.now() + GIVE_UP_MS;
    for (let after = 0; after < 2 && performance.now() < until; ) {
      const retry = 'details' in last ? String(last.details.RetryInfo?.retryDelay ?? '0s') : '0s';
      const pauseMs = style === 'at once' ? 50 : Math.max(50, Number.parseFloat(retry) * 1_000);
      await pause(pauseMs);
      if (last.status === 'OK') await over.promise;
      last = await send(at);
      const settled = last.status === 'OK' || last.status === 'ABORTED';
      if (settled) after += 1;
    }
    const code = received(phone).at(-1)?.code ?? '';
    const id = last.status === 'OK' ? last.message.verificationId : '';
    const approved = id !== '' && (await approves(id, code));
    return { outage, repeater, style, end: last.status, oks, untrue, messages: received(phone).length, approved };
  }

  const begun = async () => {
    if (outage.fault === 'paused') await pause(100);
    else await eventually('replies are lost', () => proxies[0]?.lost() && proxies[1]?.lost(), { everyMs: 2 });
  };
  const answered = Promise.withResolvers<void>();
  if (outage.moment === 'outcome') gateway.behave(() => ({ do: 'hold', until: answered.promise }));

  async function scene(): Promise<Outcome[]> {
    if (outage.moment === 'reservation') {
      const playing = play(place, outage, begun);
      const all = Promise.all(callers.map(caller));
      await playing.finally(over.resolve);
      return all;
    }
    const all = Promise.all(callers.map(caller));
    await eventually('the gateway has all', () => gateway.messages.length === callers.length, { everyMs: 2 });
    await play(place, outage, async () => answered.resolve()).finally(over.resolve);
    return all;
  }
  try {
    return await scene();
  } finally {
    gateway.behave(null);
    for (const one of clients) one.close();
    await place.close();
  }
}
