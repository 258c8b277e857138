/** What each call costs Redis, counted on the wire, and which refusals cost nothing because Redis never hears of them. */
import { createHash, randomBytes } from 'node:crypto';
import type { DescMessage, DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { RunningApp } from '../support/app.ts';
import { ok, PROTOCOLS } from '../support/clients.ts';
import type { RedisProxy } from '../support/redis-proxy.ts';
import { createStage, figure, ownRedis } from './stage.ts';
import { createUser, type User } from './user.ts';

const { sendCode, checkCode, rateStatus, getVerification, cancelVerification } = VerificationService.method;
const EDGES = ['grpc', 'json'] as const;
const ONE = ['EVALSHA'];

// Not the shared one: scripts that another file flushes would cost a command more here.
const stage = createStage(await ownRedis());

const TOKENS = { auth: 'token-of-auth', shop: 'token-of-shop', clerk: 'token-of-clerk' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const COUNTERSIGN_CALLERS = `
auth: { tokens: [${sha256(TOKENS.auth)}] }
shop: { tokens: [${sha256(TOKENS.shop)}] }
clerk: { tokens: [${sha256(TOKENS.clerk)}], purposes: [register] }
`;

let app: RunningApp;
let proxy: RedisProxy;
beforeAll(async () => {
  const proxied = await stage.startProxied({ env: { COUNTERSIGN_CALLERS } });
  app = proxied;
  proxy = proxied.proxy;
  // Redis learns each script the first time.
  const user = auth('grpc');
  ok(await user.send());
  await user.status();
  await user.verdict(user.code());
  await cancel(user);
});
afterAll(() =>
  figure(
    'commands: SendCode 1 before the provider and 1 after it, every other RPC 1, unauthenticated and foreign purposes 0',
  ),
);
afterEach(() => app.inbox.answer(ACCEPTED));

const ACCEPTED = async () => ({ kind: 'accepted', messageId: 'm-1', segments: 1 }) as const;
const auth = (protocol: (typeof EDGES)[number]) =>
  createUser(app, { protocol, phone: stage.phone(), token: TOKENS.auth });
const cancel = (user: User) =>
  app.client('grpc').call(cancelVerification, { verificationId: user.id, purpose: 'login' }, { token: TOKENS.auth });

/** What went to Redis meanwhile. */
async function commandsOf(call: () => Promise<unknown>): Promise<readonly string[]> {
  proxy.forget();
  await call();
  return [...proxy.commands()];
}

describe.each(EDGES)('over %s', (protocol) => {
  it.each<[string, (user: User) => Promise<unknown>]>([
    ['CheckCode, right', (user) => user.check(user.code())],
    ['CheckCode, wrong', (user) => user.check(user.wrong())],
    ['CheckCode with a request_id', (user) => user.check(user.code(), { requestId: 'r' })],
    ['CheckCode by phone', (user) => user.check(user.code(), { verificationId: '', phone: user.phone })],
    ['RateStatus', (user) => user.status()],
    ['GetVerification', (user) => user.record()],
    ['CancelVerification', cancel],
    ['SendCode refused by a limit', (user) => user.send()],
    ['SendCode repeated', (user) => user.send({ requestId: 'first' })],
  ])('%s is 1 command', async (_, call) => {
    const user = auth(protocol);
    ok(await user.send({ requestId: 'first' }));
    expect(await commandsOf(() => call(user))).toEqual(ONE);
  });

  it.each([
    ['accepts', ACCEPTED],
    ['is away', async () => ({ kind: 'unavailable', category: 'transient', vendorCode: '503' }) as const],
    ['does not say', async () => ({ kind: 'unknown', category: 'timeout', vendorCode: '' }) as const],
  ])('SendCode is 1 command before the provider is called and 1 after it %s', async (_, answer) => {
    const user = auth(protocol);
    let before: readonly string[] = [];
    app.inbox.answer(async () => {
      before = [...proxy.commands()];
      return answer();
    });
    const all = await commandsOf(() => user.send({ requestId: 'r' }));
    expect(before.length).toBeLessThanOrEqual(2);
    expect({ before, all }).toEqual({ before: ONE, all: [...ONE, ...ONE] });
  });

  it('a script that Redis has forgotten costs one more, once', async () => {
    const user = auth(protocol);
    ok(await user.send());
    await stage.redis.client.script('FLUSH');
    expect(await commandsOf(() => user.check(user.wrong(1)))).toEqual(['EVALSHA', 'EVAL']);
    expect(await commandsOf(() => user.check(user.wrong(2)))).toEqual(ONE);
    for (const call of [() => user.status(), () => cancel(user), () => auth(protocol).send()]) await call();
  });
});

interface Rpc {
  readonly name: string;
  call(options: { token?: string; purpose?: string }): Promise<{ status: string }>;
}

/** Each RPC with a request that would be served. */
function rpcs(protocol: (typeof PROTOCOLS)[number]): readonly Rpc[] {
  const client = app.client(protocol);
  const verificationId = randomBytes(33).toString('base64url');
  const phone = stage.phone();
  function rpc<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: (purpose: string) => MessageInitShape<I>,
  ): Rpc {
    return {
      name: method.name,
      call: ({ purpose = 'login', ...options }) => client.call(method, request(purpose), options),
    };
  }
  return [
    rpc(sendCode, (purpose) => ({ phone, purpose })),
    rpc(checkCode, (purpose) => ({ verificationId, purpose, code: '123456' })),
    rpc(rateStatus, (purpose) => ({ phone, purpose })),
    rpc(getVerification, (purpose) => ({ phone, purpose })),
    rpc(cancelVerification, (purpose) => ({ verificationId, purpose })),
  ];
}

describe.each(PROTOCOLS)('refused before Redis is asked, over %s', (protocol) => {
  const unauthenticated = { status: 'UNAUTHENTICATED', details: { ErrorInfo: { reason: 'UNAUTHENTICATED' } } };
  const denied = { status: 'PERMISSION_DENIED', details: { ErrorInfo: { reason: 'PURPOSE_NOT_ALLOWED' } } };
  const invalid = { status: 'INVALID_ARGUMENT', details: { ErrorInfo: { reason: 'INVALID_FIELDS' } } };

  it.each<[string, Parameters<Rpc['call']>[0], object]>([
    ['no token', {}, unauthenticated],
    ['an empty token', { token: '' }, unauthenticated],
    ['a wrong token', { token: 'token-of-nobody' }, unauthenticated],
    ['the hash of a token', { token: sha256(TOKENS.auth) }, unauthenticated],
    ['a token and something more', { token: `${TOKENS.auth}x` }, unauthenticated],
    ['a foreign purpose', { token: TOKENS.clerk, purpose: 'login' }, denied],
    ['an unknown purpose', { token: TOKENS.auth, purpose: 'nothing' }, invalid],
  ])('%s', async (_, options, refusal) => {
    const sms = app.inbox.messages.length;
    for (const rpc of rpcs(protocol)) {
      const commands = await commandsOf(async () =>
        expect(await rpc.call(options), rpc.name).toMatchObject({ ...refusal, text: expect.any(String) }),
      );
      expect(commands, rpc.name).toEqual([]);
    }
    expect(app.inbox.messages).toHaveLength(sms);
  });

  it('negative control: with a token and a purpose of its own each asks Redis', async () => {
    for (const rpc of rpcs(protocol)) {
      const commands = await commandsOf(() => rpc.call({ token: TOKENS.clerk, purpose: 'register' }));
      expect(commands.length, rpc.name).toBeGreaterThan(0);
    }
  });
});

describe.each(EDGES)('a foreign verification id over %s', (protocol) => {
  const notFound = { status: 'NOT_FOUND', details: { ErrorInfo: { reason: 'VERIFICATION_NOT_FOUND' } } };

  it.each<[string, { token: string; purpose: string; id?: string }]>([
    ['of another caller', { token: TOKENS.shop, purpose: 'login' }],
    ['of another purpose', { token: TOKENS.auth, purpose: 'register' }],
    ['that nobody issued', { token: TOKENS.auth, purpose: 'login', id: randomBytes(33).toString('base64url') }],
  ])('%s is NOT_FOUND, as an unknown one, and stays as it was', async (_, { token, purpose, id }) => {
    const owner = auth(protocol);
    ok(await owner.send());
    const client = app.client(protocol);
    const verificationId = id ?? owner.id;
    const code = owner.code();

    const commands = await commandsOf(async () => {
      const checked = ok(await client.call(checkCode, { verificationId, purpose, code }, { token }));
      expect(checked).toMatchObject({ result: CheckResult.NOT_FOUND, verificationId: '', attemptsRemaining: 0 });
      expect(await client.call(getVerification, { verificationId, purpose }, { token })).toMatchObject(notFound);
      expect(await client.call(cancelVerification, { verificationId, purpose }, { token })).toMatchObject(notFound);
    });
    expect(commands).toEqual([...ONE, ...ONE, ...ONE]);
    expect(await owner.record()).toMatchObject({ attempts: 0, attemptsRemaining: 5 });
    expect(await owner.verdict(code)).toBe('APPROVED');
  });
});
