import { afterAll, beforeAll, expect, test } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { ok, openClient } from './clients.ts';
import { type CountersignServer, startServer } from './server.ts';
import { sharedRedis } from './shared-redis.ts';

const { sendCode, checkCode } = VerificationService.method;
const redis = sharedRedis();
const servers: CountersignServer[] = [];
beforeAll(async () => {
  const env = {
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    COUNTERSIGN_SECRET: 'a secret of at least 32 bytes, for tests',
  };
  servers.push(...(await Promise.all([startServer(env), startServer(env)])));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await redis.close();
});

test('processes share their state: a code sent by one is checked by the other', async () => {
  const [one, other] = servers.map((server) => openClient('json', server));
  if (one === undefined || other === undefined) throw new Error('two servers were started');
  const sent = ok(await one.call(sendCode, { phone: '+14155550123', purpose: 'login' }));
  const guess = { verificationId: sent.verificationId, purpose: 'login', code: sent.code };
  expect(ok(await other.call(checkCode, guess)).result).toBe(CheckResult.APPROVED);
  one.close();
  other.close();
});

test('SIGTERM ends a process with success', async () => {
  const server = await startServer();
  expect(await server.stop()).toBe(0);
});

test('a server that cannot start is reported with what it printed', async () => {
  await expect(startServer({ REDIS_URL: 'nonsense' })).rejects.toThrow('REDIS_URL');
});
