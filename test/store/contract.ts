import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import type { CheckCommand, SendCommand, SendReply, Slot, Store } from '../../src/store/store.ts';
import { rulesOf, WINDOWS } from './commands.ts';
import { linkContract } from './contract-links.ts';
import { reportContract } from './contract-reports.ts';
import { testNumberContract } from './contract-test-numbers.ts';
import { DAY, HOUR, MINUTE, RIGHT, SECOND, type SendChanges } from './contract-world.ts';

const DELIVERY: Delivery = { provider: 'fake', messageId: 'm-1', status: 'accepted', attempts: [] };

/** What every store promises. `create` makes one whose clock is the given function. */
export function storeContract(create: (now: () => number) => Promise<Store>): void {
  let store: Store;
  let time = 1_800_000_000_000;
  let slot: Slot;
  let serial = 0;

  beforeAll(async () => {
    store = await create(() => time);
  });
  afterAll(() => store.close());
  beforeEach(() => {
    slot = { phoneKey: `00.${randomBytes(16).toString('base64url')}`, caller: 'auth', purpose: 'login' };
  });

  function sendCommand({ rules, ...changes }: SendChanges = {}): SendCommand {
    serial += 1;
    return {
      slot,
      rules: { ...rulesOf('same'), ...rules },
      sendId: `send-${serial}`,
      candidate: { nonce: `nonce-${serial}`, seed: `seed-${serial}`, codeMac: RIGHT },
      session: '',
      request: null,
      ...changes,
    };
  }
  const send = (changes?: SendChanges) => store.send(sendCommand(changes));
  const check = (codeMac: string, changes: Partial<CheckCommand> = {}) =>
    store.check({ slot, nonce: null, session: '', codeMac, request: null, guessesByPhone: 5, ...changes });
  const status = (of: Slot = slot) => store.status({ slot: of, nonce: null, cooldownMs: MINUTE, windows: WINDOWS });
  const settle = (sendId: string, delivery: Delivery | null, requestHash: string | null = null, of = slot) =>
    store.settle({ slot: of, sendId, requestHash, delivery });
  const pass = (ms: number) => {
    time += ms;
  };

  function reserved(reply: SendReply) {
    if (reply.kind !== 'reserved') throw new Error(`expected a reservation, got ${JSON.stringify(reply)}`);
    return reply;
  }
  async function wrongGuesses(count: number): Promise<void> {
    for (let i = 0; i < count; i++) expect((await check('wrong')).kind).toBe('wrong');
  }

  const world = {
    store: () => store,
    slot: () => slot,
    now: () => time,
    pass,
    sendCommand,
    check,
    status,
    settle,
  };
  describe('report', () => reportContract(world));
  describe('link and lookup', () => linkContract(world));
  describe('test numbers', () => testNumberContract(world));

  describe('send', () => {
    it('reserves, and says until when the code lives, when to resend and how many sends are left', async () => {
      const { reservation, seed } = reserved(await send());
      expect(reservation).toEqual({
        nonce: `nonce-${serial}`,
        sentAt: time,
        expiresAt: time + 5 * MINUTE,
        resendAt: time + MINUTE,
        sendsRemaining: 4,
      });
      expect(seed).toBe(`seed-${serial}`);
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
      const first = time;
      for (let i = 0; i < 5; i++) {
        reserved(await send());
        pass(11 * MINUTE);
      }
      expect(await send()).toEqual({ kind: 'blocked', by: 'phone_hour', retryAfterMs: first + HOUR - time });
      time = first + HOUR - 1;
      expect(await send()).toEqual({ kind: 'blocked', by: 'phone_hour', retryAfterMs: 1 });
      pass(1);
      reserved(await send());
    });

    it('allows 10 a day', async () => {
      const first = time;
      for (let i = 0; i < 10; i++) {
        reserved(await send());
        pass(HOUR);
      }
      expect(await send()).toEqual({ kind: 'blocked', by: 'phone_day', retryAfterMs: first + DAY - time });
    });

    it('counts exactly when many sends fall into one millisecond', async () => {
      const rules = { cooldownMs: 0, windows: [{ name: 'minute', limit: 7, windowMs: MINUTE }] };
      const replies = await Promise.all(Array.from({ length: 50 }, () => send({ rules })));
      expect(replies.filter(({ kind }) => kind === 'reserved')).toHaveLength(7);
    });

    it('shares the windows and the cooldown among all callers and purposes of a phone', async () => {
      await send();
      for (const other of [{ purpose: 'register' }, { caller: 'shop' }]) {
        expect(await send({ slot: { ...slot, ...other } })).toMatchObject({ kind: 'blocked', by: 'cooldown' });
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

  describe('settle', () => {
    it('shows the delivery in the record', async () => {
      const command = sendCommand();
      await store.send(command);
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
      await store.send(command);
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
      await store.send(first);
      pass(MINUTE);
      await store.send(second);
      const doubt = { provider: 'b', result: 'unknown', category: 'timeout', latencyMs: 1 } as const;
      const twice: Delivery = { ...DELIVERY, attempts: [doubt, { ...doubt, provider: 'c' }] };
      await settle(first.sendId, twice);
      await settle(first.sendId, twice);
      expect((await status()).windows.map(({ used }) => used)).toEqual([3, 3]);
      expect((await status()).record).toMatchObject({ sentAt: (await status()).now });
    });

    it('gives back cooldown and windows when nothing was sent, once', async () => {
      const command = sendCommand();
      await store.send(command);
      await settle(command.sendId, null);
      await settle(command.sendId, null);
      const after = await status();
      expect(after).toMatchObject({ record: null, blocked: null });
      expect(after.windows.map(({ used }) => used)).toEqual([0, 0]);
    });

    it('gives back only the refunded send, not one that came after it', async () => {
      const rules = { cooldownMs: 0 };
      const [first, second] = [sendCommand({ rules }), sendCommand({ rules })];
      await store.send(first);
      await store.send(second);
      await settle(first.sendId, null);
      expect((await status()).windows.map(({ used }) => used)).toEqual([1, 1]);
      expect((await check(RIGHT)).kind).toBe('approved');
    });

    it('under `same` keeps the code, its guesses and its earlier delivery when a resend is refunded', async () => {
      const [first, second] = [sendCommand(), sendCommand()];
      const { reservation } = reserved(await store.send(first));
      await settle(first.sendId, DELIVERY);
      pass(MINUTE);
      await store.send(second);
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

    it('under `new` restores the code before when its replacement is refunded', async () => {
      const rules = { resend: 'new' } as const;
      const [first, second] = [sendCommand({ rules }), sendCommand({ rules })];
      const { reservation } = reserved(await store.send(first));
      await wrongGuesses(2);
      pass(MINUTE);
      await store.send(second);
      await settle(second.sendId, null);
      expect((await status()).record).toMatchObject({ nonce: reservation.nonce, attempts: 2, attemptsRemaining: 3 });
      expect(await check(RIGHT, { nonce: reservation.nonce })).toMatchObject({ kind: 'approved' });
    });

    it('restores no more guesses than the budget of the day has left', async () => {
      const rules = { resend: 'new', cooldownMs: 0, windows: [{ name: 'day', limit: 100, windowMs: DAY }] } as const;
      for (let code = 0; code < 3; code++) {
        reserved(await send({ rules }));
        await wrongGuesses(5);
      }
      const [first, second] = [sendCommand({ rules }), sendCommand({ rules })];
      await store.send(first);
      await store.send(second);
      await wrongGuesses(5);
      await settle(second.sendId, null);
      expect((await status()).record).toMatchObject({ state: 'exhausted', attemptsRemaining: 0 });
    });

    it('leaves an approval alone when a provider lied about not sending', async () => {
      const command = sendCommand();
      await store.send(command);
      await check(RIGHT);
      await settle(command.sendId, null);
      expect((await status()).record).toMatchObject({ state: 'approved' });
    });

    it('is decided the first time: what is settled is not given back', async () => {
      const command = sendCommand();
      await store.send(command);
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
  });

  describe('check', () => {
    it('approves the right code once, by id or by phone', async () => {
      const { reservation } = reserved(await send());
      pass(SECOND);
      expect(await check(RIGHT)).toEqual({ kind: 'approved', nonce: reservation.nonce, at: time, delivery: null });
      expect(await check(RIGHT)).toEqual({ kind: 'not_found' });
      expect(await check(RIGHT, { nonce: reservation.nonce })).toEqual({ kind: 'not_found' });
    });

    it('answers with the delivery of the message when it approves, and not when it repeats its answer', async () => {
      const command = sendCommand();
      await store.send(command);
      await settle(command.sendId, DELIVERY);
      const request = { hash: 'request', content: 'content' };
      const approved = await check(RIGHT, { request });
      expect(approved).toMatchObject({ kind: 'approved', delivery: DELIVERY });
      expect(await check(RIGHT, { request })).toEqual({ ...approved, delivery: null });
    });

    it('approves up to the last millisecond of the code and not at its end', async () => {
      const early = reserved(await send());
      time = early.reservation.expiresAt - 1;
      expect((await check(RIGHT)).kind).toBe('approved');
      pass(MINUTE);
      const late = reserved(await send());
      time = late.reservation.expiresAt;
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
      ['another caller', () => ({ slot: { ...slot, caller: 'shop' } })],
      ['another purpose', () => ({ slot: { ...slot, purpose: 'register' } })],
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
      const first = time;
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
        retryAfterMs: first + DAY - time,
      });
      time = first + DAY;
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
        expect((await status({ ...slot, ...other })).budgets[0]?.used).toBe(0);
      }
    });

    it('stops sends after 100 failures without success, for 30 days', async () => {
      let failures = 0;
      const first = time;
      while (failures < 100) {
        reserved(await send({ rules }));
        for (let guess = 0; guess < 5; guess++) if ((await check('wrong')).kind === 'wrong') failures += 1;
        if (failures % 20 === 0) pass(DAY);
      }
      expect(await send({ rules })).toEqual({
        kind: 'blocked',
        by: 'guesses_month',
        retryAfterMs: first + 30 * DAY - time,
      });
      time = first + 30 * DAY;
      expect((await send({ rules })).kind).toBe('reserved');
    });
  });

  describe('request ids', () => {
    const request = { hash: 'request', content: 'content' };

    it('answer a repeated send with the stored answer: unsettled, then with its delivery', async () => {
      const command = sendCommand({ request });
      const { reservation, seed } = reserved(await store.send(command));
      pass(SECOND);
      expect(await send({ request })).toEqual({ kind: 'replayed', reservation, seed, delivery: null, now: time });
      await settle(command.sendId, DELIVERY, request.hash);
      expect(await send({ request })).toMatchObject({ kind: 'replayed', delivery: DELIVERY });
      expect((await status()).windows[0]?.used).toBe(1);
    });

    it('outlive the code they sent', async () => {
      const { reservation } = reserved(await send({ request }));
      await check(RIGHT);
      pass(MINUTE);
      await send();
      expect(await send({ request })).toMatchObject({ kind: 'replayed', reservation, seed: null });
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
      await store.send(command);
      await settle(command.sendId, null, request.hash);
      expect((await send({ request })).kind).toBe('reserved');
    });

    it('are remembered for 10 minutes', async () => {
      await send({ request });
      pass(10 * MINUTE - 1);
      expect((await send({ request })).kind).toBe('replayed');
      pass(1);
      expect((await send({ request })).kind).toBe('reserved');
    });

    it('are one caller’s own', async () => {
      await send({ request });
      pass(MINUTE);
      expect((await send({ request, slot: { ...slot, caller: 'shop' } })).kind).toBe('reserved');
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
  });

  describe('record', () => {
    it('is there for 24 hours after the code, 30 days after an approval', async () => {
      const { reservation } = reserved(await send());
      time = reservation.expiresAt + DAY - 1;
      expect((await status()).record).toMatchObject({ state: 'expired' });
      pass(1);
      expect((await status()).record).toBeNull();

      await send();
      await check(RIGHT);
      const approvedAt = time;
      time = approvedAt + 30 * DAY - 1;
      expect(await status()).toMatchObject({ record: { state: 'approved', approvedAt }, phoneVerifiedAt: approvedAt });
      pass(1);
      expect(await status()).toMatchObject({ record: null, phoneVerifiedAt: null });
    });

    it('remembers the approval of the phone when a new code takes over', async () => {
      await send();
      await check(RIGHT);
      const approvedAt = time;
      pass(MINUTE);
      await send();
      expect(await status()).toMatchObject({ record: { state: 'pending' }, phoneVerifiedAt: approvedAt });
    });

    it('of another id, caller or purpose is not shown', async () => {
      const { reservation } = reserved(await send());
      const { nonce } = reservation;
      const limits = { cooldownMs: MINUTE, windows: WINDOWS };
      expect((await store.status({ slot, nonce, ...limits })).record).not.toBeNull();
      expect((await store.status({ slot, nonce: 'another', ...limits })).record).toBeNull();
      for (const other of [{ caller: 'shop' }, { purpose: 'register' }]) {
        expect((await store.status({ slot: { ...slot, ...other }, nonce, ...limits })).record).toBeNull();
      }
    });
  });

  describe('cancel', () => {
    it('makes a pending code unusable, and twice is once', async () => {
      const { nonce } = reserved(await send()).reservation;
      expect((await store.cancel({ slot, nonce })).record).toMatchObject({ state: 'canceled', attemptsRemaining: 0 });
      expect((await store.cancel({ slot, nonce })).record).toMatchObject({ state: 'canceled' });
      expect(await check(RIGHT, { nonce })).toEqual({ kind: 'not_found' });
    });

    it('leaves an approved, expired or exhausted one as it is', async () => {
      const approved = reserved(await send()).reservation;
      await check(RIGHT);
      expect((await store.cancel({ slot, nonce: approved.nonce })).record).toMatchObject({ state: 'approved' });
      pass(HOUR);
      const expired = reserved(await send()).reservation;
      time = expired.expiresAt;
      expect((await store.cancel({ slot, nonce: expired.nonce })).record).toMatchObject({ state: 'expired' });
      pass(HOUR);
      const exhausted = reserved(await send()).reservation;
      await wrongGuesses(5);
      expect((await store.cancel({ slot, nonce: exhausted.nonce })).record).toMatchObject({ state: 'exhausted' });
    });

    it('of a foreign or unknown verification changes nothing', async () => {
      const { nonce } = reserved(await send()).reservation;
      for (const other of [{ caller: 'shop' }, { purpose: 'register' }]) {
        expect((await store.cancel({ slot: { ...slot, ...other }, nonce })).record).toBeNull();
      }
      expect((await store.cancel({ slot, nonce: 'another' })).record).toBeNull();
      expect((await check(RIGHT, { nonce })).kind).toBe('approved');
    });

    it('stays when the send it canceled is refunded', async () => {
      const command = sendCommand();
      const { nonce } = reserved(await store.send(command)).reservation;
      await store.cancel({ slot, nonce });
      await settle(command.sendId, null);
      expect(await status()).toMatchObject({ record: { state: 'canceled' }, blocked: null });
    });
  });

  describe('status', () => {
    it('explains what blocks and until when, and charges nothing', async () => {
      await send();
      pass(20 * SECOND);
      const expected = {
        cooldown: { level: 1, endsAt: time + 40 * SECOND },
        blocked: { by: 'cooldown', retryAfterMs: 40 * SECOND },
        windows: [
          { used: 1, freesAt: 0, emptyAt: time - 20 * SECOND + HOUR },
          { used: 1, freesAt: 0, emptyAt: time - 20 * SECOND + DAY },
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
