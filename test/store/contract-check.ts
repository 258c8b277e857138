/** What every store promises of guesses: how many are compared, and who may guess. */
import { describe, expect, it } from 'vitest';
import type { CheckCommand } from '../../src/store/store.ts';
import { DAY, DELIVERY, MINUTE, RIGHT, SECOND, type World } from './contract-world.ts';

export function checkContract(world: World): void {
  const { check, now, pass, reserved, send, sendCommand, setTime, settle, slot, status, store, wrongGuesses } = world;

  describe('check', () => {
    it('approves the right code once, by id or by phone', async () => {
      const { reservation } = reserved(await send());
      pass(SECOND);
      expect(await check(RIGHT)).toEqual({ kind: 'approved', nonce: reservation.nonce, at: now(), delivery: null });
      expect(await check(RIGHT)).toEqual({ kind: 'not_found' });
      expect(await check(RIGHT, { nonce: reservation.nonce })).toEqual({ kind: 'not_found' });
    });

    it('answers with the delivery of the message when it approves, and not when it repeats its answer', async () => {
      const command = sendCommand();
      await store().send(command);
      await settle(command.sendId, DELIVERY);
      const request = { hash: 'request', content: 'content' };
      const approved = await check(RIGHT, { request });
      expect(approved).toMatchObject({ kind: 'approved', delivery: DELIVERY });
      expect(await check(RIGHT, { request })).toEqual({ ...approved, delivery: null });
    });

    it('approves up to the last millisecond of the code and not at its end', async () => {
      const early = reserved(await send());
      setTime(early.reservation.expiresAt - 1);
      expect((await check(RIGHT)).kind).toBe('approved');
      pass(MINUTE);
      const late = reserved(await send());
      setTime(late.reservation.expiresAt);
      expect(await check(RIGHT)).toEqual({ kind: 'not_found' });
    });

    it('compares at most 5 of any number of parallel guesses, and refuses the right code afterwards', async () => {
      const { reservation } = reserved(await send());
      const { nonce } = reservation;
      const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => check(`wrong-${i}`, { nonce })));
      expect(replies.filter(({ kind }) => kind === 'wrong')).toHaveLength(5);
      expect(replies.filter(({ kind }) => kind === 'exhausted')).toHaveLength(95);
      expect(await check(RIGHT, { nonce })).toEqual({ kind: 'exhausted', nonce });
    });

    it('approves one of many parallel right checks', async () => {
      await send();
      const replies = await Promise.all(Array.from({ length: 50 }, () => check(RIGHT)));
      expect(replies.filter(({ kind }) => kind === 'approved')).toHaveLength(1);
      expect(replies.filter(({ kind }) => kind === 'not_found')).toHaveLength(49);
    });

    it('counts down the guesses that are left', async () => {
      await send();
      const remaining = [];
      for (let i = 0; i < 5; i++) remaining.push(await check('wrong'));
      expect(remaining.map((reply) => reply.kind === 'wrong' && reply.remaining)).toEqual([4, 3, 2, 1, 0]);
    });

    it('keeps guesses for the holder of the id: at most 3 come by phone', async () => {
      const { reservation } = reserved(await send());
      const byPhone = { guessesByPhone: 3 };
      for (const remaining of [2, 1, 0]) expect(await check('wrong', byPhone)).toMatchObject({ remaining });
      expect((await check(RIGHT, byPhone)).kind).toBe('exhausted');
      expect(await check(RIGHT, { nonce: reservation.nonce })).toMatchObject({ kind: 'approved' });
    });

    const foreign: [string, (nonce: string) => Partial<CheckCommand>][] = [
      ['another caller', () => ({ slot: { ...slot(), caller: 'shop' } })],
      ['another purpose', () => ({ slot: { ...slot(), purpose: 'register' } })],
      ['another id', () => ({ nonce: 'another' })],
      ['another session', (nonce) => ({ nonce, session: 'other' })],
      ['no session', (nonce) => ({ nonce, session: '' })],
      ['no session, by phone', () => ({ session: '' })],
    ];
    it.each(foreign)('answers %s NOT_FOUND and burns nothing', async (_, changes) => {
      const { reservation } = reserved(await send({ session: 'mine' }));
      for (let i = 0; i < 30; i++) {
        expect(await check('wrong', changes(reservation.nonce))).toEqual({ kind: 'not_found' });
      }
      expect(await check(RIGHT, changes(reservation.nonce))).toEqual({ kind: 'not_found' });
      const after = await status();
      expect(after.record).toMatchObject({ attempts: 0, attemptsRemaining: 5 });
      expect(after.budgets.map(({ used }) => used)).toEqual([0, 0]);
      const own = { nonce: reservation.nonce, session: 'mine' };
      expect(await check(RIGHT, own)).toMatchObject({ kind: 'approved' });
    });
  });

  describe('guess budget', () => {
    const rules = { cooldownMs: 0, windows: [{ name: 'day', limit: 1_000, windowMs: DAY }], resend: 'new' } as const;

    it('compares exactly 20 wrong guesses in 24 hours, however many codes are sent', async () => {
      const first = now();
      let compared = 0;
      for (let code = 0; code < 10; code++) {
        if ((await send({ rules })).kind !== 'reserved') break;
        for (let guess = 0; guess < 4; guess++) if ((await check(`wrong-${guess}`)).kind === 'wrong') compared += 1;
        pass(MINUTE);
      }
      expect(compared).toBe(20);
      expect(await send({ rules })).toEqual({
        kind: 'blocked',
        by: 'guesses_day',
        retryAfterMs: first + DAY - now(),
      });
      setTime(first + DAY);
      expect((await send({ rules })).kind).toBe('reserved');
    });

    it('grants a new code only what is left of it', async () => {
      for (let code = 0; code < 3; code++) {
        await send({ rules });
        await wrongGuesses(5);
      }
      await send({ rules });
      await wrongGuesses(3);
      await send({ rules });
      expect((await status()).record).toMatchObject({ attemptsRemaining: 2 });
    });

    it('is cleared by success and by nothing else', async () => {
      await send({ rules });
      await wrongGuesses(4);
      expect((await status()).budgets[0]?.used).toBe(4);
      await send({ rules });
      expect((await status()).budgets[0]?.used).toBe(4);
      await check(RIGHT);
      expect((await status()).budgets[0]?.used).toBe(0);
    });

    it('belongs to one caller and purpose of a phone', async () => {
      await send({ rules });
      await wrongGuesses(5);
      for (const other of [{ caller: 'shop' }, { purpose: 'register' }]) {
        expect((await status({ ...slot(), ...other })).budgets[0]?.used).toBe(0);
      }
    });

    it('stops sends after 100 failures without success, for 30 days', async () => {
      let failures = 0;
      const first = now();
      while (failures < 100) {
        reserved(await send({ rules }));
        for (let guess = 0; guess < 5; guess++) if ((await check('wrong')).kind === 'wrong') failures += 1;
        if (failures % 20 === 0) pass(DAY);
      }
      expect(await send({ rules })).toEqual({
        kind: 'blocked',
        by: 'guesses_month',
        retryAfterMs: first + 30 * DAY - now(),
      });
      setTime(first + 30 * DAY);
      expect((await send({ rules })).kind).toBe('reserved');
    });
  });
}
