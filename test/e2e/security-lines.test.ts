/**
 * Lines of docs/security.md that no other suite is about: what ids tell, what a second instance adds, and what the
 * page leaves to the operator, which is as true as it says. test/docs/promises.ts names them.
 */
import { createHash, randomBytes } from 'node:crypto';
import { create, type DescMethod, toBinary } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { createConsoleProvider } from '../../src/sms/console.ts';
import { frame, rawGrpc, rawHttp, SERVICE } from '../rpc/edges.ts';
import { type RunningApp, startApp } from '../support/app.ts';
import { ok, openClient, type ServiceClient } from '../support/clients.ts';
import { startProxy } from '../support/proxy.ts';
import { startRedis } from '../support/redis-server.ts';
import { startServer } from '../support/server.ts';
import { createStage, figure } from './stage.ts';
import { createUser } from './user.ts';

const { sendCode, checkCode, getVerification, cancelVerification } = VerificationService.method;
const EDGES = ['grpc', 'json'] as const;
const MINUTE = 60_000;

const stage = createStage();
const { clock } = stage;

const closers: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const TOKENS = { auth: 'token-of-auth', shop: 'token-of-shop' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const COUNTERSIGN_CALLERS = JSON.stringify(
  Object.fromEntries(Object.entries(TOKENS).map(([name, token]) => [name, { tokens: [sha256(token)] }])),
);

describe('20 wrong guesses a day at a phone and purpose, whatever the number of codes, connections and instances', () => {
  /** Two server processes, each asked for codes in turn; all guesses go to both. Returns how many were compared. */
  async function attack(urls: readonly [string, string]): Promise<number> {
    const servers = await Promise.all(
      urls.map((REDIS_URL) =>
        startServer({
          REDIS_URL,
          COUNTERSIGN_SECRET: 'a secret of at least 32 bytes, for tests',
          LOG_LEVEL: 'error',
          SMS_RESEND_INTERVAL_SECONDS: '0',
          SMS_RATE_LIMIT_PER_PHONE: '100',
        }),
      ),
    );
    const clients = servers.flatMap((server) => EDGES.map((edge) => openClient(edge, server)));
    const target = { phone: '+14155550101', purpose: 'login' };
    const inTurn = (n: number) => clients[n % clients.length] as ServiceClient;
    let compared = 0;
    for (let turn = 0; turn < 12; turn++) {
      const answer = await inTurn(turn).call(sendCode, target);
      if (answer.status !== 'OK') {
        expect(answer.details.ErrorInfo).toMatchObject({ reason: 'GUESS_BUDGET' });
        continue;
      }
      const { verificationId, code: right } = answer.message;
      const guesses = Array.from({ length: 40 }, (_, n) => String((Number(right) + n + 1) % 1e6).padStart(6, '0'));
      const verdicts = await Promise.all(
        guesses.map(async (code, n) => {
          const guess = { verificationId, purpose: 'login', code };
          return ok(await inTurn(n).call(checkCode, guess)).result;
        }),
      );
      compared += verdicts.filter((result) => result === CheckResult.WRONG_CODE).length;
    }
    for (const client of clients) client.close();
    await Promise.all(servers.map((server) => server.stop()));
    return compared;
  }

  async function redisUrl(): Promise<string> {
    const redis = await startRedis();
    closers.push(() => redis.stop());
    return redis.url;
  }

  it('over two processes', async () => {
    const url = await redisUrl();
    const compared = await attack([url, url]);
    expect(compared).toBe(20);
    figure(`2 processes, 4 connections, guesses side by side: ${compared} compared`);
  });

  it('negative control: two processes that share nothing compare 40', async () => {
    expect(await attack([await redisUrl(), await redisUrl()])).toBe(40);
  });

  it('under a new secret they begin anew', async () => {
    const old = createUser(await stage.startVirtual(), { protocol: 'grpc', phone: stage.phone() });
    ok(await old.send());
    expect(await old.verdict(old.wrong())).toBe('WRONG_CODE');
    const env = { COUNTERSIGN_SECRET: randomBytes(32).toString('base64') };
    const young = createUser(await stage.startVirtual({ env }), { protocol: 'grpc', phone: old.phone });
    expect((await old.status()).guessBudget).toMatchObject({ used: 1, remaining: 19 });
    expect((await young.status()).guessBudget).toMatchObject({ used: 0, remaining: 20 });
  });
});

describe('ids have 128 random bits', () => {
  const SENDS = 256;

  /** How many of the 128 are set in all ids too often or too seldom for chance. */
  async function biasedBits(random?: (bytes: number) => Buffer): Promise<number> {
    const app = await startApp(random && { random });
    closers.push(() => app.stop());
    const client = app.client('grpc');
    const sends = Array.from({ length: SENDS }, (_, n) => ({ phone: `+1415${2_000_000 + n}`, purpose: 'login' }));
    const answers = await Promise.all(sends.map((send) => client.call(sendCode, send)));
    const ids = answers.map((answer) => Buffer.from(ok(answer).verificationId, 'base64url').subarray(1, 17));
    expect(new Set(ids.map((id) => id.toString('hex'))).size).toBe(SENDS);
    const bits = Array.from({ length: 128 }, (_, bit) =>
      ids.reduce((sum, id) => sum + (((id[bit >> 3] ?? 0) >> (bit & 7)) & 1), 0),
    );
    // Eight standard deviations: never by chance.
    return bits.filter((ones) => Math.abs(ones - SENDS / 2) > 8 * Math.sqrt(SENDS / 4)).length;
  }

  it('each of them is set in about half of all ids', async () => {
    expect(await biasedBits()).toBe(0);
  });

  it('negative control: of a source that gives 64 of them, the other 64 are found', async () => {
    const half = (bytes: number) => randomBytes(bytes).map((byte, n) => (n % 16 < 8 ? byte : 0));
    expect(await biasedBits((bytes) => Buffer.from(half(bytes)))).toBe(64);
  });
});

interface Ask {
  readonly token: string;
  readonly [field: string]: unknown;
}

describe.each(EDGES)('the answer over %s, byte for byte,', (edge) => {
  /** Everything of it but the date. */
  async function bytes(app: RunningApp, method: DescMethod, { token, ...request }: Ask): Promise<string> {
    const path = `${SERVICE}/${method.name}`;
    const authorization = `Bearer ${token}`;
    if (edge === 'grpc') {
      const body = frame(toBinary(method.input, create(method.input, request as never)));
      const { headers, body: answer } = await rawGrpc(app.grpc, { ':path': path, authorization }, body);
      return JSON.stringify([{ ...headers, date: '' }, answer]);
    }
    const headers = { authorization, 'content-type': 'application/json' };
    const answer = await rawHttp(`${app.http}${path}`, { headers, body: JSON.stringify(request) });
    return JSON.stringify({ ...answer, headers: { ...answer.headers, date: '' } });
  }

  const start = () =>
    stage.startVirtual({ env: { COUNTERSIGN_CALLERS }, file: 'limits: { resendIntervalSeconds: 0 }' });
  const MINE = { client: { sessionId: 'mine' } };
  const ID = { token: TOKENS.auth, purpose: 'login' };
  const unknown = () => randomBytes(33).toString('base64url');
  const owner = async (app: RunningApp) => {
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone(), token: TOKENS.auth });
    ok(await user.send(MINE));
    return user;
  };

  it('of CheckCode is the same for foreign, expired, used and unknown ids', async () => {
    const app = await start();
    const check = (verificationId: string, code: string, changes = {}) =>
      bytes(app, checkCode, { ...ID, verificationId, code, ...MINE, ...changes });
    const user = await owner(app);
    const code = user.code();
    const answers = {
      unknown: await check(unknown(), code),
      malformedKey: await check(Buffer.concat([Buffer.of(0), randomBytes(32)]).toString('base64url'), code),
      ofAnotherCaller: await check(user.id, code, { token: TOKENS.shop }),
      ofAnotherPurpose: await check(user.id, code, { purpose: 'register' }),
      ofAnotherSession: await check(user.id, code, { client: { sessionId: 'theirs' } }),
      ofOtherVariables: await check(user.id, code, { variables: { amount: 'more' } }),
    };
    expect(await user.verdict(code, MINE)).toBe('APPROVED');
    const used = await check(user.id, code);
    const late = await owner(app);
    const wrong = await check(late.id, late.wrong());
    clock.pass(5 * MINUTE);
    const all = { ...answers, used, expired: await check(late.id, late.code()) };
    expect(new Set(Object.values(all)).size, JSON.stringify(all, null, 1)).toBe(1);
    // Negative control: a code that is there is told from those.
    expect(wrong).not.toBe(all.unknown);
  });

  it.each([
    ['GetVerification', getVerification],
    ['CancelVerification', cancelVerification],
  ])('of %s is the same for foreign and unknown ids', async (_, method) => {
    const app = await start();
    const user = await owner(app);
    const ask = (verificationId: string, changes = {}) => bytes(app, method, { ...ID, verificationId, ...changes });
    const answers = [
      await ask(unknown()),
      await ask(user.id, { token: TOKENS.shop }),
      await ask(user.id, { purpose: 'register' }),
    ];
    expect(new Set(answers).size, answers.join('\n')).toBe(1);
    expect(answers).not.toContain(await ask(user.id));
  });
});

