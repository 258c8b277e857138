/** Which keys and arguments take.lua and give.lua get: before them, how many keys there are. */
import { rowKeyOf } from './keys.ts';
import type { GiveCommand, RowTake, TakeCommand } from './takes.ts';

export function forTake(prefix: string, command: TakeCommand): string[] {
  const rows = command.rows.flatMap((row) => [
    row.form,
    String(row.limit),
    String(row.windowMs),
    whatOf(row),
    row.enforced ? '1' : '',
  ]);
  return [...keysOf(prefix, command), ...rows];
}

export function forGive(prefix: string, { take, taken }: GiveCommand): string[] {
  const rows = take.rows.flatMap((row, index) => {
    const { full, before } = taken.rows[index] ?? { full: true, before: null };
    return [row.form, String(row.windowMs), whatOf(row), full ? 'full' : String(before ?? '')];
  });
  return [...keysOf(prefix, take), String(taken.at), ...rows];
}

function keysOf(prefix: string, { subject, rows }: TakeCommand): string[] {
  return [String(rows.length), ...rows.map(({ name }) => rowKeyOf(prefix, subject, name))];
}

function whatOf(row: RowTake): string {
  return row.form === 'members' ? row.member : String(row.amount);
}
