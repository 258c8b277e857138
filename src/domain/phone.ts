/**
 * One phone, one identity: every way of writing a number becomes the same E.164, because limits and codes are kept by
 * it. Numbering plans are libphonenumber's (the `max` metadata: it knows number types and VoIP ranges).
 */
import {
  type CountryCode,
  isSupportedCountry,
  type PhoneNumber,
  type PhoneNumberType,
  parsePhoneNumberFromString,
} from 'libphonenumber-js/max';
import { ALSO_REACHED, REPLACED, type Spelling } from './phone-spellings.ts';
import type { FieldViolation } from './refusal.ts';

export type NumberType =
  | 'mobile'
  | 'landline'
  | 'landline_or_mobile'
  | 'voip'
  | 'toll_free'
  | 'premium_rate'
  | 'shared_cost'
  | 'pager'
  | 'voicemail'
  | 'personal'
  | 'uan'
  | 'unknown';

/** Never sent to: the sender or the recipient pays extra, or the number is not the phone of one person. */
export const ALWAYS_REFUSED_TYPES: ReadonlySet<NumberType> = new Set<NumberType>([
  'premium_rate',
  'shared_cost',
  'pager',
  'voicemail',
  // Lines of a company, which several people answer.
  'toll_free',
  'uan',
  // Follow-me numbers (+44 70): billed far above mobiles, and forwarded as calls only.
  'personal',
]);

/** Refused where the operator says so. A number that may be either (all of +1) is not a landline. */
export const REFUSABLE_TYPES: ReadonlySet<NumberType> = new Set<NumberType>(['landline', 'voip']);

export interface PhonePolicy {
  /** ISO 3166-1 alpha-2: where national spellings belong when the request names no region. */
  readonly defaultRegion: string;
  /** Refused besides ALWAYS_REFUSED_TYPES. */
  readonly refusedTypes: ReadonlySet<NumberType>;
}

export interface Phone {
  /** What is dialled. */
  readonly e164: string;
  /** E.164 by which limits and codes are kept: the same for every number of one handset that we know of. */
  readonly identity: string;
  /** ISO 3166-1 alpha-2; GLOBAL when the number belongs to no country (+883). */
  readonly region: string;
  readonly type: NumberType;
  readonly masked: string;
}

/** The region of satellite and worldwide networks (+870, +878, +881, +882, +883, +888, +979, +800, +808). */
export const GLOBAL = '001';

/** Longest input looked at, in UTF-16 units: the longest E.164 with generous punctuation. */
const MAX_LENGTH = 64;

// After NFKC, which has already folded full-width forms and every kind of space.
const PUNCTUATION = String.raw` ().\/\u2010-\u2015\u2212\u30fc\-`;
const ONLY_NUMBER = new RegExp(`^[+0-9${PUNCTUATION}]+$`);
/** A number, then what RFC 3966, people and dialers put before an extension or a pause. */
const EXTENSION = new RegExp(`^[+0-9${PUNCTUATION}]+[;,]*(?:ext(?:ensio?n|n)?|[x#~;,pw])[ .:=]*[0-9]+#?$`, 'i');

const TYPES: Readonly<Record<PhoneNumberType, NumberType>> = {
  MOBILE: 'mobile',
  FIXED_LINE: 'landline',
  FIXED_LINE_OR_MOBILE: 'landline_or_mobile',
  VOIP: 'voip',
  TOLL_FREE: 'toll_free',
  PREMIUM_RATE: 'premium_rate',
  SHARED_COST: 'shared_cost',
  PAGER: 'pager',
  VOICEMAIL: 'voicemail',
  PERSONAL_NUMBER: 'personal',
  UAN: 'uan',
};

/**
 * Reads the whole input as one number; nothing is picked out of a text. `region` is that of a national spelling, the
 * policy's when empty. Returns the broken rule otherwise: `required`, `not_a_phone` (characters or length no number
 * has), `extension_not_allowed`, `unknown_region` (the fault of `region`, not of `input`) or `impossible_phone` (no
 * such number in libphonenumber's plans).
 */
