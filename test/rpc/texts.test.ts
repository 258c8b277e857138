import { expect, test } from 'vitest';
import { firstLanguage, reasonText, ruleText, textsFor } from '../../src/rpc/texts.ts';

const english = textsFor('en');
const chinese = textsFor('zh');

test.each([
  ['', 'en'],
  ['en-GB', 'en'],
  ['zh', 'zh-CN'],
  ['zh_CN', 'zh-CN'],
  ['zh-Hant-TW', 'zh-CN'],
  ['fr', 'en'],
  ['+14155550123', 'en'],
])('the texts for "%s" are %s', (locale, expected) => {
  expect(textsFor(locale).locale).toBe(expected);
});

test('both languages say everything, and fill in the same places', () => {
  const placesOf = (texts: Readonly<Record<string, string>>) =>
    Object.entries(texts).map(([name, text]) => [name, text.match(/\{\w+\}/g)?.sort()]);
  expect(placesOf(chinese.reasons)).toEqual(placesOf(english.reasons));
  expect(placesOf(chinese.rules)).toEqual(placesOf(english.rules));
});

test.each([
  [0, '1 second'],
  [999, '1 second'],
  [1_001, '2 seconds'],
  [119_000, '119 seconds'],
  [119_001, '2 minutes'],
  [7_140_000, '119 minutes'],
  [7_140_001, '2 hours'],
  [86_400_000, '24 hours'],
])('a wait of %d ms reads "%s"', (retryAfterMs, expected) => {
  expect(reasonText(english, { reason: 'COOLDOWN', retryAfterMs })).toContain(` in ${expected}.`);
});

test('a rule names what was expected', () => {
  const violation = { field: 'code', rule: 'not_n_digits', expected: '6' } as const;
  expect(ruleText(english, violation)).toBe('Exactly 6 digits are required.');
  expect(ruleText(chinese, violation)).toBe('必须是 6 位数字。');
});

test.each([
  [undefined, ''],
  ['zh-CN,zh;q=0.9,en;q=0.8', 'zh-CN'],
  [' zh ; q=1', 'zh'],
  ['*', '*'],
])('the first language of Accept-Language "%s" is "%s"', (header, expected) => {
  expect(firstLanguage(header)).toBe(expected);
});
