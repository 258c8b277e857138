/** What every store promises of test numbers: they can be tried without end, and cost nothing that others need. */
import { expect, it } from 'vitest';
import { DELIVERY, MINUTE, RIGHT, type SendChanges, type World } from './contract-world.ts';

export function testNumberContract(world: World): void {
  const { check, pass, sendCommand, settle, status } = world;
  const rules = { test: true } as const;
  const send = (changes: SendChanges = {}) =>
    world.store().send(sendCommand({ ...changes, rules: { ...rules, ...changes.rules } }));

  it('are sent to without limit, each time with a verification of their own', async () => {
    const nonces = new Set<string>();
    for (let i = 0; i < 30; i++) {
      const reply = await send();
      if (reply.kind !== 'reserved') throw new Error(`expected a reservation, got ${reply.kind}`);
      expect(reply.reservation).toMatchObject({ resendAt: world.now(), sendsRemaining: 5, sentAt: world.now() });
      nonces.add(reply.reservation.nonce);
    }
    expect(nonces.size).toBe(30);
    const { windows, cooldown, blocked, record } = await status();
    expect({ used: windows.map(({ used }) => used), cooldown, blocked }).toEqual({
      used: [0, 0],
      cooldown: { level: 0, endsAt: 0 },
      blocked: null,
    });
    expect(record).toMatchObject({ sends: 1, attemptsRemaining: 5 });
  });

  it('are sent to although limits of real sends are used up, and leave those as they are', async () => {
    await world.store().send(sendCommand());
    const before = await status();
    expect(before.blocked).not.toBeNull();
    expect(await send()).toMatchObject({ kind: 'reserved', reservation: { sendsRemaining: 5 } });
    const { windows, blocked, cooldown } = await status();
    expect({ windows, blocked, cooldown }).toEqual({
      windows: before.windows,
      blocked: before.blocked,
      cooldown: before.cooldown,
    });
  });

  it('allow the guesses of a code, and charge none to the budget', async () => {
    for (let code = 0; code < 10; code++) {
      await send();
      for (const remaining of [4, 3, 2, 1, 0]) expect(await check('wrong')).toMatchObject({ kind: 'wrong', remaining });
      expect(await check(RIGHT)).toMatchObject({ kind: 'exhausted' });
    }
    const { budgets, blocked } = await status();
    expect(budgets.map(({ used }) => used)).toEqual([0, 0]);
    expect(blocked).toBeNull();
  });

  it('grant all guesses of a code although the budget of real ones is nearly used up', async () => {
    const free = {
      cooldownMs: 0,
      resend: 'new',
      windows: [{ name: 'day', limit: 100, windowMs: 86_400_000 }],
    } as const;
    for (let code = 0; code < 4; code++) {
      await world.store().send(sendCommand({ rules: free }));
      for (let guess = 0; guess < 5; guess++) await check('wrong');
    }
    expect(await status()).toMatchObject({ blocked: { by: 'guesses_day' } });
    await send();
    expect((await status()).record).toMatchObject({ attemptsRemaining: 5 });
    expect(await check(RIGHT)).toMatchObject({ kind: 'approved' });
  });

  it('are approved as any other', async () => {
    await send();
    expect(await check(RIGHT)).toMatchObject({ kind: 'approved', at: world.now() });
    expect(await check(RIGHT)).toEqual({ kind: 'not_found' });
    expect(await status()).toMatchObject({ record: { state: 'approved' }, phoneVerifiedAt: world.now() });
  });

  it('never hand their code to a real send, nor take one from it', async () => {
    const seeds = new Set<string>();
    for (const test of [true, false, true]) {
      const reply = await send({ rules: { test, cooldownMs: 0 } });
      seeds.add(reply.kind === 'reserved' ? reply.seed : reply.kind);
    }
    expect(seeds.size).toBe(3);
  });

  it('answer a repeated request id with the stored answer', async () => {
    const request = { hash: 'request', content: 'content' };
    const command = sendCommand({ rules, request });
    const first = await world.store().send(command);
    await settle(command.sendId, DELIVERY, request.hash);
    pass(MINUTE);
    expect(await send({ request })).toMatchObject({ ...first, kind: 'replayed', delivery: DELIVERY });
    expect(await send({ request: { ...request, content: 'other' } })).toEqual({ kind: 'request_id_reused' });
  });

  it('put back the verification before when a send to them is refunded', async () => {
    const first = await send();
    await check('wrong');
    const command = sendCommand({ rules });
    await world.store().send(command);
    await settle(command.sendId, null);
    const nonce = first.kind === 'reserved' ? first.reservation.nonce : '';
    expect((await status()).record).toMatchObject({ nonce, attempts: 1, attemptsRemaining: 4 });
    for (const remaining of [3, 2, 1, 0]) expect(await check('wrong')).toMatchObject({ remaining });
    expect((await status()).budgets.map(({ used }) => used)).toEqual([0, 0]);
  });

  it('leave nothing when their only send is refunded', async () => {
    const command = sendCommand({ rules });
    await world.store().send(command);
    await settle(command.sendId, null);
    expect(await status()).toMatchObject({ record: null, blocked: null });
  });
}
