import type { RequestKey, Slot } from './store.ts';

/** What is known of a vendor's message id: of no phone, so on a slot of its own. No phone's tag begins like this one. */
export function messageKeyOf(prefix: string, message: string): string {
  return `${prefix}:{m.${message}}`;
}

/**
 * The names of one phone's keys. The hash tag in braces puts all of them on one slot of a Redis Cluster, so that every
 * transition is one script. Caller and purpose are `[a-z][a-z0-9_-]*` by configuration and the rest is base64url, so
 * nothing a user types can move the tag.
 */
export function keysOf(prefix: string, { phoneKey, caller, purpose }: Slot) {
  const phone = `${prefix}:{${phoneKey}}`;
  const ofRequest = (kind: 'q' | 'r', request: Pick<RequestKey, 'hash'> | null) =>
    `${phone}:${kind}:${caller}:${request?.hash ?? '-'}`;
  return {
    /** The current verification. */
    verification: `${phone}:v:${caller}:${purpose}`,
    /** Sends to the phone, of all callers and purposes. */
    sends: `${phone}:s`,
    /** Failed guesses since the last success. */
    failures: `${phone}:f:${caller}:${purpose}`,
    /** Times of the last approvals. */
    approvals: `${phone}:a`,
    /** The stored answer of a SendCode. Named even without a request id, since a script's keys are fixed in number. */
    answer: (request: Pick<RequestKey, 'hash'> | null) => ofRequest('r', request),
    /** The stored verdict of a CheckCode. */
    verdict: (request: Pick<RequestKey, 'hash'> | null) => ofRequest('q', request),
  };
}
