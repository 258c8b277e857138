/** Whose time it is that a profile shows. */
import { expect, it } from 'vitest';
import { type ProfileNode, partsOf } from '../../bench/profile-parts.ts';

const RPC = 'src/rpc: edges, authentication, admission';

/** A frame calls the next one; the last one has all the time. */
function partOf(...frames: (readonly [functionName: string, url: string])[]) {
  const nodes: ProfileNode[] = frames.map(([functionName, url], index) => ({
    id: index + 1,
    callFrame: { functionName, url },
    children: index + 1 < frames.length ? [index + 2] : [],
  }));
  return [...partsOf({ nodes, samples: [frames.length], timeDeltas: [500] }).keys()][0];
}

it.each<[what: string, part: string | undefined, frames: (readonly [string, string])[]]>([
  ['a function of ours', RPC, [['serve', 'file:///x/src/rpc/call.ts']]],
  [
    'what V8 does for it',
    RPC,
    [
      ['serve', 'file:///x/src/rpc/call.ts'],
      ['stringify', ''],
    ],
  ],
  [
    'what Node does for a library',
    'ioredis',
    [
      ['exec', 'file:///x/node_modules/ioredis/built/Redis.js'],
      ['write', 'node:internal/streams/writable'],
    ],
  ],
  [
    'hashing for us',
    'hashes and random bytes',
    [
      ['hmac', 'file:///x/src/domain/keyring.ts'],
      ['update', 'node:internal/crypto/hash'],
    ],
  ],
  ['a stream that Node itself begins', 'HTTP/2 of Node', [['onread', 'node:internal/http2/core']]],
  ['a timer', 'event loop and timers of Node', [['processTimers', 'node:internal/timers']]],
  [
    'the collector',
    'garbage collector',
    [
      ['(root)', ''],
      ['(garbage collector)', ''],
    ],
  ],
  [
    'nothing to do',
    undefined,
    [
      ['(root)', ''],
      ['(idle)', ''],
    ],
  ],
])('%s', (_, part, frames) => {
  expect(partOf(...frames)).toBe(part);
});

it('shares are of the time that was not idle', () => {
  const node = (id: number, functionName: string, url = '') => ({ id, callFrame: { functionName, url } });
  const nodes = [node(1, '(idle)'), node(2, '(garbage collector)'), node(3, 'serve', 'file:///x/src/rpc/call.ts')];
  const parts = partsOf({ nodes, samples: [1, 2, 3, 3], timeDeltas: [900, 100, 100, 200] });
  expect(Object.fromEntries(parts)).toEqual({ 'garbage collector': 0.25, [RPC]: 0.75 });
});
