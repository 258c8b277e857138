/** Languages of texts, as BCP 47 tags. A tag that is no tag, or one nobody translated, never fails a request. */

const DEFAULT_LOCALE = 'en';

/** RFC 5646 §4.4.1: what every tag in use fits into. */
const MAX_LENGTH = 35;

/** The tag with `-` between its parts (`zh_CN` is what many systems hand over); English when it is empty or no tag. */
export function readLocale(locale: string): string {
  if (locale.length > MAX_LENGTH || !/^[a-z]{2,8}(?:[-_][a-z0-9]{1,8})*$/i.test(locale)) return DEFAULT_LOCALE;
  return locale.replaceAll('_', '-');
}

/** Lookup of RFC 4647 §3.4: `zh-Hans-CN`, `zh-Hans`, `zh`, then `fallback`. `texts` is keyed by tags in lower case. */
export function lookupLocale<T>(locale: string, texts: ReadonlyMap<string, T>, fallback: T): T {
  const parts = readLocale(locale).toLowerCase().split('-');
  for (; parts.length > 0; parts.pop()) {
    const text = texts.get(parts.join('-'));
    if (text !== undefined) return text;
  }
  return fallback;
}
