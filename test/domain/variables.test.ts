import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FieldViolation } from '../../src/domain/refusal.ts';
import { validateVariables } from '../../src/domain/variables.ts';

function violations(variables: Record<string, string>): FieldViolation[] {
  const found: FieldViolation[] = [];
  validateVariables(variables, found);
  return found;
}

const rulesOf = (variables: Record<string, string>) => violations(variables).map(({ rule }) => rule);

describe('template variables', () => {
  it.each<[string, Record<string, string>]>([
    ['none', {}],
    ['a name', { first_name: 'Zoë Müller-Lüdenscheidt' }],
    ['Chinese with a full stop', { shop: '您好。欢迎' }],
    ['an amount and a version', { amount: '1.50', version: 'v2.0.1', price: '$3.99' }],
    ['a sentence', { note: 'Thanks. See you!' }],
    ['initials', { author: 'J.R.R. Tolkien', other: '山。川', letter: 'a。b' }],
    ['the longest name', { ['n'.repeat(32)]: 'x' }],
    ['Persian with a ZWNJ, an emoji with a ZWJ', { name: 'می\u200cخواهم', face: '👩\u200d🚀' }],
    ['the longest values', { x: 'a'.repeat(32), y: '😀'.repeat(32) }],
    ['eight of them', Object.fromEntries([...'abcdefgh'].map((name) => [name, name]))],
  ])('accepted: %s', (_what, variables) => {
    expect(violations(variables)).toEqual([]);
  });

  it.each([
    ...['http://evil.example', 'https://x', 'HTTPS://X', 'myapp://open', 'www.evil', 'WWW.EVIL'],
    ...['evil.com', 'see bit.ly/x1', 'a@evil.com', 'EVIL.COM', 'пример.рф', 'a.xn--p1ai', '1.2.3.4', '10.0.0.1/x'],
    ...['192.168.100.254', '1.22.3.4', '1.2.33.4', '1.222.3.4', '1.2.333.4', '360.cn', '٣.cn'],
    ...['ｅｖｉｌ．ｃｏｍ', 'evil。com', 'evil｡com', 'evil\u200d.com', 'evil.\u200ccom', 'https：／／x'],
  ])('a link is refused: %s', (value) => {
    expect(rulesOf({ name: value })).toEqual(['contains_link']);
  });

  it.each(['a\u0000b', 'a\r\nb', 'a\nb', '\u202eabc', 'a\u2028b', '\u2066a', '\ud800', '\u001b[31m', 'a\u200bb'])(
    'invisible characters are refused: %j',
    (value) => {
      expect(rulesOf({ name: value })).toEqual(['not_printable']);
    },
  );

  it.each(['', 'Name', 'first-name', '1st', '_name', 'name_', 'a__b', 'näme', 'a b', 'n\u0000', 'a'.repeat(33)])(
    'a name that is not lower_snake_case is refused: %j',
    (name) => {
      expect(rulesOf({ [name]: 'x' })).toEqual(['malformed_name']);
    },
  );

  it('each broken rule is named once, with its bound, and nothing that was sent', () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`Bad${i}`, `evil.com/\n${'x'.repeat(40)}`]));
    expect(violations(many)).toEqual([
      { field: 'variables', rule: 'too_many', expected: '8' },
      { field: 'variables', rule: 'malformed_name' },
      { field: 'variables', rule: 'too_long', expected: '32' },
      { field: 'variables', rule: 'not_printable' },
      { field: 'variables', rule: 'contains_link' },
    ]);
  });

  it('whatever surrounds it, a web address is never let through', () => {
    const around = fc.string({ maxLength: 10 });
    fc.assert(
      fc.property(around, fc.constantFrom('evil.com', 'https://e', 'bit.ly/a'), around, (before, link, after) => {
        expect(rulesOf({ name: `${before}${link}${after}` })).toContain('contains_link');
      }),
      { seed: 20_261_121, numRuns: 500 },
    );
  });
});
