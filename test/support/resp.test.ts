import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createSplitter, valueEnd, words } from './resp.ts';

const VALUES: [what: string, bytes: string][] = [
  ['a simple string', '+OK\r\n'],
  ['an error', '-ERR no\r\n'],
  ['an integer', ':42\r\n'],
  ['a bulk string that contains line ends', '$6\r\na\r\nb\r\n\r\n'],
  ['an empty bulk string', '$0\r\n\r\n'],
  ['a null bulk string', '$-1\r\n'],
  ['a null array', '*-1\r\n'],
  ['an empty array', '*0\r\n'],
  ['nested arrays', '*2\r\n*1\r\n:1\r\n$1\r\na\r\n'],
  ['a map', '%1\r\n+a\r\n*1\r\n:1\r\n'],
  ['a push', '>2\r\n+invalidate\r\n_\r\n'],
  ['a verbatim string', '=7\r\ntxt:abc\r\n'],
  ['a double and a boolean', '*2\r\n,1.5\r\n#t\r\n'],
];

test.each(VALUES)('%s ends where it ends, and not before', (_, bytes) => {
  expect(valueEnd(Buffer.from(`${bytes}+next\r\n`), 0)).toBe(bytes.length);
  for (let length = 0; length < bytes.length; length++)
    expect(valueEnd(Buffer.from(bytes.slice(0, length)), 0)).toBe(-1);
});

test('a stream is cut into the same values however it arrives', () => {
  const stream = Buffer.from(VALUES.map(([, bytes]) => bytes).join(''));
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
      const split = createSplitter();
      const edges = [0, ...cuts.sort((a, b) => a - b), stream.length];
      const values = edges.slice(1).flatMap((end, index) => split(stream.subarray(edges[index], end)));
      expect(values.map(String)).toEqual(VALUES.map(([, bytes]) => bytes));
    }),
  );
});

test('requests are read as words, inline ones too', () => {
  const all = ['*2\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n', 'PING  x\r\n'];
  expect(all.map((request) => words(Buffer.from(request)).map(String))).toEqual([
    ['GET', 'a\r\n'],
    ['PING', 'x'],
  ]);
});
