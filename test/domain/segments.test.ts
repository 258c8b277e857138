import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { segmentsOf } from '../../src/domain/segments.ts';

/** 3GPP TS 23.038 §6.2.1 by code, row 0 to 7; the escape at 0x1b is no character. */
const BASIC = [
  '@£$¥èéùìòÇ\nØø\rÅå',
  'Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ',
  ' !"#¤%&\'()*+,-./',
  '0123456789:;<=>?',
  '¡ABCDEFGHIJKLMNO',
  'PQRSTUVWXYZÄÖÑÜ§',
  '¿abcdefghijklmno',
  'pqrstuvwxyzäöñüà',
].join('');
const EXTENSION = '\f^{}\\[~]|€';

describe('the encoding of a text', () => {
  it('the alphabet has 127 characters and 10 in the extension table', () => {
    expect([new Set(BASIC).size, new Set(EXTENSION).size]).toEqual([127, 10]);
  });

  it.each([...BASIC])('%j is one septet', (character) => {
    expect(segmentsOf(character)).toEqual({ encoding: 'gsm7', units: 1, segments: 1 });
  });

  it.each([...EXTENSION])('%j is an escape and a septet', (character) => {
    expect(segmentsOf(character)).toEqual({ encoding: 'gsm7', units: 2, segments: 1 });
  });

  it.each([...'çáíóúÁãõâêôîûëïğşıőčłń`\t«»„“”’–—…【】。中あ한هОα'])('%j is not in the alphabet', (character) => {
    expect(segmentsOf(character)).toEqual({ encoding: 'ucs2', units: 1, segments: 1 });
  });

  it.each([...'😀𠮷', '\ud800', 'e\u0301'])('%j is UCS-2', (text) => {
    expect(segmentsOf(text)).toEqual({ encoding: 'ucs2', units: text.length, segments: 1 });
  });
});

describe('the number of segments', () => {
  it.each<[what: string, text: string, units: number, segments: number]>([
    ['nothing', '', 0, 1],
    ['160 septets', 'a'.repeat(160), 160, 1],
    ['161 septets', 'a'.repeat(161), 161, 2],
    ['2 × 153 septets', 'a'.repeat(306), 306, 2],
    ['and one more', 'a'.repeat(307), 307, 3],
    ['80 escaped', '€'.repeat(80), 160, 1],
    ['81 escaped', '€'.repeat(81), 162, 2],
    ['152 escaped: 76 a part', '€'.repeat(152), 304, 2],
    ['153 escaped: the odd septet of a part stays empty', '€'.repeat(153), 306, 3],
    ['an escape at the end of a part', `${'a'.repeat(152)}€${'a'.repeat(151)}`, 305, 2],
    ['an escape at the end of a part, full', `${'a'.repeat(152)}€${'a'.repeat(152)}`, 306, 3],
    ['an escape that fits before', `${'a'.repeat(151)}€${'a'.repeat(153)}`, 306, 2],
    ['70 characters', '中'.repeat(70), 70, 1],
    ['71 characters', '中'.repeat(71), 71, 2],
    ['2 × 67 characters', '中'.repeat(134), 134, 2],
    ['and one more character', '中'.repeat(135), 135, 3],
    ['35 pairs', '😀'.repeat(35), 70, 1],
    ['36 pairs: 33 a part', '😀'.repeat(36), 72, 2],
    ['66 pairs', '😀'.repeat(66), 132, 2],
    ['67 pairs: the odd unit of a part stays empty', '😀'.repeat(67), 134, 3],
    ['a pair at the end of a part', `${'中'.repeat(66)}😀${'中'.repeat(66)}`, 134, 3],
    ['one letter that costs the alphabet', `${'a'.repeat(70)}ç`, 71, 2],
    ['extension characters in UCS-2 are one unit', `ç${'€'.repeat(69)}`, 70, 1],
  ])('%s', (_, text, units, segments) => {
    expect(segmentsOf(text)).toMatchObject({ units, segments });
  });

  /** Cuts the text the way a phone does: off the front, as many whole characters as a part has room for. */
  function naive(text: string): { encoding: string; units: number; segments: number } {
    const gsm7 = [...text].every((character) => (BASIC + EXTENSION).includes(character));
    const size = (piece: string): number =>
      gsm7 ? [...piece].reduce((sum, character) => sum + (EXTENSION.includes(character) ? 2 : 1), 0) : piece.length;
    const encoding = gsm7 ? 'gsm7' : 'ucs2';
    if (size(text) <= (gsm7 ? 160 : 70)) return { encoding, units: size(text), segments: 1 };
    let segments = 0;
    for (let rest = [...text]; rest.length > 0; segments++) {
      let taken = rest.length;
      while (size(rest.slice(0, taken).join('')) > (gsm7 ? 153 : 67)) taken--;
      rest = rest.slice(taken);
    }
    return { encoding, units: size(text), segments };
  }

  it.each([
    ['GSM-7', fc.constantFrom(...BASIC, ...EXTENSION, ...EXTENSION)],
    ['anything', fc.constantFrom('a', '€', '中', '😀', '\ud800', '\udc00', 'ç')],
  ])('is what cutting the text gives: %s', (_, unit) => {
    const text = fc.string({ unit, minLength: 0, maxLength: 500, size: 'max' });
    fc.assert(
      fc.property(text, (value) => {
        expect(segmentsOf(value)).toEqual(naive(value));
      }),
      { numRuns: 60 },
    );
  });
});
