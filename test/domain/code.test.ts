import { describe, expect, it } from 'vitest';
import { uniformDigits } from '../../src/domain/code.ts';

/** Blocks of pseudorandom words, and which of them were asked for. */
function stream(...blocks: readonly number[][]) {
  const asked: number[] = [];
  const block = (n: number): Buffer => {
    asked.push(n);
    const words = blocks[n];
    if (words === undefined) throw new Error(`block ${n} was not expected to be read`);
    return Buffer.concat(words.map((word) => Buffer.of(word >>> 24, word >>> 16, word >>> 8, word)));
  };
  return { block, asked };
}

const LARGEST = 2 ** 32 - 1;
/** The largest multiple of 10^n that 32 bits hold: words from here on would make low codes likelier. */
const BOUND: Readonly<Record<number, number>> = {
  4: 4_294_960_000,
  5: 4_294_900_000,
  6: 4_294_000_000,
  7: 4_290_000_000,
  8: 4_200_000_000,
};

describe('the digits of a code', () => {
  it.each<[word: number, digits: number, code: string]>([
    [0, 6, '000000'],
    [42, 4, '0042'],
    [42, 8, '00000042'],
    [123_456_789, 6, '456789'],
    [123_456_789, 8, '23456789'],
    // The first byte is the most significant.
    [0x01_00_00_00, 8, '16777216'],
  ])('are the last of the word, leading zeros kept: %i as %i digits', (word, digits, code) => {
    expect(uniformDigits(digits, stream([word]).block)).toBe(code);
  });

  it.each([4, 5, 6, 7, 8])('of %i digits take every word below the last whole multiple, and none above', (digits) => {
    const bound = BOUND[digits] as number;
    expect(uniformDigits(digits, stream([bound - 1]).block)).toBe('9'.repeat(digits));
    expect(uniformDigits(digits, stream([bound, 7]).block)).toBe('7'.padStart(digits, '0'));
    expect(uniformDigits(digits, stream([LARGEST, 8]).block)).toBe('8'.padStart(digits, '0'));
  });
});

describe('the words of a stream', () => {
  it('are read one after the other, the last of a block too', () => {
    const { block, asked } = stream([LARGEST, LARGEST, LARGEST, 5], [6]);
    expect(uniformDigits(4, block)).toBe('0005');
    expect(asked).toEqual([0]);
  });

  it('go on in the next block when all of one were thrown away', () => {
    const { block, asked } = stream([LARGEST, LARGEST], [LARGEST], [9]);
    expect(uniformDigits(4, block)).toBe('0009');
    expect(asked).toEqual([0, 1, 2]);
  });

  it('are whole: bytes at the end of a block that make no word are left', () => {
    const blocks = [Buffer.alloc(7, 255), Buffer.of(0, 0, 0, 3, 0xff)];
    expect(uniformDigits(4, (n) => blocks[n] as Buffer)).toBe('0003');
  });
});
