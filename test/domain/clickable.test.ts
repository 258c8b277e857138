import { domainToASCII } from 'node:url';
import fc from 'fast-check';
import { LinkifyIt } from 'linkify-it';
import tlds from 'tlds' with { type: 'json' };
import { describe, expect, it } from 'vitest';
import { hasLink, hasNumber } from '../../src/domain/clickable.ts';

describe('a link is found', () => {
  it.each([
    ...['http://evil.example', 'https://x', 'HTTPS://X', 'myapp://open', 'www.evil', 'WWW.EVIL'],
    ...['evil.com', 'see bit.ly/x1', 'EVIL.COM', 'пример.рф', 'a.xn--p1ai', '1.2.3.4', '10.0.0.1/x', '360.cn', '٣.cn'],
    ...[
      '192.168.100.254',
      '1.22.3.4',
      '1.2.33.4',
      '1.222.3.4',
      '1.2.333.4',
      '🍕.ws',
      'b.c.d.com',
      'a-.com',
      '(evil.com)',
      'evil.co-op',
    ],
    ...['ｅｖｉｌ．ｃｏｍ', 'evil。com', 'evil｡com', 'evil․com', 'evil﹒com', 'https：／／x', 'ⓔⓥⓘⓛ.ⓒⓞⓜ'],
    ...['evil\u200d.com', 'evil.\u200ccom', 'evil.co\ufe0fm', 'evil.c\u034fom', 'evil\u17b4.com'],
    ...['evil.com您好', '您好evil.com', '您好。公司', 'कोड.भारत', 'בנק.קום', 'بنك.شبكة', '은행.닷컴', 'ธนาคาร.คอม'],
  ])('web address: %s', (value) => expect(hasLink(value)).toBe(true));

  it.each([
    ...['a@evil.com', 'a@b', 'почта@пример.рф', 'a＠b', 'mailto:a@b', 'mailto:a'],
    ...[
      'tel:0900123',
      'TEL:112',
      'tel：112',
      't\u200del:112',
      'sms:72323',
      'smsto:72323',
      'facetime:a',
      'sip:a',
      'geo:0,0',
    ],
    ...['tg:x', 'whatsapp:x', 'javascript:x', 'call tel:112', 'intent:x', 'market:x', 'bitcoin:x', 'itms-apps:x'],
  ])('mail address or scheme: %s', (value) => expect(hasLink(value)).toBe(true));

  it('of every top-level domain there is, in its own script and in punycode, however it is written', () => {
    const missed = tlds.flatMap((tld) => {
      const names = [tld, tld.toUpperCase(), domainToASCII(tld), tld.normalize('NFD')];
      const written = names.flatMap((name) => [`evil.${name}`, `कोड.${name}/x`, `x。${name}`, `a\u200d.${name} b`]);
      return written.filter((value) => !hasLink(value));
    });
    expect(tlds.length).toBeGreaterThan(1400);
    expect(missed).toEqual([]);
  });

  it('wherever a linkifier finds one', () => {
    const linkifier = new LinkifyIt({ fuzzyLink: true, fuzzyIP: true, fuzzyEmail: true, urlAuth: true, tlds });
    const junk = fc.oneof(
      fc.constantFrom('', ' ', '.', '-', '_', '/', ':', '(', '@', '//', 'www.', 'mailto:', 'http://', '您', 'é', '🍕'),
      fc.string({ unit: 'grapheme', maxLength: 3 }),
    );
    const host = fc.constantFrom('evil', 'कोड', 'a@b', 'b-c.d', '1', 'É', '');
    const text = fc
      .tuple(junk, host, junk, fc.constantFrom('.', '.', '。', '．', '@', ''), fc.constantFrom(...tlds), junk)
      .map((parts) => parts.join(''));
    let links = 0;
    fc.assert(
      fc.property(text, (value) => {
        if (!linkifier.test(value)) return;
        links += 1;
        expect(hasLink(value)).toBe(true);
      }),
      { seed: 20_261_121, numRuns: 20_000 },
    );
    // Or else this test says nothing.
    expect(links).toBeGreaterThan(1500);
  });
});

it.each([
  ...['Zoë Müller-Lüdenscheidt', 'Node.js', 'J.R.R. Tolkien', 'Thanks. See you!'],
  ...[
    '您好。欢迎',
    '山。川',
    'a。b',
    '1.50',
    'v2.0.1',
    '$3.99',
    '14:30',
    'Total:5',
    '@alice',
    '5 @ 3',
    'a.k.a. Bob',
    'Wait...me',
  ],
  ...['St.Gallen', 'hotel: 5 rooms', 'motel:5', 'e.V.', 'می\u200cخواهم', '👩\u200d🚀', 'Straße 5 .com'],
])('no link: %s', (value) => expect(hasLink(value)).toBe(false));

describe('a number to call, or one like the code, is found', () => {
  it.each([
    ...['0900123456', 'call 0900 123 456', '+1 (415) 555-0123', '415.555.0123', '555-0123', '+41 44 668 18 00'],
    ...[
      '٠٩٠٠١٢٣٤٥٦',
      '０９００１２３４５６',
      '०९०० १२३ ४५६',
      '0900\u200d123456',
      '0900\ufe0f1234',
      '1-800-555-0199 EUR',
    ],
    ...['900 123 456 €', '4155550123 EUR', '+1 000 000 EUR', '08.12.2012 34', '20261121-0042', 'Tel 12 34 567'],
  ])('to call: %s', (value) => expect(hasNumber(value, 4)).toBe(true));

  it.each([
    ...[
      '493817',
      'use 493817',
      '493 817',
      '49-38-17',
      '4 9 3 8 1 7',
      '493\u00a0817',
      '(493) 817',
      '4.9.3.8.1.7',
      'AB493817',
    ],
    ...[
      '４９３８１７',
      '٤٩٣٨١٧',
      '४९३८१७',
      '①②③④⑤⑥',
      '4️⃣9️⃣3️⃣8️⃣1️⃣7️⃣',
      '𝟒𝟗𝟑𝟖𝟏𝟕',
      '49\u200d3817',
      '493—817',
      'PIN 493817',
      '493817 PIN',
    ],
    ...['12-34-56', '123.456', '031299'],
  ])('like a code of 6 digits: %s', (value) => expect(hasNumber(value, 6)).toBe(true));

  it('like a code means: as many digits as the code has', () => {
    const found = [4, 5, 6].map((digits) => [3, 4, 5, 6].filter((each) => hasNumber('1'.repeat(each), digits)));
    expect(found).toEqual([[4], [5], [6]]);
  });
});

it.each([
  ...[
    '10 EUR',
    '9 000,50 EUR',
    '9.000,50 EUR',
    '9,000.50',
    '9000 EUR',
    '€250000',
    '250 000 ₽',
    '1.500.000 ₫',
    '1 500 000 Kč',
  ],
  ...['$1234.56', '1234.56', "CHF 1'000.50", 'R$ 1.234,56', '123456 円', 'EUR 123456', '10,000,000 VND', '12.50 kr'],
  ...['2026-11-21', '21.11.2026', '11/21/2026', '21.11.26', '21.11.2026 14:30', '2026-11-21 9:05', '21.11.2026, 123'],
  ...[
    'order 10423',
    'A-1042',
    'iPhone 15 Pro 256',
    '10115 Berlin',
    'room 12, 10:30',
    '2 of 3',
    '****4242',
    'v2.0.1',
    '',
  ],
])('neither a number to call nor a code of 6 digits: %s', (value) => expect(hasNumber(value, 6)).toBe(false));
