/**
 * Limits that are not of one phone: rows that count what one subject takes, an ip address or a device. A take is all or
 * nothing over the rows of its subject; what a call took is given back when it is refused later.
 */

export interface TakeCommand {
  /** Kind and keyed hash of whom the rows are about, `ip.<base64url>`: all of them are in one hash slot. */
  readonly subject: string;
  /** At least one, with names of their own. */
  readonly rows: readonly RowTake[];
}

interface Row {
  readonly name: string;
  /** At least 1. */
  readonly limit: number;
  readonly windowMs: number;
  /** Whether it refuses when it is full; otherwise it only counts, and is never fuller than its limit. */
  readonly enforced: boolean;
}

export type RowTake = MembersTake | RingTake;

/** Exact, at about 30 bytes a member: sends, each a member of its own, or distinct phones. */
export interface MembersTake extends Row {
  readonly form: 'members';
  /** Who is there already is not counted again, and stays until a window after this take. */
  readonly member: string;
}

/**
 * Amounts, by parts of the window: RING_PARTS and the one that has begun. The oldest counts whole, so that a window never
 * holds more than the limit, and may hold a part of RING_PARTS less.
 */
export interface RingTake extends Row {
  readonly form: 'ring';
  /** At least 1. */
  readonly amount: number;
}

export const RING_PARTS = 20;

export type TakeReply =
  | ({ readonly kind: 'taken' } & Taken)
  /** Nothing is taken. `by` is the row that is full for the longest time. */
  | { readonly kind: 'refused'; readonly by: string; readonly retryAfterMs: number };

export interface Taken {
  readonly at: number;
  /** In the order of the command. */
  readonly rows: readonly TakenRow[];
}

export interface TakenRow {
  /** It was full and does not refuse: nothing was taken from it. */
  readonly full: boolean;
  /** When its member was there before; null when it was not. */
  readonly before: number | null;
}

/** To be called once for each take. */
export interface GiveCommand {
  readonly take: TakeCommand;
  readonly taken: Taken;
}

/** A window that holds RING_PARTS parts and the one that has begun. */
export const partMsOf = ({ windowMs }: RingTake): number => Math.ceil(windowMs / RING_PARTS);
