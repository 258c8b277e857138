/** Many at once on one code: over two server processes, and over two with a check that is not atomic. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckResult, CheckResultSchema, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { createConsoleProvider } from '../../src/sms/console.ts';
import { startApp } from '../support/app.ts';
import { type Addresses, ok, openClient, type ServiceClient } from '../support/clients.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { startServer } from '../support/server.ts';
import { openStore } from '../support/store.ts';
import { cycle, expiringKeys, figure, forAll, phoneAt, scaled, tally, wrongCode } from './load.ts';
import { readThenWrite } from './naive-store.ts';

const { sendCode, checkCode, getVerification } = VerificationService.method;

const PARALLEL = 20;
const GUESSES = 1_000;
const PURPOSE = 'login';
const CLIENTS_PER_SERVER = 2;

interface Service {
  /** Alternately of the one and the other server. */
  readonly clients: readonly ServiceClient[];
  stop(): Promise<void>;
}

let redis: RedisServer;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

/** A machine that is busy elsewhere must not turn a race into a timeout. */
const environment = () => ({
  // A thousand calls at once are more than a service takes.
  ADMISSION: 'off',
  COUNTERSIGN_SECRET: 'a secret of at least 32 bytes, for tests',
  REDIS_URL: redis.url,
  REDIS_COMMAND_TIMEOUT_MS: '5000',
  LOG_LEVEL: 'error',
});

function serviceOf(servers: readonly (Addresses & { stop(): Promise<unknown> })[]): Service {
  const clients = Array.from({ length: servers.length * CLIENTS_PER_SERVER }, (_, index) =>
    openClient('grpc', cycle(servers, index)),
  );
  return {
    clients,
    stop: async () => {
      for (const client of clients) client.close();
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function twoProcesses(): Promise<Service> {
  return serviceOf(await Promise.all([startServer(environment()), startServer(environment())]));
}

async function twoNaiveApps(): Promise<Service> {
  const one = async () => {
    const keyPrefix = 'naive';
    return startApp({
      env: environment(),
      store: readThenWrite(
        await openStore({ url: redis.url, keyPrefix, commandTimeoutMs: 5_000 }),
        redis.connect(),
        keyPrefix,
      ),
      providers: [createConsoleProvider(() => undefined)],
    });
  };
  return serviceOf([await one(), await one()]);
}

function nameOf(result: CheckResult): string {
  return CheckResultSchema.value[result]?.localName ?? 'unknown';
}

/** Sends `codes` codes, then checks each from all clients at once, with the right code. */
async function raceRightChecks(clients: readonly ServiceClient[], codes: number, firstPhone: number) {
  const sent = new Map<string, string>();
  await forAll(Array.from({ length: codes }), 50, async (_, index) => {
    const request = { phone: phoneAt(firstPhone + index), purpose: PURPOSE };
    const { verificationId, code } = ok(await cycle(clients, index).call(sendCode, request));
    sent.set(verificationId, code);
  });

  const results: CheckResult[] = [];
  const approvals = new Map<string, number>();
  await forAll(sent, 10, async ([verificationId, code]) => {
    const checks = Array.from({ length: PARALLEL }, async (_, index) => {
      const request = { verificationId, purpose: PURPOSE, code, requestId: `check-${index}` };
      const { result } = ok(await cycle(clients, index).call(checkCode, request));
      results.push(result);
      if (result === CheckResult.APPROVED) approvals.set(verificationId, (approvals.get(verificationId) ?? 0) + 1);
    });
    await Promise.all(checks);
  });
  return { results: tally(results.map(nameOf)), perCode: [...approvals.values()] };
}

/** One code, many different wrong guesses at once from all clients, and then the right one. */
async function raceWrongGuesses(clients: readonly ServiceClient[], phone: string) {
  const [client] = clients as [ServiceClient];
  const { verificationId, code } = ok(await client.call(sendCode, { phone, purpose: PURPOSE }));
  const guess = async (guessed: string, index: number) => {
    const request = { verificationId, purpose: PURPOSE, code: guessed, requestId: `guess-${index}` };
    return ok(await cycle(clients, index).call(checkCode, request)).result;
  };
  const guesses = Array.from({ length: GUESSES }, (_, index) => guess(wrongCode(code, index + 1), index));
  const results = tally((await Promise.all(guesses)).map(nameOf));
  const { verification } = ok(await client.call(getVerification, { verificationId, purpose: PURPOSE }));
  return { results, attempts: verification?.attempts, afterwards: nameOf(await guess(code, GUESSES)) };
}

describe('over two server processes', () => {
  const codes = scaled(5_000);
  let service: Service;
  beforeAll(async () => {
    service = await twoProcesses();
  });
  afterAll(() => service?.stop());

  it(`${codes} codes, each checked ${PARALLEL} times at once with the right code, are approved once each`, async () => {
    const { results, perCode } = await raceRightChecks(service.clients, codes, 0);
    figure(`${results.APPROVED} approvals of ${codes * PARALLEL} right checks of ${codes} codes`);
    expect(results).toEqual({ APPROVED: codes, NOT_FOUND: codes * (PARALLEL - 1) });
    expect(perCode).toEqual(Array.from({ length: codes }, () => 1));
  });

  it(`of ${GUESSES} wrong guesses at once 5 are compared, and the right code is refused afterwards`, async () => {
    const { results, attempts, afterwards } = await raceWrongGuesses(service.clients, phoneAt(1_000_000));
    figure(`${results.WRONG_CODE} of ${GUESSES} parallel wrong guesses compared, the right code then ${afterwards}`);
    expect(results).toEqual({ WRONG_CODE: 5, EXHAUSTED: GUESSES - 5 });
    expect(attempts).toBe(5);
    expect(afterwards).toBe('EXHAUSTED');
  });

  it('every key they left expires', async () => {
    expect(await expiringKeys(redis)).toBeGreaterThan(codes);
  });
});

describe('the same races against a check that reads and then writes', () => {
  const codes = 100;
  let service: Service;
  beforeAll(async () => {
    service = await twoNaiveApps();
  });
  afterAll(() => service?.stop());

  it('approve codes more than once', async () => {
    const { results, perCode } = await raceRightChecks(service.clients, codes, 1_000_001);
    figure(`control: ${results.APPROVED} approvals of ${codes * PARALLEL} right checks of ${codes} codes`);
    expect(results.APPROVED).toBeGreaterThan(codes);
    expect(Math.max(...perCode)).toBeGreaterThan(1);
  });

  it('compare more guesses than a code allows', async () => {
    const { results } = await raceWrongGuesses(service.clients, phoneAt(1_500_000));
    figure(`control: ${results.WRONG_CODE} of ${GUESSES} parallel wrong guesses compared`);
    expect(results.WRONG_CODE).toBeGreaterThan(5);
  });
});
