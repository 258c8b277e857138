/**
 * The language that Verify is asked for. One that its template does not exist in would be refused (20404, 60200,
 * 60229).
 */
import { lookupLocale } from '../../domain/locale.ts';

/** Of the default template by SMS (https://www.twilio.com/docs/verify/supported-languages). */
export const VERIFY_LOCALES: readonly string[] = [
  ...['af', 'ar', 'ca', 'cs', 'da', 'de', 'el', 'en', 'es', 'et', 'fi', 'fr', 'he', 'hi', 'hr', 'hu', 'id', 'it', 'ja'],
  ...['kn', 'ko', 'lt', 'mr', 'ms', 'nb', 'nl', 'pl', 'pt', 'pt-BR', 'ro', 'ru', 'sk', 'sv', 'te', 'th', 'tl', 'tr'],
  ...['uk', 'vi', 'zh', 'zh-CN', 'zh-HK'],
];

/** Tags with the meaning of one that the list has. */
const SAME: ReadonlyMap<string, string> = new Map([
  ['no', 'nb'],
  ['nn', 'nb'],
  ['fil', 'tl'],
]);

/** Undefined: Verify chooses by the country of the number. */
export function localeChooser(locales: readonly string[]): (locale: string) => string | undefined {
  const byTag = new Map<string, string | undefined>(locales.map((tag) => [tag.toLowerCase(), tag]));
  for (const [tag, same] of SAME) if (!byTag.has(tag) && byTag.has(same)) byTag.set(tag, byTag.get(same));
  return (locale) => lookupLocale<string | undefined>(locale, byTag, undefined);
}
