/** Ways to reach a Redis: TLS with an authority of one's own, passwords, an ACL user, a database number, a key prefix. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cluster, Redis } from 'ioredis';
import { afterEach, describe, expect, it } from 'vitest';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { Reports, SendResult } from '../../src/sms/provider.ts';
import { type AppOptions, type RunningApp, startApp } from '../support/app.ts';
import { selfSignedCertificate } from '../support/certificate.ts';
import { ok } from '../support/clients.ts';
import { createInbox } from '../support/inbox.ts';
import { assertKeysClean, keysUnder } from '../support/keys.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { type RedisServer, type RedisServerOptions, startRedis } from '../support/redis-server.ts';
import { eventually } from '../support/wait.ts';
import { figure } from './stage.ts';
import { createUser } from './user.ts';

const { cancelVerification } = VerificationService.method;

const closers: (() => Promise<unknown>)[] = [];
/** Where to look for what was left behind, and what must not be found there. */
let stores: (Redis | Cluster)[] = [];
let used = { phones: [] as string[], codes: [] as string[] };
afterEach(async () => {
  for (const client of stores) await assertKeysClean(client, '', used);
  for (const close of closers.splice(0).reverse()) await close();
  stores = [];
  used = { phones: [], codes: [] };
});

async function redis(options: RedisServerOptions = {}): Promise<RedisServer & { readonly admin: Redis }> {
  const server = await startRedis(options);
  closers.push(() => server.stop());
  const admin = server.connect();
  stores.push(admin);
  return { ...server, admin };
}

async function serve(env: Readonly<Record<string, string>>, overrides: AppOptions = {}): Promise<RunningApp> {
  const relaxed = { SMS_RESEND_INTERVAL_SECONDS: '0', CALLBACK_PUBLIC_URL: 'https://sms.example.com' };
  const behind = [{ ...backup.provider, reports: REPORTS }];
  const app = await startApp({ ...overrides, behind, env: { ...relaxed, ...env } });
  closers.push(() => app.stop());
  return app;
}

const connects = (app: RunningApp) =>
  eventually('the app has reached Redis', async () => (await fetch(`${app.ops}/readyz`)).ok, { everyMs: 5 });

/** Takes a message only where `everything` asks for it. */
const backup = createInbox('backup');
/** A report is the id of a message that was delivered. */
const REPORTS: Reports = {
  byMessageId: true,
  read: ({ body }) => ({
    kind: 'reports',
    reports: [{ token: '', messageId: body.toString(), status: 'delivered', category: '', vendorCode: '' }],
    answer: { status: 204, body: '' },
  }),
};
const AWAY: SendResult = { kind: 'unavailable', category: 'transient', vendorCode: '503' };
const ACCEPTED = { kind: 'accepted', messageId: 'm', segments: 1 } as const;
backup.answer(async () => AWAY);

let serial = 0;
/** Everything that any script does, for a phone of its own. Answers what each call came to. */
async function everything(app: RunningApp): Promise<string[]> {
  serial += 1;
  const phone = `+1415${2_000_000 + serial}`;
  used.phones.push(phone);
  const user = createUser(app, { protocol: 'grpc', phone });
  const cancel = () => app.client('grpc').call(cancelVerification, { verificationId: user.id, purpose: 'login' });
  const outcomes: string[] = [];
  const note = async (call: Promise<{ status: string } | string>) => {
    const outcome = await call;
    outcomes.push(typeof outcome === 'string' ? outcome : outcome.status);
  };
  await note(user.send({ requestId: 'a' }));
  if (user.received() === 0) return outcomes;
  await note(user.send({ requestId: 'a' }));
  await note(user.verdict(user.wrong(1), { requestId: 'w' }));
  await note(user.verdict(user.wrong(2), { verificationId: '', phone }));
  await note(user.send());
  app.inbox.answer(async () => AWAY);
  await note(user.send({ requestId: 'refunded', client: { sessionId: 'another' } }));
  // A report that comes before its message is known to be sent.
  const messageId = `message-${serial}`;
  await note(fetch(`${app.callbacks}/backup`, { method: 'POST', body: messageId }).then(({ ok }) => String(ok)));
  // Two messages for one call: both are charged.
  app.inbox.answer(async () => ({ kind: 'unknown', category: 'timeout', vendorCode: 'timeout' }));
  backup.answer(async () => ({ ...ACCEPTED, messageId }));
  await note(user.send());
  backup.answer(async () => AWAY);
  app.inbox.answer(async () => ACCEPTED);
  await note(user.verdict(app.inbox.messages.find(({ to }) => to === phone)?.code ?? ''));
  await note(user.send());
  await note(cancel());
  await note(
    user.status().then(
      () => 'OK',
      () => 'refused',
    ),
  );
  await note(
    user.record().then(
      () => 'OK',
      () => 'refused',
    ),
  );
  used.codes.push(...app.inbox.messages.map(({ code }) => code));
  return outcomes;
}
const FINE = [
  ...['OK', 'OK', 'WRONG_CODE', 'WRONG_CODE', 'OK', 'UNAVAILABLE', 'true', 'OK', 'APPROVED'],
  ...['OK', 'OK', 'OK', 'OK'],
];

