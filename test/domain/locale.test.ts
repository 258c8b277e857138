import { describe, expect, it } from 'vitest';
import { lookupLocale, readLocale } from '../../src/domain/locale.ts';

const texts = new Map([
  ['en', 'English'],
  ['zh', '中文'],
  ['zh-hant', '繁體中文'],
]);

describe('language of texts', () => {
  it.each([
    ['zh', '中文'],
    ['zh-CN', '中文'],
    ['zh_CN', '中文'],
    ['ZH-cn', '中文'],
    ['zh-Hans-CN', '中文'],
    ['zh-Hant-TW', '繁體中文'],
    ['zh-TW', '繁體中文'],
    ['zh_HK', '繁體中文'],
    ['zh-MO', '繁體中文'],
    ['zh-SG', '中文'],
    ['zh-x-private', '中文'],
    ['en-GB', 'English'],
  ])('%s is served in %s', (locale, text) => {
    expect(lookupLocale(locale, texts, 'fallback')).toBe(text);
  });

  it.each<[locale: string, keys: string[], found: string]>([
    ['zh-Hans-CN', ['zh-cn', 'zh'], 'zh-cn'],
    ['zh-Hans-CN', ['zh-cn', 'zh-hans-cn'], 'zh-hans-cn'],
    ['zh-Hant-HK', ['zh-hant', 'zh-hk', 'zh-tw'], 'zh-hk'],
    ['zh-Hant-HK', ['zh-hant', 'zh-tw'], 'zh-hant'],
    ['zh-CN', ['zh-hans', 'zh'], 'zh-hans'],
    ['zh-CN', ['zh-hant', 'zh-tw'], 'fallback'],
    ['zh-TW', ['zh-hans', 'zh-cn'], 'fallback'],
    ['zh-SG', ['zh-hans', 'zh'], 'zh-hans'],
    ['zh-MY', ['zh-hans', 'zh'], 'zh-hans'],
    ['zh-Hans-SG', ['zh-sg', 'zh-cn'], 'zh-sg'],
    ['zh-Hans-MY', ['zh-my', 'zh-cn'], 'zh-my'],
    ['zh-HK', ['zh-hant', 'zh'], 'zh-hant'],
    ['zh-MO', ['zh-hant', 'zh'], 'zh-hant'],
    ['zh-Hant-MO', ['zh-mo', 'zh-tw'], 'zh-mo'],
    ['zh-Hant-TW', ['zh-tw', 'zh-hk'], 'zh-tw'],
    ['in_ID', ['id'], 'id'],
    ['ji', ['yi'], 'yi'],
    // Under no tag stands what is for every language.
    ['en-GB', ['', 'en'], 'en'],
    ['fr-FR', ['', 'en'], 'fallback'],
    ['iw', ['he'], 'he'],
    ['in-ID', ['id', 'id-id'], 'id-id'],
  ])('%s is found among %j as %s', (locale, keys, found) => {
    expect(lookupLocale(locale, new Map(keys.map((key) => [key, key])), 'fallback')).toBe(found);
  });

  it.each(['fr', 'zhx', 'fr-zh'])('%s, which nobody translated, falls back', (locale) => {
    expect(lookupLocale(locale, texts, 'fallback')).toBe('fallback');
  });

  it.each(['', '-', 'zh-', '-zh', 'z', 'zh--CN', 'zh CN', '中文', 'zh\r\n', '\ud800', 'zh-CN\u0000', '__proto__', '*'])(
    'no tag at all, English: %j',
    (locale) => {
      expect(readLocale(locale)).toBe('en');
      expect(lookupLocale(locale, texts, 'fallback')).toBe('English');
    },
  );

  it('takes tags of up to 35 characters', () => {
    const tag = `zh-${'a'.repeat(8)}-${'b'.repeat(8)}-${'c'.repeat(8)}-12345`;
    expect(readLocale(tag)).toBe(tag);
    expect(readLocale(`${tag}6`)).toBe('en');
    expect(readLocale('zh-'.repeat(10_000))).toBe('en');
  });
});