export function parsePhone(input: string, region: string, policy: PhonePolicy): Phone | FieldViolation['rule'] {
  if (input.length > MAX_LENGTH) return 'not_a_phone';
  const text = westernDigits(input.normalize('NFKC'));
  if (/^ *$/.test(text)) return 'required';
  if (!ONLY_NUMBER.test(text)) return EXTENSION.test(text) ? 'extension_not_allowed' : 'not_a_phone';
  const written = text.replace(/[^+\d]/g, '');
  if (!/^\+?\d+$/.test(written)) return 'not_a_phone';

  const home = region === '' ? policy.defaultRegion : region.toUpperCase();
  const knownHome = isRegion(home);
  if (!knownHome && !written.startsWith('+')) return 'unknown_region';
  const read = readNumber(written, knownHome ? home : undefined);
  if (read === null) return 'impossible_phone';
  if (!knownHome) return 'unknown_region';
  const { number, type } = read;
  return {
    e164: number.number,
    identity: respelled(number, ALSO_REACHED).number,
    region: number.country ?? GLOBAL,
    type: type === undefined ? 'unknown' : TYPES[type],
    masked: maskPhone(number.number),
  };
}

/** ISO 3166-1 alpha-2 in capitals, of a region that has a numbering plan. */
export function isRegion(region: string): region is CountryCode {
  return /^[A-Z]{2}$/.test(region) && isSupportedCountry(region);
}

export function refusesType(phone: Phone, policy: PhonePolicy): boolean {
  return ALWAYS_REFUSED_TYPES.has(phone.type) || policy.refusedTypes.has(phone.type);
}

/** The identity of a valid number in E.164. */
export function identityOf(e164: string): string {
  const read = canonical(parse(e164, undefined));
  return read === null ? e164 : respelled(read.number, ALSO_REACHED).number;
}

/** All but the last 4 digits hidden, the number's length and country too: `****0123`. */
export function maskPhone(e164: string): string {
  return e164.length < 8 ? '****' : `****${e164.slice(-4)}`;
}

interface ValidNumber {
  readonly number: PhoneNumber;
  readonly type: PhoneNumberType | undefined;
}

/**
 * `00` is the international prefix for every region, as people write it, although the region's own may differ: `0086…`
 * in the US, `0011 61…` in Australia. A `00` number that is complete as it stands comes before the region's reading.
 */
function readNumber(written: string, home: CountryCode | undefined): ValidNumber | null {
  if (!written.startsWith('00')) return canonical(parse(written, home));
  const international = `+${written.slice(2)}`;
  const abroad = parse(international, home);
  if (abroad?.number === international && abroad.isValid()) return canonical(abroad);
  return canonical(parse(written, home)) ?? canonical(abroad);
}

function parse(written: string, home: CountryCode | undefined): PhoneNumber | undefined {
  return parsePhoneNumberFromString(written, { extract: false, ...(home && { defaultCountry: home }) });
}

/** A number with a type is valid, and to ask for one is half of the work. */
function canonical(read: PhoneNumber | undefined): ValidNumber | null {
  if (read === undefined) return null;
  const number = respelled(read, REPLACED);
  const type = number.getType();
  return type !== undefined || number.isValid() ? { number, type } : null;
}

function respelled(number: PhoneNumber, spellings: readonly Spelling[]): PhoneNumber {
  for (const [pattern, replacement] of spellings) {
    if (!pattern.test(number.number)) continue;
    const other = parse(number.number.replace(pattern, replacement), undefined);
    if (other?.isValid()) return other;
  }
  return number;
}

/** Arabic-Indic and Persian digits, which NFKC leaves alone. */
function westernDigits(text: string): string {
  return text.replace(/[\u0660-\u0669\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) & 0xf));
}
