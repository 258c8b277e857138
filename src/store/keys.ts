import type { Slot } from '../domain/slot.ts';

/**
 * Part of every key. It grows when a version of the service could misread what another one wrote: the two then do not
 * see each other's keys.
 */
const LAYOUT = 3;

/** The id of the secret with its hyphen, and the first two of 22 random characters. */
const BUCKET_CHARACTERS = 5;

/** Messages of vendors are spread over 4,096 buckets for each secret: what waits is limited in each of them. */
export function bucketOf(message: string): string {
  return message.slice(0, BUCKET_CHARACTERS);
}

/**
 * The keys of a vendor's message id: its link, and the reports that wait for one. A bucket is a hash tag of its own, so
 * that both are in one hash slot of a Redis Cluster. No phone's tag begins so.
 */
export function messageKeysOf(prefix: string, message: string) {
  const waiting = `${prefix}:${LAYOUT}:{m.${bucketOf(message)}}`;
  return { link: `${waiting}:${message.slice(BUCKET_CHARACTERS)}`, waiting };
}

/** A caller and a purpose: one phone has one verification, one guess budget and one time of approval for each. */
export function ownerOf({ caller, purpose }: Slot): string {
  return `${caller}:${purpose}`;
}

/**
 * The names of one phone's keys. The hash tag in braces puts all of them into one hash slot of a Redis Cluster, so that
 * every transition is one script. Caller and purpose are `[a-z][a-z0-9_-]*` by configuration and the rest is base64url,
 * so nothing a user types can move the tag.
 */
export function keysOf(prefix: string, slot: Slot) {
  const phone = `${prefix}:${LAYOUT}:{${slot.phoneKey}}`;
  const owner = ownerOf(slot);
  return {
    /** The current verification. */
    verification: `${phone}:v:${owner}`,
    /** Sends to the phone, of all callers and purposes. */
    sends: `${phone}:s`,
    /** Failed guesses since the last success. */
    failures: `${phone}:f:${owner}`,
    /** Times of the last approvals. */
    approvals: `${phone}:a`,
    /** The stored answer of a SendCode. Named even without a request id, since a script's keys are fixed in number. */
    answer: (requestHash: string | null) => `${phone}:r:${slot.caller}:${requestHash ?? '-'}`,
    /** The stored verdict of a CheckCode. */
    verdict: (requestHash: string | null) => `${phone}:q:${slot.caller}:${requestHash ?? '-'}`,
  };
}

/** The key of a row: all rows of a subject are in one hash slot. No tag of a phone or a message begins so. */
export function rowKeyOf(prefix: string, subject: string, row: string): string {
  return `${prefix}:${LAYOUT}:{l.${subject}}:${row}`;
}

/** A key of no phone, for the script that asks whether this server can be the store. */
export function readyKeyOf(prefix: string): string {
  return `${prefix}:${LAYOUT}:{ready}`;
}
