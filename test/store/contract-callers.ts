/** What every store promises of callers who share a phone: a shared limit shows as a limit, and not as a diary. */
import { describe, expect, it } from 'vitest';
import { SHARED_GRID_MS } from '../../src/domain/policy.ts';
import { HOUR, MINUTE, RIGHT, SECOND, type World } from './contract-world.ts';

export function callersContract(world: World): void {
  const { check, now, pass, reserved, send, setTime, status } = world;
  const shop = () => ({ ...world.slot(), caller: 'shop' });
  /** The next ten seconds begin. */
  const onGrid = () => setTime(Math.ceil((now() + 1) / SHARED_GRID_MS) * SHARED_GRID_MS);

  describe('what another caller sees of a send', () => {
    /** From ten to sixty seconds after it, every half second, and at the end of each window. */
    async function seen(sentAt: number): Promise<unknown[]> {
      world.anotherPhone();
      onGrid();
      const start = now();
      pass(sentAt);
      reserved(await send());
      const found: unknown[] = [];
      for (const offset of [...Array.from({ length: 130 }, (_, i) => i * 500), HOUR, HOUR + 5 * SECOND]) {
        setTime(start + SHARED_GRID_MS + offset);
        const { windows, cooldown, blocked } = await status(shop());
        const since = (at: number) => (at === 0 ? 0 : at - start);
        found.push({
          windows: windows.map((use) => ({ ...use, freesAt: since(use.freesAt), emptyAt: since(use.emptyAt) })),
          cooldown: { ...cooldown, endsAt: since(cooldown.endsAt) },
          blocked,
        });
      }
      return found;
    }

    it('is the same whenever it was made within ten seconds', async () => {
      const expected = await seen(1);
      for (const offset of [2, 5_000, 9_999, 10_000]) expect(await seen(offset)).toEqual(expected);
    });

    it('negative control: its own caller sees the millisecond', async () => {
      onGrid();
      pass(1_234);
      reserved(await send());
      expect((await status()).cooldown.endsAt % SHARED_GRID_MS).toBe(1_234);
      expect((await status(shop())).cooldown.endsAt % SHARED_GRID_MS).toBe(0);
    });
  });

  it('another caller’s refusal and status name the same wait, and the send succeeds when it is over', async () => {
    onGrid();
    pass(3_210);
    reserved(await send());
    pass(7 * SECOND);
    const { blocked } = await status(shop());
    expect(blocked).toEqual({ by: 'cooldown', retryAfterMs: MINUTE + SHARED_GRID_MS - 10_210 });
    expect(await send({ slot: shop() })).toEqual({ kind: 'blocked', ...blocked });
    pass((blocked?.retryAfterMs ?? 0) - 1);
    expect(await send({ slot: shop() })).toMatchObject({ kind: 'blocked', retryAfterMs: 1 });
    pass(1);
    reserved(await send({ slot: shop() }));
  });

  it('own sends are counted apart, and their times stay exact', async () => {
    onGrid();
    pass(1);
    reserved(await send());
    pass(2 * MINUTE);
    const { reservation } = reserved(await send({ slot: shop() }));
    expect(reservation.resendAt).toBe(now() + MINUTE);
    expect((await status(shop())).windows[0]).toMatchObject({ used: 2, own: 1, emptyAt: now() + HOUR });
    expect((await status()).windows[0]).toMatchObject({ used: 2, own: 1, emptyAt: now() + HOUR + 9_999 });
  });

  it('an approval is not seen by another caller, and not in its waits', async () => {
    const seen = [];
    for (const approves of [false, true]) {
      world.anotherPhone();
      onGrid();
      for (const wait of [1, 1, 2]) {
        reserved(await send());
        pass(wait * MINUTE);
      }
      reserved(await send());
      if (approves) expect((await check(RIGHT)).kind).toBe('approved');
      pass(20 * SECOND);
      const { windows, budgets, cooldown, blocked, phoneVerifiedAt, record } = await status(shop());
      seen.push({
        used: windows.map(({ used, own }) => [used, own]),
        budgets,
        level: cooldown.level,
        wait: cooldown.endsAt - now(),
        blocked,
        phoneVerifiedAt,
        record,
      });
      // Its own caller's cooldown begins anew.
      expect((await status()).cooldown.level).toBe(approves ? 0 : 4);
    }
    expect(seen[1]).toEqual(seen[0]);
  });
}
