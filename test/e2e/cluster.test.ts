/** The same promises on a real Redis Cluster of three nodes: every script declares its keys, and they share a slot. */
import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyring } from '../../src/domain/keyring.ts';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { keysOf } from '../../src/store/keys.ts';
import { storeContract } from '../store/contract.ts';
import type { RunningApp } from '../support/app.ts';
import { ok, PROTOCOLS, type Protocol } from '../support/clients.ts';
import { startCluster } from '../support/redis-cluster.ts';
import type { RedisServer } from '../support/redis-server.ts';
import { connected, virtualRedisStore } from '../support/virtual-redis.ts';
import { eventually } from '../support/wait.ts';
import { type ScriptWatch, watchScripts } from './monitor.ts';
import { createStage, figure } from './stage.ts';
import { createUser, tally } from './user.ts';

const cluster = await startCluster();
const client = cluster.connect();
const admins = cluster.nodes.map((node) => node.connect());
const first = admins[0] as Redis;
const seeds = { urls: cluster.urls, cluster: true };

const stage = createStage({
  url: cluster.urls.join(','),
  client,
  prefix: 'cs',
  clear: async () => void (await Promise.all(admins.map((admin) => admin.flushall()))),
  close: () => cluster.stop(),
});

const slotOf = async (key: string) => Number(await first.cluster('KEYSLOT', key));

describe('the store contract', () => {
  const NOBODY = { caller: 'auth', purpose: 'login' };
  const NOTHING = { nonce: null, cooldownMs: 0, windows: [] };
  let watch: ScriptWatch;
  let onEveryNode: readonly string[];
  beforeAll(async () => {
    watch = await watchScripts(cluster.nodes);
    const shares = new Map<number, string>();
    for (let n = 0; shares.size < cluster.nodes.length; n++) {
      const slot = await slotOf(`{${n}}`);
      shares.set(Math.floor((slot * cluster.nodes.length) / 16_384), String(n));
    }
    onEveryNode = [...shares.values()];
  });
  afterAll(() => watch.stop());

  storeContract(async (now) => {
    const store = await connected(virtualRedisStore({ now, keyPrefix: 'cs', ...seeds }));
    // The client connects to a node when it first needs it, and refuses further commands for it until it has.
    for (const phoneKey of onEveryNode) await store.status({ ...NOTHING, slot: { phoneKey, ...NOBODY } });
    return store;
  });

  it('has run scripts by the hundred, and none touched a key that it did not declare', async () => {
    const { scripts, commands, undeclared } = await watch.seen();
    expect(undeclared).toEqual([]);
    expect(scripts).toBeGreaterThan(300);
    figure(`${scripts} scripts ran ${commands} commands on 3 nodes, ${undeclared.length} on undeclared keys`);
  });
});

describe('negative controls: a script with a key that it did not declare', () => {
  async function check(key: string) {
    const watch = await watchScripts(cluster.nodes);
    const plant = (name: string, lua: string) => (name === 'check' ? `redis.call('HGET', ${key}, 'x')\n${lua}` : lua);
    const app = await stage.startVirtual({ ...seeds, plant });
    const statuses: string[] = [];
    for (let n = 0; n < 24; n++) {
      const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
      ok(await user.send());
      statuses.push(await user.verdict(user.code()));
    }
    const { undeclared } = await watch.seen();
    watch.stop();
    return { statuses: tally(statuses), undeclared };
  }

  it('is found by the monitor where the Cluster does not mind', async () => {
    const { statuses, undeclared } = await check("KEYS[1] .. ':more'");
    expect(statuses).toEqual({ APPROVED: 24 });
    expect(undeclared).toHaveLength(24);
    expect(undeclared[0]).toMatch(/^hget cs:3:\{[^}]+\}:v:anonymous:login:more$/);
  });

  it('is refused by the Cluster for phones on other nodes than the key', async () => {
    const { statuses } = await check("'elsewhere'");
    expect(statuses.INTERNAL).toBeGreaterThan(0);
  });
});

describe('slots', () => {
  const HOSTILE = [
    '',
    '{',
    '}',
    '{}',
    '}{',
    '{a}',
    '}a{b}',
    '\u0000',
    '\r\n',
    '*',
    ':',
    '::v:',
    '{}:s',
    '１',
    '\u202e',
    'x'.repeat(64),
  ];
  const keyring = createKeyring({ current: randomBytes(32), previous: null });

  function keysFor(phoneKey: string, input: string): string[] {
    const keys = keysOf('cs', { phoneKey, caller: 'auth', purpose: 'login' });
    const others = keysOf('cs', { phoneKey, caller: 'shop', purpose: 'reset_password' });
    const hash = keyring.fingerprint('send request', phoneKey, [input]);
    return [keys, others].flatMap(({ answer, verdict, ...fixed }) => [
      ...Object.values(fixed),
      answer(hash),
      verdict(hash),
      answer(null),
      verdict(null),
    ]);
  }

  it('all keys of a phone share one, whatever callers send', async () => {
    const used = new Set<number>();
    for (const input of HOSTILE) {
      const keys = keysFor(keyring.phoneKey(`+1415${input}`), input);
      expect(keys.every((key) => /^cs:3:\{[0-9a-f]{2}\.[\w-]{22}\}(:[a-z_-]+)*(:[\w-]+)?$/.test(key))).toBe(true);
      const slots = new Set(await Promise.all(keys.map(slotOf)));
      expect(slots.size, JSON.stringify(input)).toBe(1);
      for (const slot of slots) used.add(slot);
    }
    // Phones spread over the Cluster.
    expect(used.size).toBeGreaterThan(HOSTILE.length / 2);
  });

  it('negative control: a tag that a caller could close would tear them apart', async () => {
    const slots = await Promise.all(keysFor('}x', 'x').map(slotOf));
    expect(new Set(slots).size).toBeGreaterThan(1);
  });
});

