import { describe, expect, it } from 'vitest';
import { checkTexts, type PurposeTexts, type TextFindings } from '../../../src/config/rules/texts.ts';

const BRAND = 'Countersign';
const login: PurposeTexts = { name: 'login', digits: 6, minutes: 10, message: { texts: {} } };

function check(message: Partial<PurposeTexts['message']>, brand = BRAND): TextFindings {
  return checkTexts({ brand, purposes: [{ ...login, message: { texts: {}, ...message } }] });
}

describe('mistakes in a purpose’s texts', () => {
  it.each([
    '{code}',
    '{brand}: {code}, {minutes} min, {first_name} {order_2}',
    'Bonjour,\nvotre code : {code}',
    '验证码 {code}',
    'رمز \u2068{brand}\u2069: {code}',
  ])('none: %j', (text) => {
    expect(check({ texts: { en: text } })).toEqual({ mistakes: [], warnings: [] });
  });

  it.each([
    ['', 'does not contain `{code}`'],
    ['Your code is {Code}', 'does not contain `{code}`'],
    ['{minutes} {brand}', 'does not contain `{code}`'],
    ...['{Name}', '{}', '{ name }', '{first-name}', '{a__b}', '{1st}', `{${'a'.repeat(33)}}`].map((odd) => [
      `{code} ${odd}`,
      'has a placeholder that is none of `{code}`, `{minutes}`, `{brand}` and lower_snake_case variables',
    ]),
    ['{{code}x}', 'has a brace that is not part of a placeholder'],
    ['{code} {', 'has a brace that is not part of a placeholder'],
    ['{code} }', 'has a brace that is not part of a placeholder'],
    ['{{code}}', 'has a brace that is not part of a placeholder'],
    ['{code} {a}{b}{c}{d}{e}{f}{g}{h}{i}', 'asks for more than the 8 variables a request can have'],
    ...['\r', '\t', '\0', '\u007f', '\u0085', '\u2028', '\ud800'].map((hidden) => [
      `{code}${hidden}x`,
      'contains control characters',
    ]),
    ['{code}\n', 'starts or ends with white space'],
    [' {code}', 'starts or ends with white space'],
  ])('%j %s', (text, problem) => {
    expect(check({ texts: { 'zh-TW': text ?? '' } }).mistakes).toEqual([
      { path: ['purposes', 'login', 'texts', 'zh-TW'], problem },
    ]);
  });

  it('more than ten segments are too many', () => {
    expect(check({ texts: { en: `{code}${'a'.repeat(1524)}` } }).mistakes).toEqual([]);
    expect(check({ texts: { en: `{code}${'a'.repeat(1525)}` } }).mistakes).toEqual([
      { path: ['purposes', 'login', 'texts', 'en'], problem: 'takes 11 segments; at most 10 are allowed' },
    ]);
    // The line of the browser counts.
    const message = { webOtpDomain: 'example.com', texts: { en: `{code}${'a'.repeat(1524)}` } };
    expect(check(message).mistakes).toHaveLength(1);
  });

  it.each(['en', 'EN', 'zh-Hant', 'zh-hant-hk', 'pt-BR', 'es-419', 'sr-Latn-RS', 'de-CH-1996', 'en-x-formal', '*'])(
    '%j names a language',
    (locale) => {
      expect(check({ texts: { [locale]: '{code}' } }).mistakes).toEqual([]);
    },
  );

  it.each([
    '',
    'e',
    'zh_CN',
    'english language',
    'en-',
    'en-a',
    'en-*',
    'de-1',
    '中文',
    '__proto__x',
    'in',
    `en-x-${'a-'.repeat(20)}a`,
  ])('%j names none', (locale) => {
    expect(check({ texts: { [locale]: '{code}' } }).mistakes).toEqual([
      {
        path: ['purposes', 'login', 'texts', locale],
        problem: 'is no language tag (BCP 47), such as `en`, `pt-BR` or `zh-Hant`, nor `*`',
      },
    ]);
  });

  it('one language has one text', () => {
    const problem = 'is the same language as another text';
    expect(check({ texts: { 'zh-TW': '{code}', 'zh-tw': '{code}', zh: '{code}' } }).mistakes).toEqual([
      { path: ['purposes', 'login', 'texts', 'zh-TW'], problem },
      { path: ['purposes', 'login', 'texts', 'zh-tw'], problem },
    ]);
  });

  it.each([
    ...['example.com', 'Login.Example.co.uk', 'xn--mnchen-3ya.example', 'a-b.example', 'localhost', '3com.example'],
    `${'a'.repeat(63)}.example`,
  ])('%s is a host', (webOtpDomain) => {
    expect(check({ webOtpDomain }).mistakes).toEqual([]);
  });

  it.each([
    ...['', 'https://example.com', 'example.com/', 'example.com:443', 'example.com.', '.example.com', 'a..example'],
    ...['münchen.example', '@example.com', 'example.com #1', 'exam ple.com', 'example.com\n', 'a_b.example', 'example'],
    ...['-a.example', 'a-.example', '192.0.2.1', '[::1]', '*.example.com', `${'a'.repeat(64)}.example`],
    `${'a.'.repeat(125)}example`,
  ])('%j is no host', (webOtpDomain) => {
    expect(check({ webOtpDomain }).mistakes).toEqual([
      {
        path: ['purposes', 'login', 'webOtpDomain'],
        problem: 'must be a host name without scheme, port or path, international ones in their xn-- spelling',
      },
    ]);
  });

  it('the hash of an Android app has 11 characters of base64', () => {
    expect(check({ androidAppHash: 'FA+9qCX9VSu' }).mistakes).toEqual([]);
    for (const androidAppHash of ['', 'FA+9qCX9VS', 'FA+9qCX9VSuu', 'FA-9qCX9VSu', 'FA+9qCX9VS=', 'FA+9qCX9VS\n']) {
      expect(check({ androidAppHash }).mistakes).toEqual([
        {
          path: ['purposes', 'login', 'androidAppHash'],
          problem: 'must be 11 characters of A-Z, a-z, 0-9, + and /',
        },
      ]);
    }
  });

  it('all are told at once', () => {
    const bad = { webOtpDomain: 'x', androidAppHash: 'x', texts: { en: 'x', 'x y': '{code}' } };
    const found = checkTexts({
      brand: BRAND,
      purposes: [
        { ...login, message: bad },
        { ...login, name: 'vote', message: bad },
      ],
    });
    expect(found.mistakes.map(({ path }) => path.join('.'))).toEqual(
      ['login', 'vote'].flatMap((name) =>
        ['webOtpDomain', 'androidAppHash', 'texts.en', 'texts.x y'].map((at) => `purposes.${name}.${at}`),
      ),
    );
  });

  it('none repeats what was written', () => {
    const texts = { en: 'SECRET {Bad}', de: 'SECRET {code} {', '*': '{code}\tSECRET' };
    const { mistakes } = check({ texts, webOtpDomain: 'SECRET/', androidAppHash: 'SECRET' });
    expect(mistakes).toHaveLength(5);
    expect(mistakes.map(({ problem }) => problem).join()).not.toContain('SECRET');
  });
});

