/**
 * A script that breaks off: a command fails in its middle, because a right is missing or a key is not what it should be,
 * and Lua takes nothing back. Whatever the command: the call can be repeated or taken back, and every key expires.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Slot } from '../../src/domain/slot.ts';
import type { ScriptName } from '../../src/store/redis-scripts.ts';
import type { SendCommand, Store } from '../../src/store/store.ts';
import { assertKeysClean } from '../support/keys.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { connected, virtualRedisStore } from '../support/virtual-redis.ts';
import { rulesOf } from './commands.ts';
import { DELIVERY, GUESS, MINUTE, RIGHT } from './contract-world.ts';

const shared = sharedRedis();
let now = 1_800_000_000_000;
/** Which command of the script `broken` does not do, from 1. */
let nth = 0;
const BREAKS = 1_000;

/**
 * Fails in place of one command, whose number comes as the fraction of the time. PEXPIRE works: an instance is not ready
 * without it.
 */
const breakingOff = (_: ScriptName, lua: string) =>
  `local time, real, commands = tonumber(ARGV[#ARGV]), redis, 0
   local nth = math.floor(time % 1 * ${BREAKS} + 0.5)
   ARGV[#ARGV] = string.format('%d', math.floor(time))
   local redis = { sha1hex = real.sha1hex, error_reply = real.error_reply }
   function redis.call(command, ...)
     if command ~= 'PEXPIRE' and command ~= 'TIME' and command ~= 'INFO' then commands = commands + 1 end
     if nth > 0 and commands == nth then error('ERR broken off at ' .. command) end
     return real.call(command, ...)
   end
   ${lua}`;

let store: Store;
let broken: Store;
beforeAll(async () => {
  const { prefix: keyPrefix } = shared;
  store = await connected(virtualRedisStore({ keyPrefix, now: () => now }));
  broken = await connected(virtualRedisStore({ keyPrefix, now: () => now + nth / BREAKS, plant: breakingOff }));
});
afterAll(async () => {
  await Promise.all([store.close(), broken.close()]);
  await shared.close();
});

const REQUEST = { hash: 'request', content: 'content' };
const TAG = 'tag';

interface Scene {
  readonly slot: Slot;
  send(serial: number, changes?: Partial<SendCommand>): SendCommand;
}

/** Breaks a script off at each of its commands in turn, until it has none left. Returns how many it has. */
async function atEachCommand(play: (scene: Scene) => Promise<unknown>): Promise<number> {
  for (nth = 1; ; nth++) {
    const slot = { phoneKey: `00.${randomBytes(16).toString('base64url')}`, caller: 'auth', purpose: 'login' };
    const send = (serial: number, changes: Partial<SendCommand> = {}): SendCommand => ({
      slot,
      rules: rulesOf('same'),
      sendId: `send-${serial}`,
      candidate: { nonce: `nonce-${serial}`, seed: `seed-${serial}`, codeMac: RIGHT },
      session: '',
      content: '',
      request: REQUEST,
      ...changes,
    });
    const cause = await play({ slot, send });
    await assertKeysClean(shared.client, `${shared.prefix}:3:{${slot.phoneKey}}`, { phones: [], codes: [] });
    if (cause === undefined) return nth - 1;
    expect(String(cause)).toContain('broken off');
  }
}

/** What went wrong; undefined when nothing did. */
const fault = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => undefined,
    (error: unknown) => error,
  );

const usedOf = async ({ slot }: Scene) =>
  (await store.status({ slot, nonce: null, cooldownMs: MINUTE, windows: rulesOf('same').windows })).windows[0]?.used;

describe('a send that breaks off', () => {
  it.each(['same', 'new'] as const)(
    'is taken back whole, and the code before it lives on: resend %s',
    async (resend) => {
      const commands = await atEachCommand(async (scene) => {
        const { slot, send } = scene;
        await store.send(send(1, { request: null }));
        await store.settle({ slot, sendId: 'send-1', requestHash: null, delivery: DELIVERY });
        now += MINUTE;
        const command = send(2, { rules: rulesOf(resend) });
        const cause = await fault(broken.send(command));
        await store.settle({ slot, sendId: command.sendId, requestHash: REQUEST.hash, delivery: null });
        expect(await usedOf(scene)).toBe(1);
        expect(await store.send(send(3, { rules: { ...rulesOf(resend), cooldownMs: 0 } }))).toMatchObject({
          kind: 'reserved',
          reservation: { sendsRemaining: 3 },
        });
        return cause;
      });
      expect(commands).toBeGreaterThan(3);
    },
  );
});

