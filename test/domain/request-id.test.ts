/** What the log shows of a request_id, which callers may make of anything. */
import { createHash, randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { loggedRequestId } from '../../src/domain/request-id.ts';

const hashed = (id: string) => `sha256:${createHash('sha256').update(id).digest('hex').slice(0, 16)}`;

describe('an id that was made at random is shown as it is', () => {
  test.each([
    ['a UUID', '7f9c1f2e-6a3b-4c55-9d0e-2b1a90f4c6d8'],
    ['a UUID by time', '019392c3-98a4-7cc8-8b50-5f1e0f6d4a11'],
    ['a UUID in capitals', '7F9C1F2E-6A3B-4C55-9D0E-2B1A90F4C6D8'],
    ['a ULID', '01JD8Z6T3V9QK4M2R7X5Y0BCDE'],
    ["Go's rand.Text", 'ZK3MVQ5ATHW7RJ2YXNBCDLPE4G'],
  ])('%s', (_, id) => {
    expect(loggedRequestId(id)).toBe(id);
  });

  test('every UUID that the examples make', () => {
    for (let i = 0; i < 1000; i += 1) {
      const id = randomUUID();
      expect(loggedRequestId(id)).toBe(id);
    }
  });
});

describe('another id is shown as a hash, which whoever has the id can make', () => {
  test.each(['send-1', 'alice@example.com', 'login for Alice', '"}\\n{"level":"fatal"'])('%s', (id) => {
    expect(loggedRequestId(id)).toBe(hashed(id));
  });
});

describe('what may hold a code or a phone is not shown, not even as a hash', () => {
  test.each([
    ['a phone', '+14155550123'],
    ['a phone in a word', 'login4155550123x'],
    ['a grouped phone', '+1 (415) 555-0123'],
    ['digits one by one', '1-4-1-5'],
    ['a code', 'check-140282'],
    ['a code of 4 digits', '4711'],
    ['a phone in the form of a UUID', '00000000-0000-0000-0000-004155550123'],
    ['a phone among capitals', 'LOGINOF4155550123ATEXAMPLE'],
    ['nothing', ''],
    ['more than 64 characters', 'x'.repeat(65)],
  ])('%s', (_, id) => {
    expect(loggedRequestId(id)).toBeUndefined();
  });
});
