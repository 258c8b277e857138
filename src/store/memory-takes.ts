/** Rows in memory. */
import { createLruMap } from './lru.ts';
import {
  type GiveCommand,
  type MembersTake,
  partMsOf,
  RING_PARTS,
  type RingTake,
  type RowTake,
  type TakeCommand,
  type TakeReply,
} from './takes.ts';

/** A member and when it was there last; a part of a ring and how much it holds. */
type Counts = Map<string | number, number>;

export function createMemoryTakes({ now, capacity }: { now: () => number; capacity: number }) {
  const rows = createLruMap<Counts>(capacity);

  function countsOf({ subject }: TakeCommand, { name }: RowTake): Counts {
    const key = `${subject} ${name}`;
    const counts = rows.get(key) ?? new Map();
    rows.set(key, counts);
    return counts;
  }

  return {
    take(command: TakeCommand): TakeReply {
      const at = now();
      const found = command.rows.map((row) => {
        const counts = countsOf(command, row);
        const endsAt = row.form === 'members' ? membersFullUntil(counts, row, at) : ringFullUntil(counts, row, at);
        return { row, counts, endsAt };
      });
      const full = found.filter(({ row, endsAt }) => row.enforced && endsAt > 0);
      const [longest, ...others] = full;
      if (longest !== undefined) {
        const { row, endsAt } = others.reduce((most, each) => (each.endsAt > most.endsAt ? each : most), longest);
        return { kind: 'refused', by: row.name, retryAfterMs: endsAt - at };
      }
      const taken = found.map(({ row, counts, endsAt }) => {
        if (endsAt > 0) return { full: true, before: null };
        if (row.form === 'ring') {
          replace(counts, ringOf(counts, row, at));
          add(counts, partOf(row, at), row.amount);
          return { full: false, before: null };
        }
        const before = counts.get(row.member) ?? null;
        counts.set(row.member, at);
        return { full: false, before };
      });
      return { kind: 'taken', at, rows: taken };
    },

    give({ take, taken }: GiveCommand): void {
      const at = now();
      for (const [index, row] of take.rows.entries()) {
        const { full, before } = taken.rows[index] ?? { full: true, before: null };
        if (full) continue;
        const counts = countsOf(take, row);
        if (row.form === 'ring') {
          const part = partOf(row, taken.at);
          const held = counts.get(part);
          if (held !== undefined) counts.set(part, Math.max(0, held - row.amount));
        } else if (counts.get(row.member) === taken.at) {
          if (before !== null && before > at - row.windowMs) counts.set(row.member, before);
          else counts.delete(row.member);
        }
      }
    },

    clear: () => rows.clear(),
  };
}

/** 0 while there is room. Forgets what no longer counts; what comes from the future of a clock that was set back becomes now. */
function membersFullUntil(counts: Counts, { limit, windowMs, member }: MembersTake, now: number): number {
  for (const [each, time] of [...counts]) {
    if (time <= now - windowMs) counts.delete(each);
    else if (time > now) counts.set(each, now);
  }
  if (counts.size < limit || counts.has(member)) return 0;
  const times = [...counts.values()].sort((a, b) => a - b);
  return (times[counts.size - limit] ?? now) + windowMs;
}

/** The parts that count. What comes from the future is in the one that has begun. */
function ringOf(counts: Counts, row: RingTake, now: number): Counts {
  const part = partOf(row, now);
  const ring: Counts = new Map();
  for (const [each, amount] of counts) {
    if (Number(each) >= part - RING_PARTS) add(ring, Math.min(Number(each), part), amount);
  }
  return ring;
}

function ringFullUntil(counts: Counts, row: RingTake, now: number): number {
  const part = partOf(row, now);
  const ring = ringOf(counts, row, now);
  if ([...counts.keys()].some((each) => Number(each) > part)) replace(counts, ring);
  const parts = [...ring].map(([each, amount]) => [Number(each), amount] as const).sort(([a], [b]) => a - b);
  let excess = parts.reduce((sum, [, amount]) => sum + amount, row.amount - row.limit);
  if (excess <= 0) return 0;
  // More than the limit at once never has room: a whole window is as good an answer as any.
  let leaves = part;
  for (const [each, amount] of parts) {
    if (excess <= 0) break;
    if (amount > 0) leaves = each;
    excess -= amount;
  }
  return (leaves + RING_PARTS + 1) * partMsOf(row);
}

function partOf(row: RingTake, time: number): number {
  return Math.floor(time / partMsOf(row));
}

function replace(counts: Counts, by: Counts): void {
  counts.clear();
  for (const [each, amount] of by) counts.set(each, amount);
}

function add(counts: Counts, part: number, amount: number): void {
  counts.set(part, (counts.get(part) ?? 0) + amount);
}
