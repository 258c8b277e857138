import { describe, expect, it } from 'vitest';
import type { FieldViolation } from '../../src/domain/refusal.ts';
import { validateVariables } from '../../src/domain/variables.ts';

function violations(variables: Record<string, string>, codeDigits = 6): FieldViolation[] {
  const found: FieldViolation[] = [];
  validateVariables(variables, { codeDigits, found });
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
    'a\u0000b',
    'a\r\nb',
    'a\nb',
    '\u202eabc',
    'a\u2028b',
    '\u2066a',
    '\ud800',
    '\u001b[31m',
    'a\u200bb',
    '\u3164',
    'a\u2800b',
  ])('invisible characters are refused: %j', (value) => {
    expect(rulesOf({ name: value })).toEqual(['not_printable']);
  });

  it.each(['', 'Name', 'first-name', '1st', '_name', 'name_', 'a__b', 'näme', 'a b', 'n\u0000', 'a'.repeat(33)])(
    'a name that is not lower_snake_case is refused: %j',
    (name) => {
      expect(rulesOf({ [name]: 'x' })).toEqual(['malformed_name']);
    },
  );

  it('more than eight are not looked at', () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`Bad${i}`, `evil.com/\n${'x'.repeat(40)}`]));
    expect(violations(many)).toEqual([{ field: 'variables', rule: 'too_many', expected: '8' }]);
  });

  it('each value that is refused is named by its variable, with its first broken rule, and never repeated', () => {
    const variables = { a: 'x'.repeat(33), b: 'a\nb', c: 'evil.com', d: '493817', fine: 'Zoë', 'Not A Name': 'a@b' };
    expect(violations(variables)).toEqual([
      { field: 'variables', rule: 'malformed_name' },
      { field: 'variables[a]', rule: 'too_long', expected: '32' },
      { field: 'variables[b]', rule: 'not_printable' },
      { field: 'variables[c]', rule: 'contains_link' },
      { field: 'variables[d]', rule: 'contains_number' },
      { field: 'variables', rule: 'contains_link' },
    ]);
  });
});
