/** What every store promises of what it shows: the record, the approval, the limits; and of canceling. */
import { describe, expect, it } from 'vitest';
import { WINDOWS } from './commands.ts';
import { DAY, HOUR, MINUTE, RIGHT, SECOND, type World } from './contract-world.ts';

export function recordContract(world: World): void {
  const { check, now, pass, reserved, send, sendCommand, setTime, settle, slot, status, store, wrongGuesses } = world;

  describe('record', () => {
    it('is there for 24 hours after the code or its approval; that its phone was approved for 30 days', async () => {
      const { reservation } = reserved(await send());
      setTime(reservation.expiresAt + DAY - 1);
      expect((await status()).record).toMatchObject({ state: 'expired' });
      pass(1);
      expect((await status()).record).toBeNull();

      await send();
      await check(RIGHT);
      const approvedAt = now();
      setTime(approvedAt + DAY - 1);
      expect(await status()).toMatchObject({ record: { state: 'approved', approvedAt }, phoneVerifiedAt: approvedAt });
      pass(1);
      expect(await status()).toMatchObject({ record: null, phoneVerifiedAt: approvedAt });
      setTime(approvedAt + 30 * DAY - 1);
      expect(await status()).toMatchObject({ record: null, phoneVerifiedAt: approvedAt });
      pass(1);
      expect(await status()).toMatchObject({ record: null, phoneVerifiedAt: null });
    });

    it('remembers the approval of the phone when a new code takes over', async () => {
      await send();
      await check(RIGHT);
      const approvedAt = now();
      pass(MINUTE);
      await send();
      expect(await status()).toMatchObject({ record: { state: 'pending' }, phoneVerifiedAt: approvedAt });
    });

    it('is not the approval of another caller or purpose: each is remembered', async () => {
      const slots = [slot(), { ...slot(), purpose: 'register' }, { ...slot(), caller: 'shop' }];
      const approved: number[] = [];
      for (const of of slots) {
        reserved(await send({ slot: of, rules: { cooldownMs: 0 } }));
        expect((await check(RIGHT, { slot: of })).kind).toBe('approved');
        approved.push(now());
        pass(MINUTE);
      }
      const known = await Promise.all(slots.map(async (of) => (await status(of)).phoneVerifiedAt));
      expect(known).toEqual(approved);
    });

    it('of another id, caller or purpose is not shown', async () => {
      const { reservation } = reserved(await send());
      const { nonce } = reservation;
      const limits = { cooldownMs: MINUTE, windows: WINDOWS };
      expect((await store().status({ slot: slot(), nonce, ...limits })).record).not.toBeNull();
      expect((await store().status({ slot: slot(), nonce: 'another', ...limits })).record).toBeNull();
      for (const other of [{ caller: 'shop' }, { purpose: 'register' }]) {
        expect((await store().status({ slot: { ...slot(), ...other }, nonce, ...limits })).record).toBeNull();
      }
    });
  });

  describe('cancel', () => {
    it('makes a pending code unusable, and twice is once', async () => {
      const { nonce } = reserved(await send()).reservation;
      expect((await store().cancel({ slot: slot(), nonce })).record).toMatchObject({
        state: 'canceled',
        attemptsRemaining: 0,
      });
      expect((await store().cancel({ slot: slot(), nonce })).record).toMatchObject({ state: 'canceled' });
      expect(await check(RIGHT, { nonce })).toEqual({ kind: 'not_found' });
    });

    it('leaves an approved, expired or exhausted one as it is', async () => {
      const approved = reserved(await send()).reservation;
      await check(RIGHT);
      expect((await store().cancel({ slot: slot(), nonce: approved.nonce })).record).toMatchObject({
        state: 'approved',
      });
      pass(HOUR);
      const expired = reserved(await send()).reservation;
      setTime(expired.expiresAt);
      expect((await store().cancel({ slot: slot(), nonce: expired.nonce })).record).toMatchObject({ state: 'expired' });
      pass(HOUR);
      const exhausted = reserved(await send()).reservation;
      await wrongGuesses(5);
      expect((await store().cancel({ slot: slot(), nonce: exhausted.nonce })).record).toMatchObject({
        state: 'exhausted',
      });
    });

    it('of a foreign or unknown verification changes nothing', async () => {
      const { nonce } = reserved(await send()).reservation;
      for (const other of [{ caller: 'shop' }, { purpose: 'register' }]) {
        expect((await store().cancel({ slot: { ...slot(), ...other }, nonce })).record).toBeNull();
      }
      expect((await store().cancel({ slot: slot(), nonce: 'another' })).record).toBeNull();
      expect((await check(RIGHT, { nonce })).kind).toBe('approved');
    });

    it('stays when the send it canceled is refunded', async () => {
      const command = sendCommand();
      const { nonce } = reserved(await store().send(command)).reservation;
      await store().cancel({ slot: slot(), nonce });
      await settle(command.sendId, null);
      expect(await status()).toMatchObject({ record: { state: 'canceled' }, blocked: null });
    });
  });

  describe('status', () => {
    it('explains what blocks and until when, and charges nothing', async () => {
      await send();
      pass(20 * SECOND);
      const expected = {
        cooldown: { level: 1, endsAt: now() + 40 * SECOND },
        blocked: { by: 'cooldown', retryAfterMs: 40 * SECOND },
        windows: [
          { used: 1, freesAt: 0, emptyAt: now() - 20 * SECOND + HOUR },
          { used: 1, freesAt: 0, emptyAt: now() - 20 * SECOND + DAY },
        ],
        budgets: [
          { used: 0, freesAt: 0, emptyAt: 0 },
          { used: 0, freesAt: 0, emptyAt: 0 },
        ],
      };
      for (let i = 0; i < 10; i++) expect(await status()).toMatchObject(expected);
    });

    it('of an unknown phone is empty and free', async () => {
      expect(await status()).toMatchObject({ record: null, phoneVerifiedAt: null, blocked: null });
    });
  });
}
