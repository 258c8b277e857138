/** Only a primary answers. A replica may be behind, and one that takes writes would approve each code once more. */
import { afterEach, describe, expect, it } from 'vitest';
import { createRedisStore } from '../../src/store/redis.ts';
import { readScript, type ScriptSources } from '../../src/store/redis-scripts.ts';
import type { Store } from '../../src/store/store.ts';
import { startProxy } from '../support/proxy.ts';
import { startPair } from '../support/redis-pair.ts';
import { openStore } from '../support/store.ts';
import { eventually } from '../support/wait.ts';
import { type Command, ONE_OF_EACH, rulesOf, run } from './commands.ts';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const WRITABLE = ['--replica-read-only', 'no'];
const CODES = Array.from({ length: 20 }, (_, code) => code);
const REFUSED = { refusal: { reason: 'STORE_UNAVAILABLE', untouched: true } };

const ROLE = 'if not is_primary then';
/** The safeguard taken out. */
const WITHOUT_ROLE: ScriptSources['read'] = (file) => {
  const lua = readScript(file);
  return file === 'lib/prelude' ? lua.replace(ROLE, 'if false then') : lua;
};

async function pairOf(args: readonly string[]) {
  const pair = await startPair(args);
  closers.push(() => pair.stop());
  return pair;
}

async function storeOn(url: string, read?: ScriptSources['read']): Promise<Store> {
  // Ready before the test begins; on a replica it never is.
  const store = await openStore({ url, ...(read && { read }), connected: false });
  closers.push(() => store.close());
  return store;
}

const slotOf = (code: number) => ({ phoneKey: `00.code-${code}`, caller: 'auth', purpose: 'login' });
const send = (store: Store, code: number) =>
  store.send({
    slot: slotOf(code),
    rules: rulesOf('same'),
    sendId: `send-${code}`,
    candidate: { nonce: `nonce-${code}`, seed: 'seed', codeMac: 'right' },
    session: '',
    content: '',
    request: null,
  });
const check = (store: Store, code: number) =>
  store
    .check({
      slot: slotOf(code),
      nonce: null,
      session: '',
      content: '',
      codeMac: 'right',
      request: null,
      approvedTag: '',
      guessesByPhone: 3,
    })
    .then(({ kind }) => kind);

/** A store on each of the two, connected. */
async function stores(args: readonly string[], read?: ScriptSources['read']) {
  const pair = await pairOf(args);
  const primary = await storeOn(pair.primary.url, read);
  await eventually('the primary', () => primary.ready().then(() => true));
  for (const code of CODES) await send(primary, code);
  await pair.caughtUp();
  return { pair, primary, replica: await storeOn(pair.replica.url, read) };
}

/** What it says once it says something else than that it is not connected. */
async function refusalOf(call: () => Promise<unknown>): Promise<unknown> {
  let said: unknown;
  await eventually('it says that it is a replica', async () => {
    said = await call().catch((error: unknown) => error);
    return String((said as Error).cause).includes('replica') || !(said instanceof Error);
  });
  return said;
}

describe('a replica that takes writes', () => {
  it('approves none of the codes that its primary approves', async () => {
    const { primary, replica } = await stores(WRITABLE);
    for (const code of CODES) {
      expect(await check(primary, code)).toBe('approved');
      expect(await refusalOf(() => check(replica, code))).toMatchObject(REFUSED);
    }
  });

  it('negative control: without the look at the role, it approves all of them again', async () => {
    const { pair, primary, replica } = await stores(WRITABLE, WITHOUT_ROLE);
    await eventually('the replica', () => replica.ready().then(() => true));
    pair.replication.stall('replies');
    const answers = [];
    for (const code of CODES) answers.push(await check(primary, code), await check(replica, code));
    expect(answers.filter((kind) => kind === 'approved')).toHaveLength(2 * CODES.length);
  });
});

/** Also those that would be answered without a write: the status, a record, and what is not found. */
const CALLS: [string, (store: Store) => Promise<unknown>][] = [
  ...ONE_OF_EACH.map((command): [string, (store: Store) => Promise<unknown>] => [
    command.kind,
    (store) => run(store, command as Command, { phoneKey: '00.code-1', index: 1 }, { nonces: [], sends: [] }),
  ]),
  ['check of a code that does not exist', (store) => check(store, -1)],
  ['ready', (store) => store.ready()],
];

describe.each([
  ['as by default', []],
  ['with replica-read-only no', WRITABLE],
])('a replica, %s', (_, args) => {
  it('answers no call, and each is known to have changed nothing', async () => {
    const { replica } = await stores(args);
    for (const [what, call] of CALLS) {
      expect(await refusalOf(() => call(replica)), what).toMatchObject(REFUSED);
    }
  });
});

it('a store finds the new primary behind its address though nobody cuts its connection, and only reads', async () => {
  const pair = await pairOf([]);
  const upstream = { host: pair.primary.host, port: pair.primary.port };
  const address = await startProxy(upstream);
  closers.push(() => address.close());
  const store = await storeOn(`redis://${address.host}:${address.port}`);
  const status = () => store.status({ slot: slotOf(1), nonce: null, cooldownMs: 0, windows: rulesOf('same').windows });
  await eventually('the primary', () => store.ready().then(() => true));

  await pair.replica.connect().replicaof('NO', 'ONE');
  await pair.primary.connect().replicaof(pair.replica.host, pair.replica.port);
  upstream.port = pair.replica.port;
  expect(await status().catch((error: unknown) => error)).toMatchObject(REFUSED);
  await eventually('the new primary answers', () => status().then(() => true));
});

it('calls on a replica cost a connection a second at most, not each', async () => {
  const { replica } = await pairOf([]);
  const still = { emit: () => undefined, clock: () => 0, keyPrefix: 'cs', cluster: false, commandTimeoutMs: 60_000 };
  const store = createRedisStore({ urls: [replica.url], ...still });
  closers.push(() => store.close());
  const admin = replica.connect();
  const connections = async () =>
    Number(/total_connections_received:(\d+)/.exec(await admin.info('stats'))?.[1] ?? Number.NaN);
  const refused = () => refusalOf(() => check(store, 1));
  // The first refusal makes it connect anew.
  for (let i = 0; i < 3; i++) await refused();
  const before = await connections();
  for (let i = 0; i < 50; i++) expect(await refused()).toMatchObject(REFUSED);
  expect(await connections()).toBe(before);
});
