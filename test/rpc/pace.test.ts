import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPace } from '../../src/rpc/grpc-pace.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

function connections(count: number) {
  const reading = new Set<number>();
  const sockets = Array.from({ length: count }, (_, n) => {
    reading.add(n);
    const handle = { readStop: () => void reading.delete(n), readStart: () => void reading.add(n) };
    return { _handle: handle, destroyed: false } as unknown as Socket;
  });
  return { sockets, reading };
}

describe('connections of strangers that opened too many streams', () => {
  test('are read again one after another, in the order in which they were held', () => {
    const { sockets, reading } = connections(8);
    const pace = createPace();
    for (const socket of sockets) while (pace.allows(socket));
    expect([...reading]).toEqual([]);

    vi.advanceTimersByTime(99);
    expect([...reading]).toEqual([]);
    vi.advanceTimersByTime(1);
    expect([...reading]).toEqual([0]);
    for (let n = 1; n < sockets.length; n++) {
      vi.advanceTimersByTime(4);
      expect(reading.size).toBe(n);
      vi.advanceTimersByTime(1);
      expect([...reading]).toEqual(Array.from({ length: n + 1 }, (_, index) => index));
    }
  });

  test('are not read before their own tenth of a second is over', () => {
    const { sockets, reading } = connections(2);
    const [first, second] = sockets as [Socket, Socket];
    const pace = createPace();
    while (pace.allows(first));
    vi.advanceTimersByTime(100);
    while (pace.allows(second));
    vi.advanceTimersByTime(99);
    expect([...reading]).toEqual([0]);
    vi.advanceTimersByTime(1);
    expect([...reading]).toEqual([0, 1]);
  });

  test('do not keep the others waiting when they are gone', () => {
    const { sockets, reading } = connections(2);
    const pace = createPace();
    for (const socket of sockets) while (pace.allows(socket));
    Object.assign(sockets[0] as Socket, { destroyed: true });
    vi.advanceTimersByTime(105);
    expect([...reading]).toEqual([1]);
  });
});
