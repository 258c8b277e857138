/** Looks for secrets in anything, in every form in which they might have got there. */
import { createHash } from 'node:crypto';

/** Each value under a name, which alone is shown: a report that quoted what it found would be the next leak. */
export type Secrets = Readonly<Record<string, string>>;

/** What shows in a text, as `name, form`. Values must be long enough not to turn up by chance: 8 digits or more. */
export function leaksIn(text: string, secrets: Secrets): string[] {
  return Object.entries(secrets).flatMap(([name, value]) =>
    formsOf(value)
      .filter(([, form]) => text.includes(form))
      .map(([how]) => `${name}, ${how}`),
  );
}

type Form = readonly [how: string, form: string];

function formsOf(value: string): Form[] {
  // The country code may be missing.
  const number = /^\+1(\d{10})$/.exec(value)?.[1];
  const plain = number ?? value;
  return [
    ['as it is', plain],
    ['in JSON', JSON.stringify(plain).slice(1, -1)],
    ['URL-encoded', encodeURIComponent(value)],
    ['URL-encoded whole', percent(plain)],
    ['in hex', Buffer.from(plain).toString('hex')],
    ...spellings(plain),
    ...[0, 1, 2].flatMap((offset): Form[] => [
      ['in base64', base64Within(plain, offset, 'base64')],
      ['in base64url', base64Within(plain, offset, 'base64url')],
    ]),
    ...[value, plain].flatMap((spelling) => ['md5', 'sha1', 'sha256'].flatMap((name) => hashes(name, spelling))),
  ];
}

const percent = (text: string) => Array.from(Buffer.from(text), (byte) => `%${byte.toString(16)}`).join('');

/** Digits as people group them. */
function spellings(digits: string): Form[] {
  if (!/^\d+$/.test(digits)) return [];
  const groups = digits.length === 10 ? [3, 3, 4] : [digits.length / 2, digits.length / 2];
  let start = 0;
  const parts = groups.map((length) => {
    start += length;
    return digits.slice(start - length, start);
  });
  const american = `(${parts[0]}) ${parts.slice(1).join('-')}`;
  return [...['-', ' ', '.'].map((separator) => parts.join(separator)), american].map((form) => ['in groups', form]);
}

/** The characters that stand for the value whatever surrounds it, `offset` bytes into a group of three. */
function base64Within(value: string, offset: number, encoding: 'base64' | 'base64url'): string {
  const bytes = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]);
  return bytes.toString(encoding).slice(Math.ceil((offset * 8) / 6), Math.floor((bytes.length * 8) / 6));
}

function hashes(algorithm: string, value: string): Form[] {
  const digest = createHash(algorithm).update(value).digest();
  return [
    [`as ${algorithm} in hex`, digest.toString('hex')],
    [`as ${algorithm} in base64`, digest.toString('base64').replace(/=+$/, '')],
    [`as ${algorithm} in base64url`, digest.toString('base64url')],
  ];
}
