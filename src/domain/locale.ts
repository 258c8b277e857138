/** Languages of texts, as BCP 47 tags. An invalid tag, or a language without a text, never fails a request. */

const DEFAULT_LOCALE = 'en';

/** RFC 5646 §4.4.1: every tag in use is shorter. */
const MAX_LENGTH = 35;

/** The tag with `-` between its parts (`zh_CN` is what many systems hand over); English when it is empty or invalid. */
export function readLocale(locale: string): string {
  if (locale.length > MAX_LENGTH || !/^[a-z]{2,8}(?:[-_][a-z0-9]{1,8})*$/i.test(locale)) return DEFAULT_LOCALE;
  return locale.replaceAll('_', '-');
}

/**
 * Lookup of RFC 4647 §3.4: `zh-Hans-CN`, `zh-Hans`, `zh`, then `fallback`. Chinese is also looked for under its other
 * usual spellings: `zh-TW` under `zh-Hant`, and `zh-Hans-CN` under `zh-CN`. `texts` is keyed by tags in lower case.
 */
export function lookupLocale<T>(locale: string, texts: ReadonlyMap<string, T>, fallback: T): T {
  const [language = '', ...rest] = readLocale(locale).toLowerCase().split('-');
  const parts = [RENAMED.get(language) ?? language, ...rest];
  for (; parts.length > 0; parts.pop()) {
    const tag = parts.join('-');
    const text = texts.get(tag) ?? texts.get(SPELLINGS.get(tag) ?? tag);
    if (text !== undefined) return text;
  }
  return fallback;
}

/** Java wrote these until version 17, and old Android phones still do. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ['in', 'id'],
  ['iw', 'he'],
  ['ji', 'yi'],
]);

const CHINESE_REGIONS = { hans: ['cn', 'sg', 'my'], hant: ['tw', 'hk', 'mo'] } as const;

const SPELLINGS: ReadonlyMap<string, string> = new Map(
  Object.entries(CHINESE_REGIONS).flatMap(([script, regions]) =>
    regions.flatMap((region): [string, string][] => [
      [`zh-${region}`, `zh-${script}`],
      [`zh-${script}-${region}`, `zh-${region}`],
    ]),
  ),
);
