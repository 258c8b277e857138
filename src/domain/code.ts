/**
 * Uniform decimal digits from a stream of pseudorandom blocks, by rejection sampling: a 32-bit word at or above the
 * largest multiple of 10^digits is thrown away, so every code is equally likely. `block(n)` is the n-th block.
 */
export function uniformDigits(digits: number, block: (n: number) => Buffer): string {
  const range = 10 ** digits;
  const bound = Math.floor(2 ** 32 / range) * range;
  for (let n = 0; ; n++) {
    const bytes = block(n);
    for (let offset = 0; offset + 4 <= bytes.length; offset += 4) {
      const word = bytes.readUInt32BE(offset);
      if (word < bound) return String(word % range).padStart(digits, '0');
    }
  }
}
