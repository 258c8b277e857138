import fc from 'fast-check';
import { type CountryCode, getCountries, getExampleNumber } from 'libphonenumber-js/max';
import examples from 'libphonenumber-js/mobile/examples';
import { describe, expect, it } from 'vitest';
import {
  ALWAYS_REFUSED_TYPES,
  GLOBAL,
  identityOf,
  maskPhone,
  type NumberType,
  type Phone,
  type PhonePolicy,
  parsePhone,
  REFUSABLE_TYPES,
  refusesType,
} from '../../src/domain/phone.ts';

const policy: PhonePolicy = { defaultRegion: 'US', refusedTypes: new Set() };
const SEED = { seed: 20_261_121 };

function e164Of(input: string, region = ''): string {
  const phone = parsePhone(input, region, policy);
  return typeof phone === 'string' ? phone : phone.e164;
}

function phoneOf(e164: string): Phone {
  const phone = parsePhone(e164, '', policy);
  if (typeof phone === 'string') throw new Error(`${e164} is ${phone}`);
  return phone;
}

function fullWidth(text: string): string {
  return text
    .replace(/[+0-9()-]/g, (char) => String.fromCharCode(char.charCodeAt(0) + 0xfee0))
    .replaceAll(' ', '\u3000');
}

describe('one phone has one E.164, however it is written', () => {
  it.each<[e164: string, region: string, spellings: string[]]>([
    ['+14155550123', '', ['+14155550123', '(415) 555-0123', '1 415.555.0123', '415/555 0123', '001 415 555 0123']],
    ['+14155550123', 'US', ['4155550123', '011 1 415 555 0123', '+1 (415) 555‑0123', '+1\u00a0415\u2009555\u30000123']],
    ['+8613812345678', '', ['+86 138 1234 5678', '0086 138 1234 5678', '(+86)138-1234-5678', '00 86 13812345678']],
    [
      '+8613812345678',
      '',
      ['＋８６１３８１２３４５６７８', '００８６　１３８　１２３４　５６７８', '+86 0138 1234 5678'],
    ],
    ['+8613812345678', 'CN', ['138 1234 5678', '013812345678', '8613812345678', '+86138—1234—5678']],
    ['+8613812345678', 'cn', ['13812345678']],
    ['+447911123456', 'GB', ['07911 123456', '+44 (0)7911 123456', '0044 (0)7911 123456', '+44 7911-123456']],
    ['+201001234567', 'EG', ['٠١٠٠١٢٣٤٥٦٧', '+٢٠ ١٠٠ ١٢٣ ٤٥٦٧']],
    ['+989123456789', 'IR', ['۰۹۱۲۳۴۵۶۷۸۹']],
    ['+819012345678', 'JP', ['０９０ー１２３４ー５６７８', '090−1234−5678']],
    ['+79123456789', 'RU', ['8 (912) 345-67-89', '+7 912 345 67 89', '8 10 7 912 345 67 89']],
    ['+5511961234567', 'BR', ['(11) 96123-4567', '0 15 11 96123-4567']],
    // Italy's leading zero is part of the number.
    ['+390669812345', 'IT', ['06 6981 2345', '+39 06 6981 2345', '0039 06 6981 2345']],
    ['+393451234567', 'IT', ['345 123 4567', '+39 345 1234567']],
    // Argentina: with and without the 9 abroad, the 15 at home.
    ['+5491123456789', 'AR', ['+54 9 11 2345 6789', '+54 11 2345 6789', '011 15-2345-6789', '0054 11 15 2345 6789']],
    ['+5491123456789', 'AR', ['9 11 2345 6789', '11 2345 6789']],
    // Mexico: the mobile prefixes given up in 2019.
    ['+525512345678', 'MX', ['+52 55 1234 5678', '+52 1 55 1234 5678', '00521 55 1234 5678', '044 55 1234 5678']],
    ['+525512345678', 'MX', ['55 1234 5678', '1 55 1234 5678', '01 55 1234 5678', '045 55 1234 5678']],
    // San Marino, also reached through Italy.
    ['+3780549886377', 'SM', ['0549 886377', '886377', '+39 0549 886377', '+378 886377']],
    // Gabon: 8 digits with the 0 until 2024, 7 without it, and since 2019 with the operator's digit in front.
    ['+24166031234', 'GA', ['066 03 12 34', '06 03 12 34', '+241 06 03 12 34', '+241 6 03 12 34', '+241 066 03 12 34']],
    ['+24177031234', '', ['+241 77 03 12 34', '+241 07 03 12 34', '+241 7 03 12 34', '00241 07 03 12 34']],
    ['+24162031234', '', ['+241 62 03 12 34', '+241 02 03 12 34', '+241 2 03 12 34']],
    ['+24165031234', '', ['+241 65 03 12 34', '+241 05 03 12 34']],
    ['+24174031234', '', ['+241 74 03 12 34', '+241 04 03 12 34']],
    ['+24111441234', '', ['+241 11 44 12 34', '+241 01 44 12 34']],
  ])('%s, region %j', (e164, region, spellings) => {
    for (const spelling of spellings) expect([spelling, e164Of(spelling, region)]).toEqual([spelling, e164]);
  });

  /** Somebody's mobile: the region's example with other last digits where those exist. */
  const mobile = fc
    .record({ region: fc.constantFrom(...getCountries()), end: fc.integer({ min: 0, max: 999 }) })
    .map(({ region, end }) => {
      const example = getExampleNumber(region, examples)?.number ?? '';
      const other = parsePhone(`${example.slice(0, -3)}${String(end).padStart(3, '0')}`, '', policy);
      return { region, phone: typeof other === 'string' ? phoneOf(example) : other };
    });
  const punctuation = fc.constantFrom('', '', ' ', '-', '.', ' - ', '(', ')', '/', '\u00a0', '–');

  it('in every region: international, with 00 from anywhere, full-width, national, punctuated at will', () => {
    const spelled = fc.record({
      mobile,
      from: fc.constantFrom<CountryCode>(...getCountries()),
      gaps: fc.array(punctuation, { minLength: 16, maxLength: 16 }),
    });
    fc.assert(
      fc.property(spelled, ({ mobile: { region, phone }, from, gaps }) => {
        const digits = [...phone.e164.slice(1)].map((digit, i) => `${gaps[i]}${digit}`).join('');
        for (const spelling of [`+${digits}`, `00${digits}`, fullWidth(`+${digits}`)]) {
          expect(parsePhone(spelling, from, policy)).toEqual(phone);
        }
        expect(parsePhone(phone.e164.slice(1 + callingCode(region).length), region, policy)).toEqual(phone);
      }),
      { ...SEED, numRuns: 1500 },
    );
  });

  it('in every region: the canonical form is its own canonical form', () => {
    for (const region of getCountries()) {
      const phone = phoneOf(getExampleNumber(region, examples)?.number ?? '');
      expect(parsePhone(phone.e164, region, policy)).toEqual(phone);
    }
  });

  it('reads a 00 number as the region does where only that gives a number', () => {
    // 0011 is Australia's prefix; read as 00 1 165 891… it would be a stranger's phone in Jamaica.
    expect(e164Of('0011 65 8912 3456', 'AU')).toBe('+6589123456');
    expect(e164Of('0016589123456', 'AU')).toBe('+16589123456');
    // 008 is a prefix in Hong Kong, but 0086 is complete as it stands.
    expect(e164Of('0086 138 1234 5678', 'HK')).toBe('+8613812345678');
  });

  it('takes the other spelling of a number only where that is a number', () => {
    // Of Italy's 0549, San Marino has only those that it gave out.
    expect(e164Of('+39 0549 02')).toBe('+39054902');
    expect(e164Of('+52 1 00 5507 4758')).toBe('impossible_phone');
    // A premium number, not a mobile that is written without its 9.
    expect(phoneOf('+546057546994')).toMatchObject({ e164: '+546057546994', type: 'premium_rate' });
  });

  it('gives two numbers of one handset one identity, and dials the one that was given', () => {
    const pairs = ['59', '56'].map((network) => [`+970${network}9123456`, `+972${network}9123456`]);
    for (const [palestinian = '', israeli = ''] of pairs) {
      expect(phoneOf(palestinian)).toMatchObject({ e164: palestinian, identity: palestinian, region: 'PS' });
      expect(phoneOf(israeli)).toMatchObject({ e164: israeli, identity: palestinian, region: 'IL' });
      expect(identityOf(israeli)).toBe(palestinian);
    }
    // Israel's own networks, and lines that only look like the other ones.
    for (const e164 of ['+972502345678', '+972542345678', '+97222123456', '+14155550123', '+5491123456789']) {
      expect(phoneOf(e164)).toMatchObject({ e164, identity: e164 });
    }
  });

  it('refuses spellings that were given up, by libphonenumber’s plans', () => {
    for (const old of ['+551181234567', '+22990011234', '+22507123456', '+23771234567', '+841201234567']) {
      expect([old, parsePhone(old, '', policy)]).toEqual([old, 'impossible_phone']);
    }
  });

  it('only worldwide networks belong to no country', () => {
    const global = ['+870773111632', '+881612345678', '+882161234567', '+883510012345', '+878101234567890'];
    expect(global.map((e164) => phoneOf(e164).region)).toEqual(global.map(() => GLOBAL));
    const regions = getCountries().map((region) => phoneOf(getExampleNumber(region, examples)?.number ?? '').region);
    expect(regions).not.toContain(GLOBAL);
  });

  it('knows numbers of no country', () => {
    expect(phoneOf('+883510012345')).toMatchObject({ region: '001', type: 'voip' });
  });
});

