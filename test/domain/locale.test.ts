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
    ['zh-x-private', '中文'],
    ['en-GB', 'English'],
  ])('%s is served in %s', (locale, text) => {
    expect(lookupLocale(locale, texts, 'fallback')).toBe(text);
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