describe('a settle that breaks off', () => {
  it('can be repeated: the delivery is recorded and charged once', async () => {
    const attempt = { provider: 'a', result: 'unknown', category: 'timeout', latencyMs: 1 } as const;
    const delivery = { ...DELIVERY, attempts: [attempt, { ...attempt, result: 'accepted', category: '' } as const] };
    await atEachCommand(async (scene) => {
      const { slot, send } = scene;
      await store.send(send(1));
      const settle = { slot, sendId: 'send-1', requestHash: REQUEST.hash, delivery };
      const cause = await fault(broken.settle(settle));
      await store.settle(settle);
      expect(await usedOf(scene)).toBe(2);
      expect(await store.send(send(2))).toMatchObject({ kind: 'replayed', delivery: { messageId: 'm-1' } });
      return cause;
    });
  });

  it.each(['same', 'new'] as const)('can be repeated: a refund is made once, resend %s', async (resend) => {
    await atEachCommand(async (scene) => {
      const { slot, send } = scene;
      await store.send(send(1, { request: null }));
      await store.settle({ slot, sendId: 'send-1', requestHash: null, delivery: DELIVERY });
      now += MINUTE;
      await store.send(send(2, { rules: rulesOf(resend) }));
      const settle = { slot, sendId: 'send-2', requestHash: REQUEST.hash, delivery: null };
      const cause = await fault(broken.settle(settle));
      await store.settle(settle);
      expect(await usedOf(scene)).toBe(1);
      const guess = { ...GUESS, slot, nonce: 'nonce-1', codeMac: RIGHT };
      expect(await store.check(guess)).toMatchObject({ kind: 'approved' });
      return cause;
    });
  });
});

describe('a check that breaks off', () => {
  it('loses no right code, and approves it once', async () => {
    const commands = await atEachCommand(async ({ slot, send }) => {
      await store.send(send(1, { request: null }));
      const guess = { ...GUESS, slot, codeMac: RIGHT, approvedTag: TAG };
      const cause = await fault(broken.check({ ...guess, request: REQUEST }));
      expect(await store.check({ ...guess, request: REQUEST })).toMatchObject({ kind: 'approved' });
      expect(await store.check({ ...guess, request: { ...REQUEST, hash: 'another' } })).toEqual({ kind: 'not_found' });
      expect(await store.check({ ...guess, request: REQUEST })).toMatchObject({ kind: 'approved' });
      return cause;
    });
    expect(commands).toBeGreaterThan(3);
  });

  it.each<[what: string, first: (scene: Scene) => Promise<unknown>]>([
    [
      'another call',
      ({ slot }) => store.check({ ...GUESS, slot, codeMac: RIGHT, request: { ...REQUEST, hash: 'another' } }),
    ],
    ['a call without a request id', ({ slot }) => store.check({ ...GUESS, slot, codeMac: RIGHT })],
    ['its cancellation', ({ slot }) => store.cancel({ slot, nonce: 'nonce-1' })],
  ])('approves no code that %s ended before the repeat', async (_, first) => {
    await atEachCommand(async (scene) => {
      const { slot, send } = scene;
      await store.send(send(1, { request: null }));
      const guess = { ...GUESS, slot, codeMac: RIGHT, approvedTag: TAG, request: REQUEST };
      const cause = await fault(broken.check(guess));
      const ended = JSON.stringify(await first(scene));
      const usedUpBefore = ended.includes('not_found') || ended.includes('"state":"approved"');
      expect((await store.check(guess)).kind).toBe(usedUpBefore ? 'approved' : 'not_found');
      return cause;
    });
  });

  it('charges a wrong guess, and never less than one', async () => {
    await atEachCommand(async ({ slot, send }) => {
      await store.send(send(1, { request: null }));
      const guess = { ...GUESS, slot, codeMac: 'wrong', request: REQUEST };
      const cause = await fault(broken.check(guess));
      expect((await store.check(guess)).kind).toBe('wrong');
      const status = await store.status({ slot, nonce: null, cooldownMs: MINUTE, windows: rulesOf('same').windows });
      expect(status.record?.attempts).toBeGreaterThanOrEqual(1);
      expect(status.budgets[0]?.used).toBeGreaterThanOrEqual(1);
      return cause;
    });
  });
});

describe('what else breaks off', () => {
  it.each<[what: string, call: (store: Store, slot: Slot) => Promise<unknown>]>([
    ['cancel', (store, slot) => store.cancel({ slot, nonce: 'nonce-1' })],
    [
      'report',
      (store, slot) =>
        store.report({ slot, sendId: 'send-1', provider: 'a', messageId: 'm', status: 'delivered', category: '' }),
    ],
    ['link', (store, { phoneKey }) => store.link({ message: phoneKey, token: 't' })],
  ])('leaves no key for ever: %s', async (_, call) => {
    await atEachCommand(async ({ slot, send }) => {
      await store.send(send(1));
      const cause = await fault(call(broken, slot));
      await call(store, slot);
      return cause;
    });
  });
});
