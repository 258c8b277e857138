/**
 * A vendor's table of error codes, as data: what each code means for the message, for the answer to the caller and for
 * the operator.
 */
import type { FailureCategory } from '../domain/delivery.ts';
import type { Actor, Failure, FailureScope, FailureStatus } from './provider.ts';

/** `Wait` is a number of milliseconds, and what else a vendor's table needs to say of a time. */
export interface CodeRow<Wait = number> extends Verdict<Wait> {
  /** For the operator. */
  readonly meaning: string;
}

export interface Verdict<Wait = number> {
  /**
   * `blocked`: refused by this vendor on behalf of the recipient. Whether another provider may try is the operator's
   * choice.
   */
  readonly kind: Failure['kind'] | 'blocked';
  readonly category: FailureCategory;
  readonly status: FailureStatus;
  readonly actor: Actor;
  /** A time that the vendor sends with its answer counts instead. */
  readonly retryAfterMs?: Wait;
  /** Surely not sent, and the vendor invites another try. */
  readonly retrySame?: true;
  /** What failed; the vendor as a whole when left out. */
  readonly scope?: FailureScope;
}

/** The rows of codes that have the same verdict, from their meanings by code. */
export function rows<Wait = number>(
  verdict: Verdict<Wait>,
  meanings: Readonly<Record<string, string>>,
): [string, CodeRow<Wait>][] {
  return Object.entries(meanings).map(([code, meaning]) => [code, { ...verdict, meaning }]);
}

export function kindOf({ kind }: Pick<Verdict, 'kind'>, failOverBlocked: boolean): Failure['kind'] {
  if (kind !== 'blocked') return kind;
  return failOverBlocked ? 'unavailable' : 'rejected';
}