describe('what is not one whole phone number is refused, by rule', () => {
  it.each<[what: string, rule: string, inputs: string[]]>([
    ['nothing', 'required', ['', ' ', '\u3000\u00a0 ']],
    [
      'words',
      'not_a_phone',
      ['phone', '1-800-FLOWERS', 'tel:+14155550123', '+1415555O123', '१२३४५६७८९०', '½4155550123'],
    ],
    [
      'a number within text',
      'not_a_phone',
      ['call +14155550123', '+14155550123 thanks', '+14155550123 or +14155550124'],
    ],
    [
      'control characters',
      'not_a_phone',
      ['\u0000', '+14155550123\u0000', '+1415\u00005550123', '+14155550123\r\n', '\t'],
    ],
    ['invisible characters', 'not_a_phone', ['\u202e+14155550123', '\u202a+14155550123\u202c', '+1415\u200b5550123']],
    ['hash tags of a cluster', 'not_a_phone', ['{}', '{+14155550123}', '+1415{5550}123', '+14155550123}']],
    ['lone surrogates', 'not_a_phone', ['\ud800', '+1415555012\udfff']],
    [
      'dangling signs',
      'not_a_phone',
      ['+', '++14155550123', '+1+4155550123', '4155550123+', '()', '-', '*31#+14155550123'],
    ],
    ['ext', 'extension_not_allowed', ['+14155550123;ext=12', '+14155550123 ext. 12', '+14155550123 EXT 12']],
    [
      'extension',
      'extension_not_allowed',
      ['(415) 555-0123 extension 12', '4155550123 extn12', '＋１４１５５５５０１２３ｅｘｔ１２'],
    ],
    [
      'x, # and ~',
      'extension_not_allowed',
      ['+14155550123 x12', '+14155550123x12', '+14155550123#12', '+14155550123~12'],
    ],
    ['dialing pauses', 'extension_not_allowed', ['+14155550123,,12#', '+14155550123;12', '+14155550123p12']],
    ['short numbers', 'impossible_phone', ['1', '911', '+1', '+12345', '555-0123', '00']],
    ['long numbers', 'impossible_phone', ['+1 415 555 01234', '1'.repeat(64), '0'.repeat(64)]],
    ['unknown calling codes', 'impossible_phone', ['+999123456789', '+0014155550123', '00999123456789']],
    ['numbers no plan has', 'impossible_phone', ['+10005550123', '+39 6 6981 2345', '+55 11 6123-4567']],
  ])('%s: %s', (_what, rule, inputs) => {
    for (const input of inputs) expect([input, parsePhone(input, '', policy)]).toEqual([input, rule]);
  });

  it.each<[what: string, input: string]>([
    ['65 digits', '1'.repeat(65)],
    ['10,000 digits', '1'.repeat(10_000)],
    ['10,000 spaces', ' '.repeat(10_000)],
    ['ligatures that grow 18-fold under NFKC', '\ufdfa'.repeat(10_000)],
  ])('too long for a phone: %s', (_what, input) => {
    expect(parsePhone(input, '', policy)).toBe('not_a_phone');
  });

  it('a region without a numbering plan is the fault of the region, however the number is written', () => {
    for (const region of ['ZZ', 'USA', 'U', '86', 'U$', 'us ', '__proto__', 'toString', '\u0000', 'A'.repeat(10_000)]) {
      for (const input of ['4155550123', '0014155550123', '+14155550123']) {
        expect([region, parsePhone(input, region, policy)]).toEqual([region, 'unknown_region']);
      }
    }
  });

  it('judges what needs no region before the region', () => {
    expect(parsePhone('', 'ZZ', policy)).toBe('required');
    expect(parsePhone('phone', 'ZZ', policy)).toBe('not_a_phone');
    expect(parsePhone('+12345', 'ZZ', policy)).toBe('impossible_phone');
  });

  it('whatever comes in: a phone in E.164 or a word, never an exception', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 80 }),
      fc.string({ unit: fc.constantFrom(...'+0123456789 -().;x#,{}\u0000\u200f\ud800１＋'), maxLength: 80 }),
    );
    fc.assert(
      fc.property(text, fc.constantFrom('', 'US', 'CN', 'HK', 'ZZ'), (input, region) => {
        const phone = parsePhone(input, region, policy);
        if (typeof phone === 'string') expect(phone).toMatch(/^[a-z_]+$/);
        else expect(phone.e164).toMatch(/^\+[1-9][0-9]{4,14}$/);
      }),
      { ...SEED, numRuns: 3000 },
    );
  });

  it('a stray character anywhere in a number is never skipped', () => {
    const stray = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 });
    fc.assert(
      fc.property(stray, fc.integer({ min: 0, max: 12 }), (char, at) => {
        fc.pre(!/^[ +0-9().\-/~\u2010-\u2015\u2212\u30fc\u0660-\u0669\u06f0-\u06f9]*$/.test(char.normalize('NFKC')));
        expect(e164Of(`${'+14155550123'.slice(0, at)}${char}${'+14155550123'.slice(at)}`)).not.toMatch(/^\+/);
      }),
      { ...SEED, numRuns: 2000 },
    );
  });
});

