import { expect, test } from 'vitest';
import { clientAddress } from '../../src/sms/client-address.ts';

const peer = '10.0.0.9';

test.each([
  // socket, X-Forwarded-For, trusted proxies, client
  [peer, undefined, 0, peer],
  ['::ffff:10.0.0.9', undefined, 0, peer],
  ['::1', undefined, 0, '::1'],
  ['fe80::1%eth0', undefined, 0, 'fe80::1'],
  [undefined, undefined, 0, ''],
  [peer, '203.0.113.7', 0, peer],
  [peer, '203.0.113.7', 1, '203.0.113.7'],
  [peer, '198.51.100.1, 203.0.113.7', 1, '203.0.113.7'],
  [peer, '198.51.100.1,203.0.113.7', 2, '198.51.100.1'],
  [peer, '192.0.2.1, 198.51.100.1, 203.0.113.7', 2, '198.51.100.1'],
  [peer, ['198.51.100.1', '203.0.113.7'], 1, '203.0.113.7'],
  [peer, '203.0.113.7', 2, peer],
  [peer, undefined, 1, peer],
  [peer, '', 1, peer],
  [peer, 'unknown', 1, peer],
  [peer, '203.0.113.7, ', 1, peer],
  [peer, '203.0.113.7:4711', 1, '203.0.113.7'],
  [peer, '[2001:db8::7]:4711', 1, '2001:db8::7'],
  [peer, '[2001:db8::7]', 1, '2001:db8::7'],
  [peer, '2001:DB8:0:0::7', 1, '2001:db8::7'],
  [peer, '::FFFF:203.0.113.7', 1, '203.0.113.7'],
  [peer, '::ffff:cb00:7107', 1, '203.0.113.7'],
  [peer, '203.0.113.7/24', 1, peer],
  [peer, '203.0.113.300', 1, peer],
])('a connection from %s that says %s, %d proxies trusted, is of %s', (socket, forwarded, trustedProxies, client) => {
  expect(clientAddress({ socket, forwarded, trustedProxies })).toBe(client);
});