describe('warnings of texts that cost more than one segment', () => {
  it('there is none as it comes, for any purpose', () => {
    const purposes = ['register', 'login', 'reset_password', 'other'].map((name) => ({ ...login, name }));
    expect(checkTexts({ brand: BRAND, purposes })).toEqual({ mistakes: [], warnings: [] });
  });

  it('the lines that follow count', () => {
    expect(check({ webOtpDomain: 'example.com' }).warnings).toEqual([
      'purposes.login: the SMS takes more than one segment in ar (2), hi (2), ja (2), ko (2), th (2), tr (2), vi (2)',
    ]);
    expect(check({ webOtpDomain: 'example.com', androidAppHash: 'FA+9qCX9VSu' }).warnings).toEqual([
      'purposes.login: the SMS takes more than one segment in ar (2), hi (2), ja (2), ko (2), th (2), tr (2), vi (2), zh (2), ' +
        'zh-hant (2); Android’s SMS Retriever takes at most 140 bytes, which is one',
    ]);
  });

  it('the brand counts, and what alphabet it needs', () => {
    expect(check({}, 'B'.repeat(32)).warnings[0]).toMatch(/in ar \(2\), hi \(2\), ja \(2\), ko \(2\), th \(2\), tr/);
    expect(check({}, 'Ação').warnings[0]).toMatch(
      /in de \(2\), en \(2\), es \(2\), fr \(2\), id \(2\), it \(2\), pt \(2\), pt-pt \(2\)$/,
    );
  });

  it('digits and minutes count', () => {
    const message = { texts: { '*': `{code}{minutes}${'a'.repeat(152)}` } };
    const warningsOf = (change: Partial<PurposeTexts>) =>
      checkTexts({ brand: BRAND, purposes: [{ ...login, message, ...change }] }).warnings;
    expect(warningsOf({})).toEqual([]);
    expect(warningsOf({ digits: 7, minutes: 9 })).toEqual([]);
    expect(warningsOf({ digits: 7 })).toEqual(['purposes.login: the SMS takes more than one segment in * (2)']);
  });

  it('an operator’s text stands for the bundled one', () => {
    const long = '{code}'.padEnd(170, 'x');
    expect(check({ texts: { 'zh-TW': long, de: long } }).warnings).toEqual([
      'purposes.login: the SMS takes more than one segment in de (2), zh-TW (2)',
    ]);
    const endings = { webOtpDomain: 'example.com' };
    expect(check({ ...endings, texts: { '*': '{code}' } }).warnings).toEqual([]);
    const most = Object.fromEntries(['ar', 'hi', 'ja', 'ko', 'th', 'tr'].map((locale) => [locale, '{code}']));
    expect(check({ ...endings, texts: most }).warnings).toEqual([
      'purposes.login: the SMS takes more than one segment in vi (2)',
    ]);
  });

  it('variables count as nothing', () => {
    expect(check({ texts: { en: `{code}${'a'.repeat(154)}{first_name}` } }).warnings).toEqual([]);
  });

  it('there is one line a purpose', () => {
    const message = { webOtpDomain: 'example.com', texts: {} };
    const purposes = ['register', 'login'].map((name) => ({ ...login, name, message }));
    expect(checkTexts({ brand: BRAND, purposes }).warnings.map((line) => line.split(':')[0])).toEqual([
      'purposes.register',
      'purposes.login',
    ]);
  });
});
