/** What every store promises of a send that was tried: it is charged, or given back. */

import { expect, it } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import { SHARED_GRID_MS } from '../../src/domain/policy.ts';
import { DAY, DELIVERY, MINUTE, RIGHT, type World } from './contract-world.ts';

export function settleContract(world: World): void {
  const { check, pass, reserved, send, sendCommand, settle, slot, status, store, wrongGuesses } = world;

  it('shows the delivery in the record', async () => {
    const command = sendCommand();
    await store().send(command);
    expect((await status()).record).toMatchObject({ delivery: null });
    await settle(command.sendId, DELIVERY);
    expect((await status()).record).toMatchObject({ delivery: DELIVERY, sends: 1 });
  });

  it('charges every SMS that may have gone out, once', async () => {
    const command = sendCommand();
    const attempt = { category: '', latencyMs: 1 } as const;
    const twice: Delivery = {
      ...DELIVERY,
      attempts: [
        { provider: 'a', result: 'unavailable', ...attempt },
        { provider: 'b', result: 'unknown', ...attempt },
        { provider: 'c', result: 'accepted', ...attempt },
      ],
    };
    await store().send(command);
    await settle(command.sendId, twice);
    await settle(command.sendId, twice);
    const after = await status();
    expect(after.windows.map(({ used }) => used)).toEqual([2, 2]);
    expect(after.record).toMatchObject({ sends: 2, delivery: twice });
    expect(after.cooldown).toMatchObject({ level: 2 });
  });

  it('charges them at the time of their send, when another came after it', async () => {
    const rules = { cooldownMs: 0 };
    const [first, second] = [sendCommand({ rules }), sendCommand({ rules })];
    await store().send(first);
    pass(MINUTE);
    await store().send(second);
    const doubt = { provider: 'b', result: 'unknown', category: 'timeout', latencyMs: 1 } as const;
    const twice: Delivery = { ...DELIVERY, attempts: [doubt, { ...doubt, provider: 'c' }] };
    await settle(first.sendId, twice);
    await settle(first.sendId, twice);
    expect((await status()).windows.map(({ used }) => used)).toEqual([3, 3]);
    expect((await status()).record).toMatchObject({ sentAt: (await status()).now });
  });

  it('charges nothing more for a send that no limit counts any more', async () => {
    const command = sendCommand();
    await store().send(command);
    pass(DAY + SHARED_GRID_MS);
    await send({ slot: { ...slot(), caller: 'shop' } });
    const doubt = { provider: 'b', result: 'unknown', category: 'timeout', latencyMs: 1 } as const;
    await settle(command.sendId, { ...DELIVERY, attempts: [doubt, doubt] });
    const { windows, record } = await status();
    expect(windows.map(({ used }) => used)).toEqual([1, 1]);
    expect(record).toMatchObject({ sends: 1, delivery: { attempts: [doubt, doubt] } });
  });

  it('gives back cooldown and windows when nothing was sent, once', async () => {
    const command = sendCommand();
    await store().send(command);
    await settle(command.sendId, null);
    await settle(command.sendId, null);
    const after = await status();
    expect(after).toMatchObject({ record: null, blocked: null });
    expect(after.windows.map(({ used }) => used)).toEqual([0, 0]);
  });

  it('gives back only the refunded send, not one that came after it', async () => {
    const rules = { cooldownMs: 0 };
    const [first, second] = [sendCommand({ rules }), sendCommand({ rules })];
    await store().send(first);
    await store().send(second);
    await settle(first.sendId, null);
    expect((await status()).windows.map(({ used }) => used)).toEqual([1, 1]);
    expect((await check(RIGHT)).kind).toBe('approved');
  });

  it('under `same` keeps the code, its guesses and its earlier delivery when a resend is refunded', async () => {
    const [first, second] = [sendCommand(), sendCommand()];
    const { reservation } = reserved(await store().send(first));
    await settle(first.sendId, DELIVERY);
    pass(MINUTE);
    await store().send(second);
    await wrongGuesses(1);
    await settle(second.sendId, null);
    expect((await status()).record).toMatchObject({
      nonce: reservation.nonce,
      sends: 1,
      attempts: 1,
      delivery: DELIVERY,
      sentAt: reservation.sentAt,
    });
  });

  it('under `same` leaves nothing when a resend and then its first send are refunded', async () => {
    const [first, second] = [sendCommand(), sendCommand()];
    await store().send(first);
    pass(MINUTE);
    await store().send(second);
    await settle(second.sendId, null);
    await settle(first.sendId, null);
    expect(await status()).toMatchObject({ record: null, blocked: null });
  });

  it('under `new` restores the code before when its replacement is refunded', async () => {
    const rules = { resend: 'new' } as const;
    const [first, second] = [sendCommand({ rules }), sendCommand({ rules })];
    const { reservation } = reserved(await store().send(first));
    await wrongGuesses(2);
    pass(MINUTE);
    await store().send(second);
    await settle(second.sendId, null);
    expect((await status()).record).toMatchObject({ nonce: reservation.nonce, attempts: 2, attemptsRemaining: 3 });
    expect(await check(RIGHT, { nonce: reservation.nonce })).toMatchObject({ kind: 'approved' });
  });

  it.each([
    ['same', 'the later'],
    ['same', 'the earlier'],
    ['new', 'the later'],
    ['new', 'the earlier'],
  ] as const)(
    'under `%s` brings the delivered code back when two sends after it both fail, %s one first',
    async (resend, first) => {
      const rules = { resend, cooldownMs: 0 };
      const commands = [sendCommand({ rules }), sendCommand({ rules }), sendCommand({ rules })] as const;
      const { reservation } = reserved(await store().send(commands[0]));
      await settle(commands[0].sendId, DELIVERY);
      reserved(await store().send(commands[1]));
      reserved(await store().send(commands[2]));
      const failed = [commands[1].sendId, commands[2].sendId];
      for (const sendId of first === 'the later' ? failed.reverse() : failed) await settle(sendId, null);
      const { record, windows } = await status();
      expect(record).toMatchObject({
        nonce: reservation.nonce,
        sends: 1,
        delivery: DELIVERY,
        sentAt: reservation.sentAt,
      });
      expect(windows.map(({ used }) => used)).toEqual([1, 1]);
      expect(await check(RIGHT, { nonce: reservation.nonce })).toMatchObject({ kind: 'approved', delivery: DELIVERY });
    },
  );

  it.each(['same', 'new'] as const)(
    'under `%s` brings it back when three fail, the first one first',
    async (resend) => {
      const rules = { resend, cooldownMs: 0 };
      const commands = Array.from({ length: 4 }, () => sendCommand({ rules }));
      for (const command of commands) reserved(await store().send(command));
      const [delivered, ...failed] = commands;
      for (const { sendId } of failed) await settle(sendId, null);
      await settle(delivered?.sendId ?? '', DELIVERY);
      expect((await status()).record).toMatchObject({
        nonce: delivered?.candidate.nonce,
        sends: 1,
        delivery: DELIVERY,
      });
    },
  );

  it('restores no more guesses than the budget of the day has left', async () => {
    const rules = { resend: 'new', cooldownMs: 0, windows: [{ name: 'day', limit: 100, windowMs: DAY }] } as const;
    for (let code = 0; code < 3; code++) {
      reserved(await send({ rules }));
      await wrongGuesses(5);
    }
    const [first, second] = [sendCommand({ rules }), sendCommand({ rules })];
    await store().send(first);
    await store().send(second);
    await wrongGuesses(5);
    await settle(second.sendId, null);
    expect((await status()).record).toMatchObject({ state: 'exhausted', attemptsRemaining: 0 });
  });

  it('leaves an approval alone when a provider lied about not sending', async () => {
    const command = sendCommand();
    await store().send(command);
    await check(RIGHT);
    await settle(command.sendId, null);
    expect((await status()).record).toMatchObject({ state: 'approved' });
  });

  it('is decided the first time: what is settled is not given back', async () => {
    const command = sendCommand();
    await store().send(command);
    await settle(command.sendId, DELIVERY);
    await settle(command.sendId, null);
    await settle(command.sendId, { ...DELIVERY, messageId: 'another' });
    const after = await status();
    expect(after.record).toMatchObject({ delivery: DELIVERY });
    expect(after.windows.map(({ used }) => used)).toEqual([1, 1]);
  });

  it('does nothing for a send it does not know', async () => {
    reserved(await send());
    await settle('unknown', null);
    expect((await status()).windows.map(({ used }) => used)).toEqual([1, 1]);
  });
}
