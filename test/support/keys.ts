/** The promise about every key in Redis: it expires, and nobody can read a phone number or a code from it. */
import { createHash } from 'node:crypto';
import { Cluster, type Redis } from 'ioredis';
import parsePhoneNumber from 'libphonenumber-js/max';
import { valuesOf } from './packed.ts';

export interface Secrets {
  /** E.164. */
  readonly phones: readonly string[];
  readonly codes: readonly string[];
}

/**
 * Reads every key under `prefix`, on every primary of a cluster. Throws one error that lists each key without a time to
 * live and each that shows a secret: in its name or anywhere in its value, as it is, in a national spelling, URL-encoded,
 * in base64 or hex, or as an unkeyed hash (there are too few phone numbers and codes for these to hide anything).
 */
export async function assertKeysClean(redis: Redis | Cluster, prefix: string, secrets: Secrets): Promise<number> {
  const find = secretFinder(secrets);
  const faults: string[] = [];
  let keys = 0;
  for (const node of redis instanceof Cluster ? redis.nodes('master') : [redis]) {
    for await (const key of keysUnder(node, prefix)) {
      keys++;
      if ((await node.pttl(key)) === -1) faults.push(`${key} never expires`);
      for (const text of [key, ...(await texts(node, key))]) {
        for (const what of find(text)) faults.push(`${key} shows ${what}`);
      }
    }
  }
  if (faults.length > 0) throw new Error(`${faults.length} faults in ${keys} keys:\n${faults.slice(0, 20).join('\n')}`);
  return keys;
}

/** Every key of one node that starts with `prefix`, once. */
export async function* keysUnder(node: Redis, prefix: string): AsyncGenerator<string> {
  const seen = new Set<string>();
  const match = `${prefix.replace(/[*?[\]\\^]/g, '\\$&')}*`;
  for await (const keys of node.scanStream({ match, count: 500 }) as AsyncIterable<string[]>) {
    for (const key of keys) {
      if (!seen.has(key)) yield key;
      seen.add(key);
    }
  }
}

/** Everything stored under a key, as strings. */
async function texts(node: Redis, key: string): Promise<string[]> {
  const type = await node.type(key);
  switch (type) {
    case 'string':
      // What is packed is searched as it is, and as the texts and numbers that it stands for.
      return [(await node.get(key)) ?? '', ...(await valuesOf(node, key))];
    case 'hash':
      return Object.entries(await node.hgetall(key)).flat();
    case 'zset':
      return node.zrange(key, 0, '-1', 'WITHSCORES');
    case 'set':
      return node.smembers(key);
    case 'list':
      return node.lrange(key, 0, -1);
    case 'none':
      // Expired since it was listed.
      return [];
    default:
      throw new Error(`${key} is a ${type}, which this check cannot read`);
  }
}

/** What a text shows, as words; the work grows with the text, not with the number of secrets. */
function secretFinder({ phones, codes }: Secrets): (text: string) => string[] {
  const numbers = new Set<string>();
  const hashes = new Map<string, string>();
  for (const phone of phones) {
    const national = parsePhoneNumber(phone)?.nationalNumber ?? phone.slice(1);
    numbers.add(national);
    for (const spelling of [phone, phone.slice(1), national]) addHashes(hashes, spelling, 'an unkeyed hash of a phone');
  }
  for (const code of codes) addHashes(hashes, code, 'an unkeyed hash of a code');
  const codeSet = new Set(codes);
  const lengths = new Set([...numbers].map((number) => number.length));

  return (text) => {
    const found = new Set<string>();
    for (const view of views(text)) {
      for (const token of view.match(/[\w+/-]{20,}/g) ?? []) {
        const hash = hashes.get(token) ?? hashes.get(token.toLowerCase());
        if (hash !== undefined) found.add(hash);
      }
      // A code stands between other characters; within a longer run of digits, or a digest in hex, it would be chance.
      if ((view.replace(SHA1, '').match(/\d+/g) ?? []).some((digits) => codeSet.has(digits))) found.add('a code');
      for (const digits of view.replace(/(?<=\d)[ ().\u00a0-]+(?=\d)/g, '').match(/\d{5,}/g) ?? []) {
        if (windows(digits, lengths).some((part) => numbers.has(part))) found.add('a phone');
      }
    }
    return [...found];
  };
}

/** Of `redis.sha1hex` and of replication ids, whole or shortened. */
const SHA1 = /(?<![0-9a-z])(?:[0-9a-f]{40}|[0-9a-f]{32}|[0-9a-f]{16})(?![0-9a-z])/g;

function addHashes(hashes: Map<string, string>, secret: string, what: string): void {
  for (const algorithm of ['md5', 'sha1', 'sha256', 'sha512']) {
    const digest = createHash(algorithm).update(secret).digest();
    hashes.set(digest.toString('hex'), what);
    hashes.set(digest.toString('base64url'), what);
    hashes.set(digest.toString('base64').replace(/=+$/, ''), what);
  }
}

/** The text itself and what it may be an encoding of. Base64 may start inside other characters: hence the four shifts. */
function views(text: string): string[] {
  const all = [
    text,
    text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  ];
  for (const [token] of text.matchAll(/[\w+/-]{6,}/g)) {
    for (let shift = 0; shift < 4; shift++) all.push(Buffer.from(token.slice(shift), 'base64').toString('latin1'));
  }
  for (const [token] of text.matchAll(/[0-9a-f]{8,}/gi)) {
    for (let shift = 0; shift < 2; shift++) all.push(Buffer.from(token.slice(shift), 'hex').toString('latin1'));
  }
  return all;
}

function windows(digits: string, lengths: ReadonlySet<number>): string[] {
  return [...lengths].flatMap((length) =>
    Array.from({ length: Math.max(0, digits.length - length + 1) }, (_, start) => digits.slice(start, start + length)),
  );
}
