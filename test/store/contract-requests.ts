/** What every store promises of request ids: the same call twice is the same call. */

import { describe, expect, it } from 'vitest';
import { SENDING_MS } from '../../src/domain/deadlines.ts';
import { SHARED_GRID_MS } from '../../src/domain/policy.ts';
import { DAY, DELIVERY, MINUTE, RIGHT, SECOND, type SendChanges, type World } from './contract-world.ts';

export function requestContract(world: World): void {
  const { check, now, pass, reserved, send, sendCommand, settle, slot, status, store, wrongGuesses } = world;

  const request = { hash: 'request', content: 'content' };

  it('are under way until the send is settled, then answered with what is stored', async () => {
    const command = sendCommand({ request });
    const { reservation, seed } = reserved(await store().send(command));
    pass(SECOND);
    expect(await send({ request })).toEqual({ kind: 'under_way', retryAfterMs: SENDING_MS - SECOND });
    await settle(command.sendId, DELIVERY, request.hash);
    const stored = { kind: 'replayed', reservation, seed, delivery: DELIVERY, now: now() };
    expect(await send({ request })).toEqual(stored);
    pass(SENDING_MS);
    expect(await send({ request })).toEqual({ ...stored, now: now() });
    expect((await status()).windows[0]?.used).toBe(1);
  });

  describe('of a call that was lost with its process', () => {
    /** The first call, and the reply to a repeat when its lease is over. */
    async function takenOver(again: SendChanges = {}) {
      const first = reserved(await send({ request, content: 'variables' }));
      pass(SENDING_MS - 1);
      expect(await send({ request })).toEqual({ kind: 'under_way', retryAfterMs: 1 });
      pass(1);
      const command = sendCommand({ request, content: 'variables', ...again });
      return { first, command, second: await store().send(command) };
    }

    it('send the same code once more when its lease is over, past the cooldown but not for free', async () => {
      const { first, second } = await takenOver();
      const { nonce, expiresAt } = first.reservation;
      expect(second).toMatchObject({
        kind: 'reserved',
        seed: first.seed,
        reservation: { nonce, expiresAt, sentAt: now(), sendsRemaining: 3 },
      });
      expect(await status()).toMatchObject({ windows: [{ used: 2 }, { used: 2 }], record: { nonce, sends: 2 } });
      expect(await send({ request })).toEqual({ kind: 'under_way', retryAfterMs: SENDING_MS });
    });

    it('send it with `resend: new` as well, and in a full window', async () => {
      for (let sent = 0; sent < 4; sent++) {
        await send({ slot: { ...slot(), caller: 'shop' }, rules: { cooldownMs: 0 } });
      }
      pass(10 * MINUTE);
      const { first, second } = await takenOver({ rules: { resend: 'new' } });
      expect(second).toMatchObject({ kind: 'reserved', seed: first.seed, reservation: { sendsRemaining: 0 } });
    });

    it('take over once: when the second process is lost as well, it was maybe sent', async () => {
      const { first } = await takenOver();
      pass(SENDING_MS);
      expect(await send({ request })).toMatchObject({
        kind: 'replayed',
        delivery: null,
        reservation: { nonce: first.reservation.nonce },
      });
    });

    it('take over again when the second surely sent nothing', async () => {
      const { first, command } = await takenOver();
      await settle(command.sendId, null, request.hash);
      expect(await status()).toMatchObject({ windows: [{ used: 1 }, { used: 1 }], record: { sends: 1 } });
      const third = sendCommand({ request });
      expect(await store().send(third)).toMatchObject({ kind: 'reserved', seed: first.seed });
      await settle(third.sendId, DELIVERY, request.hash);
      expect(await send({ request })).toMatchObject({ kind: 'replayed', delivery: DELIVERY });
      expect(await check(RIGHT)).toMatchObject({ kind: 'approved', delivery: DELIVERY });
    });

    it.each([150 * SECOND, 299 * SECOND, 301 * SECOND])(
      'send a new code when the old one is as good as over: after %i ms',
      async (ms) => {
        const first = reserved(await send({ request }));
        pass(ms);
        const second = reserved(await send({ request }));
        expect(second.seed).not.toBe(first.seed);
        expect(second.reservation.expiresAt).toBe(now() + 5 * MINUTE);
        expect(await check(RIGHT)).toMatchObject({ kind: 'approved', nonce: second.reservation.nonce });
      },
    );

    it.each([true, false])(
      'send nothing when the number has turned into or out of a test number (test: %s)',
      async (test) => {
        await send({ request, rules: { test } });
        pass(SENDING_MS);
        expect(await send({ request, rules: { test: !test } })).toMatchObject({ kind: 'replayed', delivery: null });
      },
    );

    it('change nothing when the first settles after all', async () => {
      const first = sendCommand({ request });
      await store().send(first);
      pass(SENDING_MS);
      const second = sendCommand({ request });
      await store().send(second);
      await settle(first.sendId, DELIVERY, request.hash);
      expect(await send({ request })).toMatchObject({ kind: 'under_way' });
      await settle(second.sendId, { ...DELIVERY, messageId: 'm-2' }, request.hash);
      expect(await send({ request })).toMatchObject({ kind: 'replayed', delivery: { messageId: 'm-2' } });
    });

    it.each<[what: string, since: () => Promise<unknown>]>([
      ['approved', () => check(RIGHT)],
      ['canceled', () => store().cancel({ slot: slot(), nonce: `nonce-${world.serial()}` })],
      ['used up', () => wrongGuesses(5)],
      ['replaced', () => send({ rules: { cooldownMs: 0, resend: 'new' } })],
      ['to be written with more digits', async () => undefined],
    ])('send nothing when its code was %s: it was maybe sent', async (what, since) => {
      const { reservation } = reserved(await send({ request }));
      await since();
      pass(SENDING_MS);
      const digits = what.startsWith('to be') ? 8 : 6;
      const reply = await send({ request, rules: { digits } });
      expect(reply).toMatchObject({ kind: 'replayed', delivery: null, reservation: { nonce: reservation.nonce } });
    });
  });

  it('promise a code no life that it does not have', async () => {
    const cancel = (nonce: string) => store().cancel({ slot: slot(), nonce });
    const ends: [what: string, end: (nonce: string) => Promise<unknown>][] = [
      ['approved', () => check(RIGHT)],
      ['canceled', cancel],
      ['used up', () => wrongGuesses(5)],
      ['replaced', () => send({ rules: { cooldownMs: 0, resend: 'new' } })],
    ];
    for (const [hash, end] of ends) {
      const command = sendCommand({ request: { ...request, hash }, rules: { cooldownMs: 0, resend: 'new' } });
      const { reservation } = reserved(await store().send(command));
      await settle(command.sendId, DELIVERY, hash);
      const repeat = () => send({ request: { ...request, hash } });
      expect(await repeat()).toMatchObject({ reservation: { expiresAt: reservation.expiresAt } });
      await end(reservation.nonce);
      expect(await repeat()).toMatchObject({ kind: 'replayed', seed: null, reservation: { expiresAt: now() } });
      pass(10 * MINUTE - 1);
      expect(await repeat()).toMatchObject({ reservation: { expiresAt: reservation.expiresAt } });
      pass(DAY);
    }
  });

  it('outlive the code they sent', async () => {
    const command = sendCommand({ request });
    const { reservation } = reserved(await store().send(command));
    await settle(command.sendId, DELIVERY, request.hash);
    await check(RIGHT);
    pass(MINUTE);
    await send();
    expect(await send({ request })).toMatchObject({
      kind: 'replayed',
      reservation: { ...reservation, expiresAt: now() },
      seed: null,
    });
  });

  it('refuse other content', async () => {
    await send({ request });
    expect(await send({ request: { ...request, content: 'other' } })).toEqual({ kind: 'request_id_reused' });
  });

  it('store no refusal: the send goes out once the cooldown is over', async () => {
    await send();
    expect((await send({ request })).kind).toBe('blocked');
    pass(MINUTE);
    expect((await send({ request })).kind).toBe('reserved');
  });

  it('are free again after a refund, so that a retry can succeed', async () => {
    const command = sendCommand({ request });
    await store().send(command);
    await settle(command.sendId, null, request.hash);
    expect((await send({ request })).kind).toBe('reserved');
  });

  it('are remembered for 10 minutes', async () => {
    const command = sendCommand({ request });
    await store().send(command);
    await settle(command.sendId, DELIVERY, request.hash);
    pass(10 * MINUTE - 1);
    expect((await send({ request })).kind).toBe('replayed');
    pass(1);
    expect((await send({ request })).kind).toBe('reserved');
  });

  it('are one caller’s own', async () => {
    await send({ request });
    pass(MINUTE + SHARED_GRID_MS);
    expect((await send({ request, slot: { ...slot(), caller: 'shop' } })).kind).toBe('reserved');
  });

  it('answer a repeated guess with the stored verdict and charge it once', async () => {
    await send();
    const wrong = await check('wrong', { request });
    expect(await check('wrong', { request })).toEqual(wrong);
    expect((await status()).record).toMatchObject({ attempts: 1 });
    const right = { request: { hash: 'second', content: 'right' } };
    const approved = await check(RIGHT, right);
    pass(9 * MINUTE);
    expect(await check(RIGHT, right)).toEqual(approved);
  });

  it('keep a verdict for 10 minutes, to the millisecond', async () => {
    await send();
    const approved = await check(RIGHT, { request });
    pass(10 * MINUTE - 1);
    expect(await check(RIGHT, { request })).toEqual(approved);
    pass(1);
    expect(await check(RIGHT, { request })).toEqual({ kind: 'not_found' });
  });

  it('never compare again: 1,000 guesses under one id are one comparison', async () => {
    await send();
    const guess = (i: number) => check(`wrong-${i}`, { request: { hash: 'request', content: `guess-${i}` } });
    const replies = await Promise.all(Array.from({ length: 1_000 }, (_, i) => guess(i)));
    expect(replies.filter(({ kind }) => kind === 'wrong')).toHaveLength(1);
    expect(replies.filter(({ kind }) => kind === 'request_id_reused')).toHaveLength(999);
    expect((await status()).record).toMatchObject({ attempts: 1 });
  });

  it('keep a verdict when a new code took over', async () => {
    await send();
    const approved = await check(RIGHT, { request });
    pass(MINUTE);
    await send();
    expect(await check(RIGHT, { request })).toEqual(approved);
  });

  it('keep no verdict of a guess that was not compared', async () => {
    expect(await check(RIGHT, { request })).toEqual({ kind: 'not_found' });
    await send();
    expect((await check(RIGHT, { request })).kind).toBe('approved');
  });
}