describe('the service', () => {
  let app: RunningApp;
  beforeAll(async () => {
    app = await stage.start({ env: { REDIS_CLUSTER: 'true' } });
  });

  it('sends, checks, explains and cancels, on every node and over every protocol', async () => {
    const { cancelVerification } = VerificationService.method;
    // Enough that no node is left out by chance.
    for (let n = 0; n < 40; n++) {
      const protocol = PROTOCOLS[n % PROTOCOLS.length] as Protocol;
      const user = createUser(app, { protocol, phone: stage.phone() });
      ok(await user.send({ requestId: 'send' }));
      ok(await user.send({ requestId: 'send' }));
      expect(user.received()).toBe(1);
      expect(await user.status()).toMatchObject({ canSend: false, canCheck: true, blockedBy: 'cooldown' });
      expect(await user.verdict(user.wrong(), { requestId: 'wrong' })).toBe('WRONG_CODE');
      expect(await user.verdict(user.wrong(), { requestId: 'wrong' })).toBe('WRONG_CODE');
      expect(await user.verdict(user.code())).toBe('APPROVED');
      expect(await user.verdict(user.code())).toBe('NOT_FOUND');
      expect(await user.record()).toMatchObject({ attempts: 2 });
      const id = { verificationId: user.id, purpose: 'login' };
      expect((await app.client(protocol).call(cancelVerification, id)).status).toBe('OK');
    }
    const sizes = await Promise.all(admins.map((admin) => admin.dbsize()));
    expect(Math.min(...sizes)).toBeGreaterThan(0);
    expect(app.events.filter(({ type }) => type === 'fault')).toEqual([]);
    figure(`40 users over ${PROTOCOLS.length} protocols, keys on the nodes ${sizes.join(' / ')}`);
  });

  it.each(['{', '}', '{}', '}{', '{a}b', '}:s', 'a{b}c{d}e', '*?[]\\', "'; --", '%7b%7d'])(
    'input that looks like a hash tag, %s, moves no key',
    async (text) => {
      const client = { ip: '', deviceId: text, userAgent: text, sessionId: text };
      const user = createUser(app, { protocol: 'json', phone: stage.phone() });
      ok(await user.send({ requestId: text, client, captchaToken: text, locale: text, variables: { name: text } }));
      expect(await user.verdict(user.wrong(), { requestId: text, client })).toBe('WRONG_CODE');
      expect(await user.verdict(user.code(), { client, locale: text })).toBe('APPROVED');
      expect(app.events.filter(({ type }) => type === 'fault')).toEqual([]);
    },
  );
});

/** Last in this file: it moves a slot for good. */
it('in a Cluster, codes of slots that are moved die with the move, and no others', async () => {
  const app = await stage.start({ env: { REDIS_CLUSTER: 'true' } });
  const draw = async () => {
    const before = new Set(await allKeys());
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    ok(await user.send());
    const keys = (await allKeys()).filter((key) => !before.has(key));
    return { user, keys, slot: await slotOf(keys[0] ?? '') };
  };
  const { user: moved, keys, slot } = await draw();
  const other = await draw();
  const { user: stays } = other.slot === slot ? await draw() : other;
  await moveSlot(slot, keys);
  // The cluster says where to ask, and everything but the code has moved with it.
  const { limits } = await eventually('the new node is asked', () => moved.status());
  expect(limits.map(({ used }) => used)).toEqual([1, 1]);
  expect(await moved.verdict(moved.code())).toBe('NOT_FOUND');
  expect(await stays.verdict(stays.code())).toBe('APPROVED');
  ok(await moved.send());
  expect(await moved.verdict(moved.code())).toBe('APPROVED');
});

const allKeys = async () => (await Promise.all(admins.map((admin) => admin.keys('*')))).flat();

/** The slot, with the keys in it, goes to the next node, as `redis-cli --cluster reshard` does it. */
async function moveSlot(slot: number, keys: readonly string[]): Promise<void> {
  const from = Math.floor((slot * admins.length) / 16_384);
  const to = (from + 1) % admins.length;
  const [source, target, node] = [admins[from] as Redis, admins[to] as Redis, cluster.nodes[to] as RedisServer];
  const [sourceId, targetId] = [String(await source.cluster('MYID')), String(await target.cluster('MYID'))];
  await target.cluster('SETSLOT', slot, 'IMPORTING', sourceId);
  await source.cluster('SETSLOT', slot, 'MIGRATING', targetId);
  await source.call('MIGRATE', node.host, String(node.port), '', '0', '5000', 'KEYS', ...keys);
  for (const admin of [target, source, ...admins]) await admin.cluster('SETSLOT', slot, 'NODE', targetId);
}
