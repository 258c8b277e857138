/** What every store promises of rows: all of a subject's or none, never more than a limit, and what was taken can be given back. */
import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { MembersTake, RingTake, RowTake, Taken, TakeReply } from '../../src/store/takes.ts';
import { HOUR, MINUTE, SECOND, type World } from './contract-world.ts';

export function takeContract(world: World): void {
  const { pass } = world;
  let subject = '';
  let serial = 0;
  beforeEach(() => {
    subject = `ip.${randomBytes(16).toString('base64url')}`;
  });

  const sends = (changes: Partial<MembersTake> = {}): MembersTake => {
    serial += 1;
    const member = `send-${serial}`;
    return { name: 'sends', form: 'members', limit: 3, windowMs: MINUTE, enforced: true, member, ...changes };
  };
  const money = (changes: Partial<RingTake> = {}): RingTake => {
    return {
      name: 'money',
      form: 'ring',
      limit: 1_000,
      windowMs: 20 * MINUTE,
      enforced: true,
      amount: 100,
      ...changes,
    };
  };
  const take = (...rows: RowTake[]) => world.store().take({ subject, rows });
  async function taken(...rows: RowTake[]): Promise<Taken> {
    const reply = await take(...rows);
    if (reply.kind !== 'taken') throw new Error(`refused by ${reply.by}`);
    return reply;
  }
  /** Takes until it is refused; at most a hundred times. */
  async function untilFull(row: () => RowTake): Promise<{ count: number; refusal: TakeReply }> {
    for (let count = 0; count < 100; count++) {
      const reply = await take(row());
      if (reply.kind === 'refused') return { count, refusal: reply };
    }
    throw new Error('never full');
  }

  it('a take says when it was made', async () => {
    expect(await take(sends())).toEqual({ kind: 'taken', at: world.now(), rows: [{ full: false, before: null }] });
  });

  it.each([
    ['members', () => sends(), 3],
    ['a ring', () => money(), 10],
    ['a ring, by its amounts', () => money({ amount: 300 }), 3],
  ] as const)('%s hold what the limit says and no more', async (_, row, expected) => {
    expect((await untilFull(row)).count).toBe(expected);
  });

  it('members leave to the millisecond, and the refusal says when', async () => {
    await take(sends());
    pass(10 * SECOND);
    const { refusal } = await untilFull(sends);
    expect(refusal).toEqual({ kind: 'refused', by: 'sends', retryAfterMs: 50 * SECOND });
    pass(50 * SECOND - 1);
    expect(await take(sends())).toMatchObject({ kind: 'refused', retryAfterMs: 1 });
    pass(1);
    expect(await take(sends())).toMatchObject({ kind: 'taken' });
  });

  it('a ring counts its oldest part whole, so that no window holds more than the limit', async () => {
    // A part is a minute.
    world.setTime(Math.ceil(world.now() / HOUR) * HOUR);
    pass(MINUTE - 1);
    const { refusal } = await untilFull(money);
    expect(refusal).toEqual({ kind: 'refused', by: 'money', retryAfterMs: 20 * MINUTE + 1 });
    pass(20 * MINUTE);
    expect(await take(money())).toMatchObject({ kind: 'refused', retryAfterMs: 1 });
    pass(1);
    expect(await take(money())).toMatchObject({ kind: 'taken' });
  });

  it('an amount waits until enough parts have left', async () => {
    world.setTime(Math.ceil(world.now() / HOUR) * HOUR);
    for (let minute = 0; minute < 5; minute++) {
      await take(money({ amount: 200 }));
      pass(MINUTE);
    }
    expect(await take(money({ amount: 100 }))).toMatchObject({ retryAfterMs: 16 * MINUTE });
    expect(await take(money({ amount: 500 }))).toMatchObject({ retryAfterMs: 18 * MINUTE });
    expect(await take(money({ amount: 1_001 }))).toMatchObject({ kind: 'refused' });
  });

  it('who is there already needs no room, and stays for a window after the last time', async () => {
    const phone = (member: string) => sends({ name: 'phones', member });
    for (const member of ['a', 'b', 'c']) await take(phone(member));
    pass(30 * SECOND);
    expect(await take(phone('a'))).toMatchObject({ kind: 'taken', rows: [{ before: world.now() - 30 * SECOND }] });
    expect(await take(phone('d'))).toMatchObject({ kind: 'refused', retryAfterMs: 30 * SECOND });
    pass(30 * SECOND);
    expect(await untilFull(() => phone(`${serial++}`))).toMatchObject({ count: 2 });
  });

  it('rows are taken all or not at all, and the one that is full for the longest time is named', async () => {
    const [hour, day] = [
      sends({ name: 'hour', windowMs: HOUR, limit: 1 }),
      sends({ name: 'day', windowMs: 24 * HOUR, limit: 1 }),
    ];
    await take(hour);
    await take(day);
    const free = () => sends({ name: 'free', limit: 1 });
    expect(await take(free(), { ...hour, member: 'x' }, { ...day, member: 'x' })).toEqual({
      kind: 'refused',
      by: 'day',
      retryAfterMs: 24 * HOUR,
    });
    expect(await take(free())).toMatchObject({ kind: 'taken' });
  });

  it('a full row that only counts refuses nothing and gets no fuller', async () => {
    const shadow = () => sends({ name: 'shadow', limit: 1, enforced: false });
    await take(shadow());
    pass(MINUTE - 1);
    expect(await take(shadow(), sends())).toMatchObject({ kind: 'taken', rows: [{ full: true }, { full: false }] });
    pass(1);
    expect(await take(shadow())).toMatchObject({ rows: [{ full: false }] });
  });

  it('subjects do not share rows', async () => {
    await untilFull(sends);
    subject = `ip.${randomBytes(16).toString('base64url')}`;
    expect(await take(sends())).toMatchObject({ kind: 'taken' });
  });

  it('a clock that is set back locks nobody for longer than the window', async () => {
    await untilFull(sends);
    await untilFull(money);
    pass(-24 * HOUR);
    expect(await take(sends())).toMatchObject({ kind: 'refused', retryAfterMs: MINUTE });
    expect(await take(money())).toMatchObject({ kind: 'refused' });
    pass(MINUTE);
    expect(await take(sends())).toMatchObject({ kind: 'taken' });
    pass(20 * MINUTE);
    expect(await take(money())).toMatchObject({ kind: 'taken' });
  });

  describe('give', () => {
    const give = (rows: RowTake[], of: Taken) => world.store().give({ take: { subject, rows }, taken: of });

    it('makes room again, at once, in each row', async () => {
      const rows = [sends({ limit: 1 }), money({ limit: 100 })];
      const of = await taken(...rows);
      await give(rows, of);
      expect(await take(sends({ limit: 1 }), money({ limit: 100 }))).toMatchObject({ kind: 'taken' });
    });

    it('takes nobody else’s place', async () => {
      const mine = [sends(), money()];
      const of = await taken(...mine);
      pass(1);
      await untilFull(sends);
      await untilFull(money);
      await give(mine, of);
      expect(await untilFull(sends)).toMatchObject({ count: 1 });
      expect(await untilFull(money)).toMatchObject({ count: 1 });
    });

    it('puts back when a member was there before', async () => {
      const phone = sends({ name: 'phones', member: 'a', limit: 1 });
      await take(phone);
      pass(30 * SECOND);
      await give([phone], await taken(phone));
      expect(await take({ ...phone, member: 'b' })).toMatchObject({ kind: 'refused', retryAfterMs: 30 * SECOND });
    });

    it('leaves a member that was taken again since', async () => {
      const phone = sends({ name: 'phones', member: 'a', limit: 1 });
      const of = await taken(phone);
      pass(1);
      await take(phone);
      await give([phone], of);
      expect(await take({ ...phone, member: 'b' })).toMatchObject({ kind: 'refused' });
    });

    it('gives nothing of a row that was full, or of a window that has passed', async () => {
      const shadow = sends({ name: 'shadow', limit: 1, enforced: false });
      await take(shadow);
      const full = await taken({ ...shadow, member: 'x' });
      await give([{ ...shadow, member: 'x' }], full);
      expect(await take({ ...shadow, enforced: true, member: 'y' })).toMatchObject({ kind: 'refused' });

      const old = [money()];
      const of = await taken(...old);
      pass(HOUR);
      await give(old, of);
      expect((await untilFull(money)).count).toBe(10);
    });
  });
}
