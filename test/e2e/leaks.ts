/** Looks for secrets in anything, in every form in which they might have got there. */
import { createHash } from 'node:crypto';
import parsePhoneNumber from 'libphonenumber-js/max';

/** Each value under a name, which alone is shown: a report that quoted what it found would be the next leak. */
export type Secrets = Readonly<Record<string, string>>;

interface Needle {
  readonly form: string;
  /** `name, form`. */
  readonly what: string;
  readonly isNumber: boolean;
}

/** Of a form, by which it is looked up. */
const HEAD = 6;

/**
 * What shows in a text, as `name, form`. Values must be long enough not to turn up by chance: 8 characters, or 6 digits, which count
 * where they are a number of their own and not a part of some random id.
 */
export function leaksIn(text: string, secrets: Secrets): string[] {
  return leakFinder(secrets)(text);
}

/** The same for many texts: thousands of secrets have tens of thousands of forms. */
export function leakFinder(secrets: Secrets): (text: string) => string[] {
  const needles = Map.groupBy(needlesOf(secrets), ({ form }) => form.slice(0, HEAD));
  return (text) => {
    const found = new Set<string>();
    for (let at = 0; at <= text.length - HEAD; at++) {
      for (const { form, what, isNumber } of needles.get(text.slice(at, at + HEAD)) ?? []) {
        if (!found.has(what) && text.startsWith(form, at) && !(isNumber && isPart(text, at, form))) found.add(what);
      }
    }
    return [...found];
  };
}

function needlesOf(secrets: Secrets): Needle[] {
  return Object.entries(secrets).flatMap(([name, value]) =>
    formsOf(value).map(([how, form]) => {
      if (form.length < HEAD) throw new Error(`${name} is too short to be looked for`);
      return { form, what: `${name}, ${how}`, isNumber: /^(?:[ .()-]*\d){1,7}$/.test(form) };
    }),
  );
}

const ID_CHARACTER = /[\w-]/;
const SHORTEST_ID = 30;

/** Whether a hit lies in a longer number or within a random id. */
function isPart(text: string, at: number, form: string): boolean {
  const end = at + form.length;
  if (/\d/.test(`${text[at - 1] ?? ''}${text[end] ?? ''}`)) return true;
  let first = at;
  let last = end;
  while (first > 0 && ID_CHARACTER.test(text.charAt(first - 1))) first -= 1;
  while (last < text.length && ID_CHARACTER.test(text.charAt(last))) last += 1;
  return last - first >= SHORTEST_ID;
}

type Form = readonly [how: string, form: string];

function formsOf(value: string): Form[] {
  // The country code may be missing.
  const number = /^\+\d+$/.test(value) ? parsePhoneNumber(value)?.nationalNumber : undefined;
  const plain: string = number ?? value;
  return [
    ['as it is', plain],
    ['in JSON', JSON.stringify(plain).slice(1, -1)],
    ['URL-encoded', encodeURIComponent(value)],
    ['URL-encoded as in a form', `${new URLSearchParams([['', value]])}`.slice(1)],
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
  const groups = digits.length === 10 ? [3, 3, 4] : digits.length === 11 ? [3, 4, 4] : halves(digits.length);
  let start = 0;
  const parts = groups.map((length) => {
    start += length;
    return digits.slice(start - length, start);
  });
  const american = `(${parts[0]}) ${parts.slice(1).join('-')}`;
  return [...['-', ' ', '.'].map((separator) => parts.join(separator)), american].map((form) => ['in groups', form]);
}

const halves = (length: number) => [Math.ceil(length / 2), Math.floor(length / 2)];

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
