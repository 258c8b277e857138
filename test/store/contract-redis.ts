import { afterEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import { EARLY_REPORT_MS, REPORT_MS } from '../../src/domain/policy.ts';
import type { Slot } from '../../src/domain/slot.ts';
import type { SendRules, Store } from '../../src/store/store.ts';
import { assertKeysClean } from '../support/keys.ts';
import { changePacked, valuesOf, writeList } from '../support/packed.ts';
import type { SharedRedis } from '../support/shared-redis.ts';
import { openStore } from '../support/store.ts';
import { connected, virtualRedisStore } from '../support/virtual-redis.ts';
import { eventually } from '../support/wait.ts';
import { rulesOf } from './commands.ts';
import { storeContract } from './contract.ts';
import { DAY, DELIVERY, GUESS, RIGHT } from './contract-world.ts';

/** What the store on Redis promises beside the contract. Registers hooks. */
export function redisContract(shared: SharedRedis): void {
  afterEach(async () => {
    await assertKeysClean(shared.client, shared.prefix, { phones: [], codes: [] });
    await shared.clear();
  });
  const create = (now: () => number) => connected(virtualRedisStore({ now, keyPrefix: shared.prefix }));
  storeContract(create);

  it('keeps an approved record for a day, also when the send that took its place is given back', async () => {
    const store = await create(() => 1_800_000_000_000);
    const slot = { phoneKey: '00.refunded', caller: 'auth', purpose: 'login' };
    const send = (serial: number) =>
      store.send({
        slot,
        rules: { ...rulesOf('same'), cooldownMs: 0 },
        sendId: `send-${serial}`,
        candidate: { nonce: `nonce-${serial}`, seed: `seed-${serial}`, codeMac: RIGHT },
        session: '',
        content: '',
        request: null,
      });
    await send(1);
    expect(await store.check({ ...GUESS, slot, codeMac: RIGHT })).toMatchObject({ kind: 'approved' });
    await send(2);
    await store.settle({ slot, sendId: 'send-2', requestHash: null, delivery: null });
    const lives = await shared.client.pttl(`${shared.prefix}:3:{00.refunded}:v:auth:login`);
    expect(lives).toBeGreaterThan(DAY - 60_000);
    expect(lives).toBeLessThanOrEqual(DAY);
    await store.close();
  });

  it('takes no delay of its own process for silence of the server', async () => {
    const now = () => 1_800_000_000_000;
    const options = { now, keyPrefix: shared.prefix, commandTimeoutMs: 100 };
    const store = await connected(virtualRedisStore(options));
    const slot = { phoneKey: '00.busy', caller: 'auth', purpose: 'login' };
    const reply = store.status({ slot, nonce: null, cooldownMs: 60_000, windows: rulesOf('same').windows });
    await new Promise((resolve) => setImmediate(resolve));
    // Asleep rather than busy, so that the server can answer on a machine with one processor, too. For longer than the
    // five time-outs after which a silent connection is given up.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
    expect(await reply).toMatchObject({ blocked: null });
    await store.close();
  });

  it('lets a code die with the history that issued it, and its user ask for another at once', async () => {
    const store = await create(() => 1_800_000_000_000);
    const slot = { phoneKey: '00.fence', caller: 'auth', purpose: 'login' };
    const send = (serial: number) =>
      store.send({
        slot,
        rules: rulesOf('same'),
        sendId: `send-${serial}`,
        candidate: { nonce: `nonce-${serial}`, seed: `seed-${serial}`, codeMac: 'right' },
        session: '',
        content: '',
        request: null,
      });
    const check = () =>
      store.check({
        slot,
        nonce: null,
        session: '',
        content: '',
        codeMac: 'right',
        request: null,
        approvedTag: '',
        guessesByPhone: 5,
      });

    await send(1);
    expect(await send(2)).toMatchObject({ kind: 'blocked', by: 'cooldown' });
    // As after the promotion of a replica: the record is of another history than the node that reads it.
    await changePacked(shared.client, `${shared.prefix}:3:{00.fence}:v:auth:login`, 'record', {
      replication_id: '0'.repeat(16),
    });
    expect(await check()).toEqual({ kind: 'not_found' });
    const status = await store.status({ slot, nonce: null, cooldownMs: 60_000, windows: rulesOf('same').windows });
    expect(status).toMatchObject({ record: { state: 'expired' }, blocked: null });
    expect(await send(3)).toMatchObject({ kind: 'reserved', seed: 'seed-3', reservation: { sendsRemaining: 3 } });
    expect(await check()).toMatchObject({ kind: 'approved' });
    await store.close();
  });

  /** A code of `auth`, sent and settled; its record is of another replication id, as after the promotion of a replica. */
  async function deadCode(
    store: Store,
    phoneKey: string,
    attempts: Delivery['attempts'],
    spend: (store: Store, slot: Slot) => Promise<unknown> = async () => undefined,
  ) {
    const slot = { phoneKey, caller: 'auth', purpose: 'login' };
    let serial = 0;
    const send = (changes: { slot?: Slot; rules?: SendRules } = {}) => {
      serial += 1;
      const candidate = { nonce: `nonce-${serial}`, seed: `seed-${serial}`, codeMac: 'right' };
      const command = {
        slot,
        rules: rulesOf('same'),
        sendId: `send-${serial}`,
        candidate,
        session: '',
        content: '',
        request: null,
      };
      return store.send({ ...command, ...changes });
    };
    await send();
    await store.settle({ slot, sendId: 'send-1', requestHash: null, delivery: { ...DELIVERY, attempts } });
    await spend(store, slot);
    await changePacked(shared.client, `${shared.prefix}:3:{${phoneKey}}:v:auth:login`, 'record', {
      replication_id: '0'.repeat(16),
    });
    return { slot, send };
  }

  it('waives the cooldown of a dead code, however often its send was charged', async () => {
    const store = await create(() => 1_800_000_000_000);
    const attempt = { provider: 'a', result: 'unknown', category: 'timeout', latencyMs: 1 } as const;
    const { send } = await deadCode(store, '00.charged', [attempt, attempt]);
    expect(await send()).toMatchObject({ kind: 'reserved', reservation: { sendsRemaining: 2 } });
    await store.close();
  });

  it.each<[what: string, spend: (store: Store, slot: Slot) => Promise<unknown>, ms: number]>([
    ['over', async () => undefined, 300_000],
    [
      'used up',
      async (store, slot) => {
        for (let guess = 0; guess < 5; guess++) await store.check({ ...GUESS, slot, codeMac: 'wrong' });
      },
      0,
    ],
  ])('waives no cooldown of a code that was %s before it died', async (_, spend, ms) => {
    let now = 1_800_000_000_000;
    const store = await create(() => now);
    const { send } = await deadCode(store, `00.spent-${ms}`, [], spend);
    now += ms;
    expect(await send({ rules: { ...rulesOf('same'), cooldownMs: 600_000 } })).toMatchObject({
      kind: 'blocked',
      by: 'cooldown',
    });
    await store.close();
  });

  it('waives no cooldown of another send that came after the dead code', async () => {
    const store = await create(() => 1_800_000_000_000);
    const { slot, send } = await deadCode(store, '00.later', []);
    await send({ slot: { ...slot, caller: 'shop' }, rules: { ...rulesOf('same'), cooldownMs: 0 } });
    expect(await send()).toMatchObject({ kind: 'blocked', by: 'cooldown' });
    await store.close();
  });

  /** What `ready` says on a Redis whose INFO is this. */
  async function faultOn(info: string, fault: string): Promise<void> {
    const plant = (_: string, lua: string) => lua.replaceAll("redis.call('INFO', 'replication')", `'${info}'`);
    const store = virtualRedisStore({ now: () => 1_800_000_000_000, keyPrefix: shared.prefix, plant });
    const said = () => store.ready().then(String, (error: Error) => `${error} ${error.cause}`);
    // Until it is connected, ready says something else; and a replica makes it connect again.
    await eventually(fault, async () => (await said()).includes(fault), { everyMs: 5 });
    await store.close();
  }

  it('is not ready on a Redis that shows no replication id', () =>
    faultOn('role:master', 'shows no role and master_replid'));

  it('is not ready on a replica', () => faultOn('role:slave master_replid:0a', 'this Redis is a replica'));

  it('is not ready where it cannot read its keys', async () => {
    await shared.client.rpush(`${shared.prefix}:3:{ready}`, 'not a text');
    await shared.client.pexpire(`${shared.prefix}:3:{ready}`, 60_000);
    await faultOn('role:master master_replid:0a', 'WRONGTYPE');
  });

  it('records what is reported of a code that died with its history', async () => {
    const store = await create(() => 1_800_000_000_000);
    const slot = { phoneKey: '00.reported', caller: 'auth', purpose: 'login' };
    const candidate = { nonce: 'nonce', seed: 'seed', codeMac: 'right' };
    const delivery = { provider: 'a', messageId: 'm', status: 'accepted', attempts: [] } as const;
    await store.send({
      slot,
      rules: rulesOf('same'),
      sendId: 'send',
      candidate,
      session: '',
      content: '',
      request: null,
    });
    await store.settle({ slot, sendId: 'send', requestHash: null, delivery });
    await changePacked(shared.client, `${shared.prefix}:3:{00.reported}:v:auth:login`, 'record', {
      replication_id: '0'.repeat(16),
    });
    const report = { provider: 'a', messageId: 'm', status: 'delivered', category: '' } as const;
    expect(await store.report({ slot, sendId: 'send', ...report })).toMatchObject({ outcome: 'applied' });
    const status = await store.status({ slot, nonce: null, cooldownMs: 60_000, windows: rulesOf('same').windows });
    expect(status.record).toMatchObject({ state: 'expired', delivery: { status: 'delivered', attempts: [] } });
    await store.close();
  });

  it('holds no phone for a day for one send that was stamped a day ahead of Redis’s own clock', async () => {
    const store = await openStore({ url: shared.url, keyPrefix: shared.prefix });
    const slot = { phoneKey: '00.ahead', caller: 'auth', purpose: 'login' };
    const windows = [{ name: 'ten', limit: 1, windowMs: 600_000 }];
    const rules = { ...rulesOf('same'), windows };
    const candidate = { nonce: 'nonce', seed: 'seed', codeMac: 'right' };
    await store.send({ slot, rules, sendId: 'send', candidate, session: '', content: '', request: null });
    const [sends = ''] = await shared.client.keys(`${shared.prefix}*:s`);
    await writeList(shared.client, sends, [Date.now() + 86_400_000, 1, 'auth:send']);
    const { blocked } = await store.status({ slot, nonce: null, cooldownMs: 60_000, windows });
    expect(blocked).toEqual({ by: 'ten', retryAfterMs: 600_000 });
    expect(Number((await valuesOf(shared.client, sends))[0])).toBeLessThanOrEqual(Date.now());
    await store.close();
  });

  it('keeps what it knows of a vendor’s message under one tag, for as long as it can be asked for', async () => {
    const store = await create(() => 1_800_000_000_000);
    const report = { status: 'delivered', category: '', vendorCode: '' } as const;
    const waiting = `${shared.prefix}:3:{m.00-me}`;
    const link = `${waiting}:ssage`;
    const lives = async (key: string) => Math.ceil((await shared.client.pttl(key)) / 60_000) * 60_000;
    const keys = () => shared.client.keys(`${shared.prefix}*`);
    await store.lookup({ message: '00-message', report });
    expect(await lives(waiting)).toBe(EARLY_REPORT_MS);
    expect(await shared.client.lrange(waiting, 0, -1)).toEqual(['1800000000000 00-message ["delivered","",""]']);
    expect(await keys()).toEqual([waiting]);
    await store.link({ message: '00-message', token: 'token' });
    expect(await lives(link)).toBe(REPORT_MS);
    expect(await keys()).toEqual([link]);
    expect(await valuesOf(shared.client, link)).toEqual(['1800000000000', 'token']);
    await store.close();
  });

  describe('reports of messages that nobody sent', () => {
    const bytesOf = async (keys: readonly string[]) => {
      const sizes = await Promise.all(keys.map((key) => shared.client.memory('USAGE', key)));
      return sizes.reduce<number>((sum, size) => sum + Number(size), 0);
    };
    /** As many as 100 callbacks of Tencent's can hold, to few of the buckets, so that each of them is full. */
    async function flood(store: Store, reports = 10_000) {
      const report = { status: 'failed', category: 'unreachable', vendorCode: 'x'.repeat(64) } as const;
      for (let n = 0; n < reports; n += 500) {
        const some = Array.from(
          { length: 500 },
          (_, i) => `00-A${'ABCDEFGHIJ'[i % 10]}${String(n + i).padStart(20, '0')}`,
        );
        await Promise.all(some.map((message) => store.lookup({ message, report })));
      }
      const keys = await shared.client.keys(`${shared.prefix}*`);
      return { keys: keys.length, bytes: await bytesOf(keys) };
    }

    it('are limited in number and size, however many come', async () => {
      const store = await create(() => 1_800_000_000_000);
      const { keys, bytes } = await flood(store);
      expect(keys).toBe(10);
      // 8 in each bucket; 4,096 buckets are below 8 MB.
      expect(bytes).toBeLessThan(10 * 2_000);
      await store.close();
    });

    it('would fill Redis without the limit', async () => {
      const plant = (_: string, lua: string) => lua.replace("redis.call('LTRIM', waiting_key, -8, -1)", '');
      const options = { now: () => 1_800_000_000_000, keyPrefix: shared.prefix, plant };
      const store = await connected(virtualRedisStore(options));
      expect((await flood(store)).bytes).toBeGreaterThan(1_000_000);
      await store.close();
    });

    it('do not take the link of a message that was sent', async () => {
      const store = await create(() => 1_800_000_000_000);
      await store.link({ message: `00-AA${'x'.repeat(20)}`, token: 'token' });
      await flood(store, 500);
      const report = { status: 'delivered', category: '', vendorCode: '' } as const;
      expect(await store.lookup({ message: `00-AA${'x'.repeat(20)}`, report })).toEqual({ token: 'token' });
      await store.close();
    });
  });

  it('is searched whole: a phone in a report that waits would be found', async () => {
    const store = await create(() => 1_800_000_000_000);
    const phone = '+14155550123';
    const report = { status: 'delivered', category: '', vendorCode: `sms/${phone}` } as const;
    await store.lookup({ message: '00-message', report });
    const searched = assertKeysClean(shared.client, shared.prefix, { phones: [phone], codes: [] });
    await expect(searched).rejects.toThrow('shows a phone');
    await store.close();
  });
}
