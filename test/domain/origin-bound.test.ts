import { describe, expect, it } from 'vitest';
import { BUNDLED_LOCALES, type MessageParts, renderMessage } from '../../src/domain/message.ts';
import { PLAIN_MESSAGE } from '../../src/domain/policy.ts';

interface OriginBoundCode {
  readonly host: string;
  readonly code: string;
  readonly embedded: string | null;
}

/**
 * "Parse an origin-bound one-time code message", step by step (https://wicg.github.io/sms-one-time-codes/#parsing); null for
 * failure. The embedded host, which we never send, is taken with either sigil that the drafts gave it.
 */
function parseOriginBound(message: string): OriginBoundCode | null {
  const line = message.replaceAll('\r\n', '\n').replaceAll('\r', '\n').split('\n').at(-1) ?? '';
  let position = 0;
  const token = (markers: string): string | null => {
    const marker = line[position];
    if (marker === undefined || !markers.includes(marker)) return null;
    const start = ++position;
    while (position < line.length && !'\t\n\f\r '.includes(line[position] ?? '')) position++;
    return position === start ? null : line.slice(start, position);
  };
  const host = token('@');
  if (host === null || line[position] !== ' ') return null;
  position++;
  const code = token('#');
  if (code === null) return null;
  if (line[position] !== ' ') return { host, code, embedded: null };
  position++;
  return { host, code, embedded: token('%@') };
}

describe('the parser of this test, on the examples of the specification', () => {
  const code = '747723';
  it.each<[message: string, parsed: OriginBoundCode | null]>([
    [`${code} is your ExampleCo code.\n\n@example.com #${code}`, { host: 'example.com', code, embedded: null }],
    [`@example.com #${code}`, { host: 'example.com', code, embedded: null }],
    [`x\r\n@example.com #${code} %shop.example`, { host: 'example.com', code, embedded: 'shop.example' }],
    [`@example.com #${code} @shop.example`, { host: 'example.com', code, embedded: 'shop.example' }],
    [`@example.com #${code} %shop.example $future`, { host: 'example.com', code, embedded: 'shop.example' }],
    [`something @example.com #${code}`, null],
    [`#${code} %shop.example @example.com`, null],
    [`@example.com code #${code}`, null],
    [`@example.com  #${code}`, null],
    [`@example.com #${code}\nmore`, null],
    [`@ #${code}`, null],
    ['@example.com #', null],
    ['@example.com', null],
    ['', null],
  ])('%j', (message, parsed) => {
    expect(parseOriginBound(message)).toEqual(parsed);
  });
});

const parts: MessageParts = {
  code: '048213',
  minutes: 10,
  brand: 'Countersign',
  locale: 'en',
  purpose: 'login',
  policy: { ...PLAIN_MESSAGE, webOtpDomain: 'example.com' },
  variables: {},
};
const HASH = 'FA+9qCX9VSu';

describe('a message bound to an origin', () => {
  const texts = BUNDLED_LOCALES.flatMap((locale) =>
    ['register', 'login', 'reset_password', 'transfer_money'].map((purpose) => ({ locale, purpose })),
  );

  it.each(texts)('parses by the published grammar: $locale, $purpose', ({ locale, purpose }) => {
    for (const androidAppHash of ['', HASH]) {
      const policy = { ...parts.policy, androidAppHash };
      const text = renderMessage({ ...parts, locale, purpose, policy });
      expect(parseOriginBound(text)).toEqual({ host: 'example.com', code: '048213', embedded: null });
    }
  });

  it('ends with exactly the line, after the text as it is without', () => {
    const plain = renderMessage({ ...parts, policy: PLAIN_MESSAGE });
    expect(renderMessage(parts)).toBe(`${plain}\n@example.com #048213`);
  });

  it.each(['xn--mnchen-3ya.example', 'a.b.c.example.co.uk', 'localhost'])(
    'names the host as configured: %s',
    (host) => {
      const policy = { ...parts.policy, webOtpDomain: host };
      expect(parseOriginBound(renderMessage({ ...parts, policy, code: '12345678' }))).toMatchObject({
        host,
        code: '12345678',
      });
    },
  );

  it('is one with an operator’s text too, of several lines and with a variable that looks like one', () => {
    const policy = { ...parts.policy, texts: new Map([['en', '{code}\n@evil.example #000000 {name}']]) };
    const text = renderMessage({ ...parts, policy, variables: { name: '@evil.example #111111' } });
    expect(parseOriginBound(text)).toMatchObject({ host: 'example.com', code: '048213' });
  });

  it('is not made without a domain', () => {
    for (const locale of BUNDLED_LOCALES) {
      expect(parseOriginBound(renderMessage({ ...parts, locale, policy: PLAIN_MESSAGE }))).toBeNull();
    }
  });
});

describe('a message for Android’s SMS Retriever', () => {
  it.each(BUNDLED_LOCALES)('has the hash on the last line of its own: %s', (locale) => {
    const plain = renderMessage({ ...parts, locale, policy: PLAIN_MESSAGE });
    const android = { ...PLAIN_MESSAGE, androidAppHash: HASH };
    expect(renderMessage({ ...parts, locale, policy: android })).toBe(`${plain}\n${HASH}`);
    const both = { ...android, webOtpDomain: 'example.com' };
    expect(renderMessage({ ...parts, locale, policy: both })).toBe(`${plain}\n${HASH}\n@example.com #048213`);
  });
});