/** Calls are refused, and nothing is sent. */
async function expectUnreachable(app: RunningApp): Promise<void> {
  const user = createUser(app, { protocol: 'json', phone: '+14155550123' });
  expect(await user.send()).toMatchObject({
    status: 'UNAVAILABLE',
    details: { ErrorInfo: { reason: 'STORE_UNAVAILABLE' } },
  });
  expect((await fetch(`${app.ops}/readyz`)).status).toBe(503);
  expect(app.inbox.messages).toHaveLength(0);
}

describe('rediss:// with a private authority', () => {
  async function pemFile(pem: string): Promise<string> {
    const dir = await mkdtemp(join(tmpdir(), 'countersign-ca-'));
    closers.push(() => rm(dir, { recursive: true }));
    await writeFile(join(dir, 'ca.pem'), pem);
    return join(dir, 'ca.pem');
  }

  it('that REDIS_CA_FILE names', async () => {
    const server = await redis({ tls: true, password: 'secret' });
    const app = await serve({ REDIS_URL: server.url, REDIS_CA_FILE: await pemFile(String(server.ca)) });
    await connects(app);
    expect(await everything(app)).toEqual(FINE);
    expect(await server.admin.dbsize()).toBeGreaterThan(0);
  });

  it('negative control: nobody named it, so it is not trusted', async () => {
    await expectUnreachable(await serve({ REDIS_URL: (await redis({ tls: true })).url }));
  });

  it('negative control: another one is not trusted', async () => {
    const { url } = await redis({ tls: true });
    await expectUnreachable(
      await serve({ REDIS_URL: url, REDIS_CA_FILE: await pemFile(selfSignedCertificate().cert) }),
    );
  });

  it('negative control: redis:// does not reach a server that speaks TLS only', async () => {
    const { port } = await redis({ tls: true });
    await expectUnreachable(await serve({ REDIS_URL: `redis://127.0.0.1:${port}` }));
  });
});

describe('passwords', () => {
  const PASSWORD = 'p@ss:w/rd%?#&';

  it('in the URL', async () => {
    const app = await serve({ REDIS_URL: (await redis({ password: PASSWORD })).url });
    await connects(app);
    expect(await everything(app)).toEqual(FINE);
  });

  it.each([':wrong@', 'default:wrong@', 'default@', ''])(
    'in REDIS_PASSWORD, which wins over the URL (%s)',
    async (identity) => {
      const { host, port } = await redis({ password: PASSWORD });
      const app = await serve({ REDIS_URL: `redis://${identity}${host}:${port}`, REDIS_PASSWORD: PASSWORD });
      await connects(app);
      expect(await everything(app)).toEqual(FINE);
    },
  );

  it.each([
    ['a wrong one', { REDIS_PASSWORD: 'wrong' }],
    ['none', {}],
  ])('negative control: %s', async (_, env) => {
    const { host, port } = await redis({ password: PASSWORD });
    const app = await serve({ REDIS_URL: `redis://${host}:${port}`, ...env });
    await expectUnreachable(app);
    expect(app.log()).not.toContain(PASSWORD);
  });
});