describe('number types', () => {
  it.each<[type: NumberType, e164: string, alwaysRefused: boolean]>([
    ['mobile', '+8613812345678', false],
    ['landline', '+442083661177', false],
    ['landline_or_mobile', '+14155550123', false],
    ['voip', '+445612345678', false],
    ['toll_free', '+18005550199', true],
    ['premium_rate', '+19005550123', true],
    ['shared_cost', '+491801234567', true],
    ['pager', '+447640123456', true],
    ['voicemail', '+3538551234567', true],
    ['personal', '+447012345678', true],
    ['uan', '+445512345678', true],
  ])('%s: %s', (type, e164, alwaysRefused) => {
    const phone = phoneOf(e164);
    expect(phone.type).toBe(type);
    expect(refusesType(phone, policy)).toBe(alwaysRefused);
    expect(ALWAYS_REFUSED_TYPES.has(type)).toBe(alwaysRefused);
  });

  it('landlines and VoIP are refused where the operator says so, a number that may be a mobile is not', () => {
    const strict: PhonePolicy = { defaultRegion: 'US', refusedTypes: REFUSABLE_TYPES };
    expect(refusesType(phoneOf('+442083661177'), strict)).toBe(true);
    expect(refusesType(phoneOf('+445612345678'), strict)).toBe(true);
    expect(refusesType(phoneOf('+14155550123'), strict)).toBe(false);
    expect(refusesType(phoneOf('+8613812345678'), strict)).toBe(false);
  });
});

describe('masking', () => {
  it('shows the last 4 digits and hides everything else, the length too', () => {
    expect(phoneOf('+8613812345678').masked).toBe('****5678');
    expect(maskPhone('+14155550123')).toBe('****0123');
    expect(maskPhone('+6834002')).toBe('****4002');
  });

  it.each(['', '1', '1234', '+123456'])('shows nothing of %j, of which 4 digits are too much', (text) => {
    expect(maskPhone(text)).toBe('****');
  });
});

function callingCode(region: CountryCode): string {
  return getExampleNumber(region, examples)?.countryCallingCode ?? '';
}