describe('what is left to the operator:', () => {
  it('the listeners speak plain text; tokens, phones and codes pass there', async () => {
    const app = await stage.start({ env: { COUNTERSIGN_CALLERS } });
    const passed = { grpc: '', json: '' };
    for (const edge of EDGES) {
      const { hostname: host, port } = new URL(edge === 'grpc' ? `http://${app.grpc}` : app.http);
      const request = (chunk: Buffer) => {
        passed[edge] += chunk.toString('latin1');
      };
      const wire = await startProxy({ host, port: Number(port) }, () => ({
        request,
        reply: (forward) => ({ forward, cut: false }),
      }));
      closers.push(() => wire.close());
      const client = openClient(edge, { grpc: `${wire.host}:${wire.port}`, http: `http://${wire.host}:${wire.port}` });
      const auth = { token: TOKENS.auth };
      const phone = stage.phone();
      const { verificationId } = ok(await client.call(sendCode, { phone, purpose: 'login' }, auth));
      const code = app.inbox.codeTo(phone);
      ok(await client.call(checkCode, { verificationId, purpose: 'login', code }, auth));
      client.close();
      for (const secret of [phone, code]) expect(passed[edge]).toContain(secret);
    }
    // Over gRPC headers are packed, which hides them from this test and from nobody else.
    expect(passed.json).toContain(TOKENS.auth);
  });

  it('CAPTCHA and limits per IP address: this release limits per phone only', async () => {
    const app = await stage.start();
    const client = { ip: '192.0.2.1', deviceId: 'one', userAgent: 'one' };
    for (let n = 0; n < 50; n++) {
      const user = createUser(app, { protocol: 'json', phone: stage.phone() });
      expect((await user.send({ client, captchaToken: 'none' })).status).toBe('OK');
    }
  });

  it('the console provider prints both, number and code: that is all it does', async () => {
    const printed: string[] = [];
    const message = { to: '+14155550101', text: 'Your code is 493817.', sendId: 'send' };
    const { send } = createConsoleProvider((line) => void printed.push(line));
    const result = await send(message as Parameters<typeof send>[0], new AbortController().signal);
    expect(printed).toEqual(['SMS to +14155550101: Your code is 493817.']);
    expect(result).toEqual({ kind: 'accepted', messageId: 'send', segments: 1 });
  });
});
