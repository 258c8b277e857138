/** What every store promises of request ids: the same call twice is the same call. */
import { expect, it } from 'vitest';
import { DELIVERY, MINUTE, RIGHT, SECOND, type World } from './contract-world.ts';

export function requestContract(world: World): void {
  const { check, now, pass, reserved, send, sendCommand, settle, slot, status, store } = world;

  const request = { hash: 'request', content: 'content' };

  it('answer a repeated send with the stored answer: unsettled, then with its delivery', async () => {
    const command = sendCommand({ request });
    const { reservation, seed } = reserved(await store().send(command));
    pass(SECOND);
    expect(await send({ request })).toEqual({ kind: 'replayed', reservation, seed, delivery: null, now: now() });
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
    await store().send(command);
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
