/**
 * The text of the SMS, for providers that take text. An operator's text for the locale comes first, then the operator's
 * text for `*`, then the bundled wording of the locale; a language that has none of these gets the operator's English
 * text, or the bundled one.
 */
import { lookupLocale } from './locale.ts';
import type { MessagePolicy } from './policy.ts';
import {
  ENGLISH,
  EUROPEAN_PORTUGUESE,
  FRENCH,
  GERMAN,
  INDONESIAN,
  ITALIAN,
  PORTUGUESE,
  SPANISH,
} from './wordings/gsm7.ts';
import {
  ARABIC,
  HINDI,
  JAPANESE,
  KOREAN,
  SIMPLIFIED_CHINESE,
  THAI,
  TRADITIONAL_CHINESE,
  TURKISH,
  VIETNAMESE,
} from './wordings/ucs2.ts';
import type { Wording } from './wordings/wording.ts';

export interface MessageParts {
  readonly code: string;
  /** How long the code lives, 1 to 10. */
  readonly minutes: number;
  /** The name of the service that asks for the code. */
  readonly brand: string;
  /** BCP 47. */
  readonly locale: string;
  readonly purpose: string;
  readonly policy: MessagePolicy;
  /** By name. The place of a variable that is missing here stays empty: see missingVariables. */
  readonly variables: Readonly<Record<string, string>>;
}

/** By tag in lower case. `zh` is simplified Chinese. */
const WORDINGS: ReadonlyMap<string, Wording> = new Map([
  ['ar', ARABIC],
  ['de', GERMAN],
  ['en', ENGLISH],
  ['es', SPANISH],
  ['fr', FRENCH],
  ['hi', HINDI],
  ['id', INDONESIAN],
  ['it', ITALIAN],
  ['ja', JAPANESE],
  ['ko', KOREAN],
  ['pt', PORTUGUESE],
  ['pt-pt', EUROPEAN_PORTUGUESE],
  ['th', THAI],
  ['tr', TURKISH],
  ['vi', VIETNAMESE],
  ['zh', SIMPLIFIED_CHINESE],
  ['zh-hant', TRADITIONAL_CHINESE],
]);

/** Languages with a bundled wording: tags in lower case. */
export const BUNDLED_LOCALES: readonly string[] = [...WORDINGS.keys()];

/** The key of an operator's text for every language without one of its own. */
export const ANY_LOCALE = '*';

export function renderMessage({ code, minutes, brand, locale, purpose, policy, variables }: MessageParts): string {
  const own = ownText(policy, locale);
  const text =
    own === undefined
      ? bundledText({ code, minutes, brand }, locale, purpose)
      : fill(own, { ...variables, code, minutes: `${minutes}`, brand });
  return text + ending(code, policy);
}

/** The operator's text that this locale gets; undefined when it gets a bundled one. */
export function ownText({ texts }: MessagePolicy, locale: string): string | undefined {
  if (texts.size === 0) return undefined;
  const text = lookupLocale(locale, texts, texts.get(ANY_LOCALE));
  if (text !== undefined || lookupLocale(locale, WORDINGS, undefined) !== undefined) return text;
  return texts.get('en');
}

/**
 * Names of the variables that the text for this locale, or a provider's template, asks for and the request does not
 * give. An empty value is given.
 */
export function missingVariables(
  policy: MessagePolicy,
  locale: string,
  variables: Readonly<Record<string, string>>,
): string[] {
  const asked = [...placeholdersOf(ownText(policy, locale) ?? ''), ...policy.requiredVariables];
  return [...new Set(asked)].filter((name) => !BUILT_IN.has(name) && !Object.hasOwn(variables, name));
}

/** Each name between braces once, whether or not it can be filled. */
export function placeholdersOf(text: string): string[] {
  return [...new Set(Array.from(text.matchAll(PLACEHOLDER), ([, name = '']) => name))];
}

/** Placeholders that need no variable; a variable of the same name is ignored. */
export const BUILT_IN: ReadonlySet<string> = new Set(['code', 'minutes', 'brand']);

const PLACEHOLDER = /\{([^{}]*)\}/g;

/** In one pass: a value that looks like a placeholder is not filled again. */
function fill(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(PLACEHOLDER, (_, name: string) => (Object.hasOwn(values, name) ? (values[name] ?? '') : ''));
}

function bundledText(parts: Pick<MessageParts, 'code' | 'minutes' | 'brand'>, locale: string, purpose: string): string {
  const { text, uses } = lookupLocale(locale, WORDINGS, ENGLISH);
  return text(parts, isUse(purpose) ? uses[purpose] : uses.other);
}

function isUse(purpose: string): purpose is keyof Wording['uses'] {
  return Object.hasOwn(ENGLISH.uses, purpose);
}

/**
 * Android's SMS Retriever finds its app by the hash anywhere in the text
 * (developers.google.com/identity/sms-retriever/verify); browsers want their line to be the last
 * (wicg.github.io/sms-one-time-codes), so it is.
 */
function ending(code: string, { androidAppHash, webOtpDomain }: MessagePolicy): string {
  const lines = [];
  if (androidAppHash !== '') lines.push(`\n${androidAppHash}`);
  if (webOtpDomain !== '') lines.push(`\n@${webOtpDomain} #${code}`);
  return lines.join('');
}