/** The rights that docs/operations.md lists, and the further ones for a Cluster. */
async function documentedRights(): Promise<{ single: string[]; cluster: string[] }> {
  const text = await readFile(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const [single = '', cluster = ''] = Array.from(text.matchAll(/```redis-acl\n(.*?)```/gs), ([, block = '']) => block);
  const words = (block: string) => block.trim().split(/\s+/);
  return { single: words(single).slice(2), cluster: words(cluster) };
}

describe('an ACL user with the rights that the documentation lists', () => {
  const isCommand = (right: string) => /^\+[a-z|]+$/.test(right);

  it('can do everything, and every one of the rights is needed', async () => {
    const { single } = await documentedRights();
    const { admin, host, port } = await redis();
    const rules = single.map((word) => word.replace('PASSWORD', 'app-password'));
    await admin.acl('SETUSER', 'countersign', 'reset', ...rules);
    const app = await serve({ REDIS_URL: `redis://countersign:app-password@${host}:${port}` });
    await connects(app);
    expect(await everything(app)).toEqual(FINE);
    expect(await admin.acl('LOG')).toEqual([]);

    const commands = rules.filter(isCommand);
    const unneeded: string[] = [];
    for (const right of commands) {
      await admin.acl('SETUSER', 'countersign', right.replace('+', '-'));
      await admin.acl('LOG', 'RESET');
      // A script that Redis does not know takes another command.
      await admin.script('FLUSH');
      await everything(app);
      if (((await admin.acl('LOG')) as unknown[]).length === 0) unneeded.push(right);
      await admin.acl('SETUSER', 'countersign', right);
    }
    expect(unneeded).toEqual([]);
    expect(await everything(app)).toEqual(FINE);
    figure(`an ACL user with ${commands.length} commands and nothing else can do everything`);
  });

  it('named by REDIS_USERNAME and REDIS_PASSWORD', async () => {
    const { single } = await documentedRights();
    const { admin, host, port } = await redis();
    const rules = single.map((word) => word.replace('PASSWORD', 'app-password'));
    await admin.acl('SETUSER', 'countersign', 'reset', ...rules);
    const env = { REDIS_URL: `redis://${host}:${port}`, REDIS_USERNAME: 'countersign', REDIS_PASSWORD: 'app-password' };
    const app = await serve(env);
    await connects(app);
    expect(await everything(app)).toEqual(FINE);
    // Keys of others are none of its business: Redis refuses before a script runs. The log says why, nothing is ready.
    const stranger = await serve({ ...env, REDIS_KEY_PREFIX: 'other' });
    await eventually('the reason in the log', async () => {
      expect(await everything(stranger)).toEqual(['UNAVAILABLE']);
      return stranger.log().includes('NOPERM');
    });
    expect((await fetch(`${stranger.ops}/readyz`)).status).toBe(503);
    expect(stranger.inbox.messages).toHaveLength(0);
  });

  it('on a Cluster, with the rights listed for that', async () => {
    const { single, cluster: more } = await documentedRights();
    const cluster = await startCluster();
    closers.push(() => cluster.stop());
    const rules = single.map((word) => word.replace('PASSWORD', 'app-password'));
    stores.push(cluster.connect());
    const admins = cluster.nodes.map((node) => node.connect());
    for (const admin of admins) await admin.acl('SETUSER', 'countersign', 'reset', ...rules, ...more);
    const seeds = (identity: string) =>
      cluster.nodes.map(({ host, port }) => `redis://${identity}@${host}:${port}`).join();
    const identities = [
      { REDIS_URL: seeds('countersign:app-password') },
      { REDIS_URL: seeds('default:wrong'), REDIS_USERNAME: 'countersign', REDIS_PASSWORD: 'app-password' },
    ];
    for (const env of identities) {
      const app = await serve({ ...env, REDIS_CLUSTER: 'true' });
      await connects(app);
      for (let n = 0; n < 6; n++) expect(await everything(app)).toEqual(FINE);
    }
    // The client would like to give its connections a name, and does without.
    const logs = await Promise.all(admins.map((admin) => admin.acl('LOG')));
    const denied = logs.flat().map((entry) => (entry as string[])[7]);
    expect(new Set(denied.filter((command) => command !== 'client|setname'))).toEqual(new Set());
  });
});

describe('a corner of a Redis', () => {
  async function keysIn(client: Redis): Promise<string[]> {
    const keys: string[] = [];
    for await (const key of keysUnder(client, '')) keys.push(key);
    return keys;
  }

  it('a database number in the URL: every key is there, none in another', async () => {
    const server = await redis();
    const third = server.connect({ db: 3 });
    stores.push(third);
    const app = await serve({ REDIS_URL: `${server.url}/3` });
    await connects(app);
    expect(await everything(app)).toEqual(FINE);
    expect((await keysIn(third)).length).toBeGreaterThan(0);
    expect(await keysIn(server.admin)).toEqual([]);
  });

  it('a key prefix: two services share a Redis and a secret, and see nothing of each other', async () => {
    const server = await redis();
    const env = { REDIS_URL: server.url, COUNTERSIGN_SECRET: 'the same secret for both of them, of 32 bytes' };
    const join = async (prefix: string) => {
      const app = await serve({ ...env, REDIS_KEY_PREFIX: prefix });
      await connects(app);
      return createUser(app, { protocol: 'grpc', phone });
    };
    const phone = '+14155550199';
    used.phones.push(phone);
    const here = await join('one');
    const there = await join('two.x:y');
    ok(await here.send());
    expect((await keysIn(server.admin)).every((key) => key.startsWith('one:3:{'))).toBe(true);
    expect(await there.status()).toMatchObject({ canSend: true, canCheck: false });
    expect(await there.verdict(here.code(), { verificationId: here.id })).toBe('NOT_FOUND');
    ok(await there.send());
    expect((await keysIn(server.admin)).some((key) => key.startsWith('two.x:y:3:{'))).toBe(true);
    used.codes.push(here.code(), there.code());
    // The negative control: under one prefix they are one service.
    const twin = await join('one');
    expect(await twin.status()).toMatchObject({ canCheck: true });
    expect(await twin.verdict(here.code(), { verificationId: here.id })).toBe('APPROVED');
    expect(await here.verdict(here.code())).toBe('NOT_FOUND');
  });
});
