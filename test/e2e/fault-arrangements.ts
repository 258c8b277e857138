/** Which providers are behind the faulty one, and what must come of a message then: what dispatch.ts promises, as data. */
import type { AttemptResult } from '../../src/domain/delivery.ts';
import type { Verdict } from './fault-table.ts';

/** What the providers behind the faulty one do. */
export type Follower = 'healthy' | 'hangs' | 'in doubt' | 'down';

export interface Expected {
  /** Refused as the row says, or OK with this status of the delivery. */
  readonly answer: 'refused' | 'ACCEPTED' | 'UNKNOWN';
  /** The place in the route of the provider that the answer names. */
  readonly by?: number;
  /** What came of each provider that was tried, in order. */
  readonly attempts: readonly AttemptResult[];
}

export interface Arrangement {
  readonly followers: readonly Follower[];
  /** By what the evidence says of the first provider. */
  readonly expected: Readonly<Record<Evidence, Expected>>;
}

export type Evidence = Exclude<Verdict, 'not_sent or maybe'>;

const FINAL: Expected = { answer: 'refused', attempts: ['rejected'] };

export const ALONE: Arrangement = {
  followers: [],
  expected: {
    not_sent: { answer: 'refused', attempts: ['unavailable'] },
    maybe: { answer: 'UNKNOWN', by: 0, attempts: ['unknown'] },
    final: FINAL,
  },
};

export const BEFORE_A_HEALTHY_ONE: Arrangement = {
  followers: ['healthy'],
  expected: {
    not_sent: { answer: 'ACCEPTED', by: 1, attempts: ['unavailable', 'accepted'] },
    maybe: { answer: 'ACCEPTED', by: 1, attempts: ['unknown', 'accepted'] },
    final: FINAL,
  },
};

/** The second lasts until the caller's deadline. */
export const BEFORE_ONE_THAT_HANGS: Arrangement = {
  followers: ['hangs'],
  expected: {
    not_sent: { answer: 'UNKNOWN', by: 1, attempts: ['unavailable', 'unknown'] },
    maybe: { answer: 'UNKNOWN', by: 0, attempts: ['unknown', 'unknown'] },
    final: FINAL,
  },
};

/** The third is healthy, but after two that have maybe sent it would be asked for a third SMS. */
export const BEFORE_ONE_IN_DOUBT: Arrangement = {
  followers: ['in doubt', 'healthy'],
  expected: {
    not_sent: { answer: 'ACCEPTED', by: 2, attempts: ['unavailable', 'unknown', 'accepted'] },
    maybe: { answer: 'UNKNOWN', by: 0, attempts: ['unknown', 'unknown'] },
    final: FINAL,
  },
};

/** The second surely sent nothing: after whatever the first did, one more SMS may be sent, by the third. */
export const BEFORE_ONE_THAT_IS_DOWN: Arrangement = {
  followers: ['down', 'healthy'],
  expected: {
    not_sent: { answer: 'ACCEPTED', by: 2, attempts: ['unavailable', 'unavailable', 'accepted'] },
    maybe: { answer: 'ACCEPTED', by: 2, attempts: ['unknown', 'unavailable', 'accepted'] },
    final: FINAL,
  },
};

/** The first lasts until the caller's deadline: there is no time left for another. */
export const OUTLASTING_THE_CALLER: Arrangement = {
  followers: ['healthy'],
  expected: {
    ...BEFORE_A_HEALTHY_ONE.expected,
    maybe: { answer: 'UNKNOWN', by: 0, attempts: ['unknown'] },
  },
};
