/** What every store promises of SendCode: its limits, and which code it sends. */
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, MINUTE, RIGHT, SECOND, type SendChanges, type World } from './contract-world.ts';

export function sendContract(world: World): void {
  const { check, now, pass, reserved, send, serial, setTime, slot, status, wrongGuesses } = world;

  describe('send', () => {
    it('reserves, and says until when the code lives, when to resend and how many sends are left', async () => {
      const { reservation, seed } = reserved(await send());
      expect(reservation).toEqual({
        nonce: `nonce-${serial()}`,
        sentAt: now(),
        expiresAt: now() + 5 * MINUTE,
        resendAt: now() + MINUTE,
        sendsRemaining: 4,
      });
      expect(seed).toBe(`seed-${serial()}`);
    });

    it('refuses inside the cooldown, to the millisecond, and charges nothing for it', async () => {
      await send();
      pass(MINUTE - 1);
      expect(await send()).toEqual({ kind: 'blocked', by: 'cooldown', retryAfterMs: 1 });
      pass(1);
      expect(reserved(await send()).reservation.sendsRemaining).toBe(3);
    });

    it('grows the cooldown 1, 1, 2, 5, 10 times within an hour', async () => {
      const rules = { windows: [{ name: 'day', limit: 100, windowMs: DAY }] };
      for (const step of [1, 1, 2, 5, 10, 10]) {
        reserved(await send({ rules }));
        pass(step * MINUTE - 1);
        expect(await send({ rules })).toEqual({ kind: 'blocked', by: 'cooldown', retryAfterMs: 1 });
        pass(1);
      }
    });

    it('starts the cooldown over after an approval, but never below its base', async () => {
      const rules = { windows: [{ name: 'day', limit: 100, windowMs: DAY }] };
      for (const step of [1, 1, 2]) {
        reserved(await send({ rules }));
        pass(step * MINUTE);
      }
      reserved(await send({ rules }));
      pass(10 * SECOND);
      expect((await check(RIGHT)).kind).toBe('approved');
      expect(await send({ rules })).toEqual({ kind: 'blocked', by: 'cooldown', retryAfterMs: 50 * SECOND });
      pass(50 * SECOND);
      reserved(await send({ rules }));
      pass(MINUTE);
      reserved(await send({ rules }));
    });

    it('slides its windows exactly: the sixth send of an hour waits for the first to leave', async () => {
      const first = now();
      for (let i = 0; i < 5; i++) {
        reserved(await send());
        pass(11 * MINUTE);
      }
      expect(await send()).toEqual({ kind: 'blocked', by: 'phone_hour', retryAfterMs: first + HOUR - now() });
      setTime(first + HOUR - 1);
      expect(await send()).toEqual({ kind: 'blocked', by: 'phone_hour', retryAfterMs: 1 });
      pass(1);
      reserved(await send());
    });

    it('allows 10 a day', async () => {
      const first = now();
      for (let i = 0; i < 10; i++) {
        reserved(await send());
        pass(HOUR);
      }
      expect(await send()).toEqual({ kind: 'blocked', by: 'phone_day', retryAfterMs: first + DAY - now() });
    });

    it('counts exactly when many sends fall into one millisecond', async () => {
      const rules = { cooldownMs: 0, windows: [{ name: 'minute', limit: 7, windowMs: MINUTE }] };
      const replies = await Promise.all(Array.from({ length: 50 }, () => send({ rules })));
      expect(replies.filter(({ kind }) => kind === 'reserved')).toHaveLength(7);
    });

    it('shares the windows and the cooldown among all callers and purposes of a phone', async () => {
      await send();
      for (const other of [{ purpose: 'register' }, { caller: 'shop' }]) {
        expect(await send({ slot: { ...slot(), ...other } })).toMatchObject({ kind: 'blocked', by: 'cooldown' });
      }
    });
  });

  describe('resend', () => {
    it('under `same` repeats the code and keeps its guesses and its life', async () => {
      const first = reserved(await send());
      await wrongGuesses(2);
      pass(MINUTE);
      const second = reserved(await send());
      expect(second.seed).toBe(first.seed);
      expect(second.reservation).toMatchObject({
        nonce: first.reservation.nonce,
        expiresAt: first.reservation.expiresAt,
      });
      expect((await status()).record).toMatchObject({ sends: 2, attempts: 2, attemptsRemaining: 3 });
    });

    const replaced: [string, () => Promise<void> | void, SendChanges][] = [
      ['under `new`', () => pass(MINUTE), { rules: { resend: 'new' } }],
      ['when half of its life is over', () => pass(2.5 * MINUTE), {}],
      ['for another session', () => pass(MINUTE), { session: 'other' }],
      ['when the number of digits was changed', () => pass(MINUTE), { rules: { digits: 8 } }],
      [
        'when its guesses are spent',
        async () => {
          await wrongGuesses(5);
          pass(MINUTE);
        },
        {},
      ],
      [
        'when it was approved',
        async () => {
          await check(RIGHT);
          pass(MINUTE);
        },
        {},
      ],
    ];
    it.each(replaced)('replaces the code %s', async (_, meanwhile, changes) => {
      const first = reserved(await send());
      await meanwhile();
      const second = reserved(await send(changes));
      expect(second.seed).not.toBe(first.seed);
      expect(second.reservation.nonce).not.toBe(first.reservation.nonce);
      const session = changes.session ?? '';
      expect(await check(RIGHT, { nonce: first.reservation.nonce, session })).toEqual({ kind: 'not_found' });
      expect(await check(RIGHT, { nonce: second.reservation.nonce, session })).toMatchObject({ kind: 'approved' });
    });
  });
}
