import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isIpAddress } from '../../src/domain/ip.ts';

describe('IP addresses in text form', () => {
  it.each([
    ...['0.0.0.0', '127.0.0.1', '255.255.255.255', '203.0.113.9'],
    ...['::', '::1', '1::', '2001:db8::1', '2001:DB8:0:0:8:800:200C:417A', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8'],
    ...['::ffff:192.0.2.1', '64:ff9b::192.0.2.33', '1:2:3:4:5:6:1.2.3.4', '1::1.2.3.4'],
    'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255',
  ])('%s is one', (text) => {
    expect(isIpAddress(text)).toBe(true);
  });

  it.each([
    ...[
      '',
      ' ',
      '1',
      '1.2.3',
      '1.2.3.4.5',
      '256.1.1.1',
      '01.2.3.4',
      '1.2.3.4 ',
      '1.2.3.-4',
      '1.2.3.4:80',
      '0x7f.0.0.1',
    ],
    ...[':', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', '1:2:3:4:5:6:7:8::', '12345::', 'g::', ':1', '1:'],
    ...['1.2.3.4::', '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.256', '[::1]', 'fe80::1%eth0', '::1/64', 'localhost'],
    ...['１.2.3.4', '1.2.3.4\u0000', '\ud800', '::ffff:192.0.2.1\r\n'],
  ])('%j is none', (text) => {
    expect(isIpAddress(text)).toBe(false);
  });

  it('10,000 characters are none', () => {
    for (const part of ['1', ':', '::', '1.', '1:', 'f']) expect(isIpAddress(part.repeat(10_000))).toBe(false);
  });

  it('agrees with Node on every address, and on what is close to one', () => {
    const piece = fc.constantFrom(':', '::', '.', '0', '1', 'f', 'ffff', '12345', '255', '256', '00', 'g', '1.2.3.4');
    const near = fc.array(piece, { maxLength: 17 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), near), (text) => {
        expect([text, isIpAddress(text)]).toEqual([text, isIP(text) !== 0]);
      }),
      { seed: 20_261_121, numRuns: 5000 },
    );
  });
});
