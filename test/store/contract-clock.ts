/** What every store promises when its clock is set back, once, by any step. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { COOLDOWN_STEPS } from '../../src/domain/policy.ts';
import { DAY, DELIVERY, HOUR, MINUTE, RIGHT, SECOND, type World } from './contract-world.ts';

const STEPS: [string, number][] = [
  ['a millisecond', 1],
  ['a second', SECOND],
  ['four minutes', 4 * MINUTE],
  ['an hour', HOUR],
  ['a day', DAY],
  ['a year', 365 * DAY],
];
const LIFE = 5 * MINUTE;

export function clockContract(world: World): void {
  const { check, now, pass, reserved, send, sendCommand, settle, status, store, wrongGuesses } = world;
  const REQUEST = { hash: 'hash', content: 'content' };

  describe.each(STEPS)('set back by %s', (_, step) => {
    it.each([
      ['at once', 0],
      ['half way', LIFE / 2],
      ['in its last second', LIFE - SECOND],
    ])('a code lives at most twice its life: %s', async (__, age) => {
      reserved(await send());
      pass(age);
      pass(-step);
      let lived = age;
      for (let i = 0; i < 4 * LIFE; i += 10 * SECOND, pass(10 * SECOND)) {
        if ((await status()).record?.state === 'pending') lived += 10 * SECOND;
      }
      expect(lived).toBeLessThanOrEqual(2 * LIFE);
      if (age === 0) expect(lived).toBe(0);
    });

    it('a code from the future is refused, and does not come alive again when the clock gets there', async () => {
      const { reservation } = reserved(await send());
      pass(-step);
      expect(await check(RIGHT)).toEqual({ kind: 'not_found' });
      pass(step + 1);
      expect(await check(RIGHT, { nonce: reservation.nonce })).toEqual({ kind: 'not_found' });
    });

    it('a send is refused for no longer than its cooldown, and not sent for free', async () => {
      reserved(await send());
      pass(-step);
      expect(await send()).toEqual({ kind: 'blocked', by: 'cooldown', retryAfterMs: MINUTE });
      expect(await status()).toMatchObject({ windows: [{ used: 1 }, { used: 1 }], cooldown: { level: 1 } });
      pass(MINUTE - 1);
      expect(await send()).toEqual({ kind: 'blocked', by: 'cooldown', retryAfterMs: 1 });
      pass(1);
      expect(reserved(await send()).reservation.sendsRemaining).toBe(3);
    });

    it('a window is full for no longer than itself, counted from when its sends are met', async () => {
      const rules = { cooldownMs: 0, windows: [{ name: 'ten', limit: 3, windowMs: 10 * MINUTE }] };
      for (let i = 0; i < 3; i++) reserved(await send({ rules }));
      pass(-step);
      expect(await send({ rules })).toEqual({ kind: 'blocked', by: 'ten', retryAfterMs: 10 * MINUTE });
      pass(10 * MINUTE - 1);
      expect(await send({ rules })).toMatchObject({ kind: 'blocked', by: 'ten' });
      pass(1);
      expect(reserved(await send({ rules })).reservation.sendsRemaining).toBe(2);
    });

    it('a wait that only RateStatus tells runs down, too', async () => {
      reserved(await send());
      pass(-step);
      expect((await status()).blocked).toEqual({ by: 'cooldown', retryAfterMs: MINUTE });
      pass(MINUTE - 1);
      expect((await status()).blocked).toEqual({ by: 'cooldown', retryAfterMs: 1 });
      pass(1);
      expect((await status()).blocked).toBeNull();
    });

    it('a guess budget is used up for no longer than its window, and not given back', async () => {
      const rules = { guesses: 20 };
      reserved(await send({ rules }));
      await wrongGuesses(5);
      reserved(await send({ rules: { ...rules, resend: 'new', cooldownMs: 0 } }));
      await wrongGuesses(5);
      pass(-step);
      const { budgets } = await status();
      expect(budgets[0]).toEqual({ used: 10, freesAt: 0, emptyAt: now() + DAY });
      pass(DAY - 1);
      expect((await status()).budgets[0]?.used).toBe(10);
      pass(1);
      expect((await status()).budgets[0]?.used).toBe(0);
    });

    it('an approval is not known, and lowers no cooldown', async () => {
      const rules = { windows: [{ name: 'day', limit: 100, windowMs: DAY }] };
      for (const factor of COOLDOWN_STEPS.slice(0, 3)) {
        reserved(await send({ rules }));
        pass(factor * MINUTE);
      }
      reserved(await send({ rules }));
      expect((await check(RIGHT)).kind).toBe('approved');
      expect(await status()).toMatchObject({ phoneVerifiedAt: now(), cooldown: { level: 0 } });
      pass(-step);
      expect(await status()).toMatchObject({ phoneVerifiedAt: null, record: null, cooldown: { level: 4 } });
    });

    it('an answer is not given again', async () => {
      const command = sendCommand({ request: REQUEST });
      reserved(await store().send(command));
      await settle(command.sendId, DELIVERY, REQUEST.hash);
      expect((await send({ request: REQUEST })).kind).toBe('replayed');
      pass(-step);
      expect(await send({ request: REQUEST })).toMatchObject({ kind: 'blocked', by: 'cooldown' });
    });

    it('a verdict is not given again', async () => {
      reserved(await send());
      expect((await check(RIGHT, { request: REQUEST })).kind).toBe('approved');
      expect((await check(RIGHT, { request: REQUEST })).kind).toBe('approved');
      pass(-step);
      expect(await check(RIGHT, { request: REQUEST })).toEqual({ kind: 'not_found' });
    });

    it('a link is not followed, and a report that waits is not handed out', async () => {
      const report = { token: '', messageId: 'm', status: 'delivered', category: '', vendorCode: '' } as const;
      const [linked, reported] = [1, 2].map(() => `00-${randomBytes(16).toString('base64url')}`) as [string, string];
      await world.store().link({ message: linked, token: 'token' });
      await world.store().lookup({ message: reported, report });
      pass(-step);
      expect(await world.store().lookup({ message: linked, report })).toEqual({ token: null });
      expect(await world.store().link({ message: reported, token: 'token' })).toEqual({ reports: [] });
    });

    it('a send that began before is settled: charged or given back', async () => {
      for (const [delivery, used] of [[DELIVERY, 1] as const, [null, 0] as const]) {
        world.anotherPhone();
        reserved(await send());
        const sendId = `send-${world.serial()}`;
        pass(-step);
        await settle(sendId, delivery);
        expect((await status()).windows[0]?.used).toBe(used);
        pass(step);
      }
    });
  });

  it('one send that was stamped a day ahead does not lock a phone for a day', async () => {
    const rules = { windows: [{ name: 'ten', limit: 1, windowMs: 10 * MINUTE }] };
    pass(DAY);
    reserved(await send({ rules }));
    pass(-DAY);
    expect(await send({ rules })).toEqual({ kind: 'blocked', by: 'ten', retryAfterMs: 10 * MINUTE });
    pass(10 * MINUTE);
    reserved(await send({ rules }));
  });
}
