import { describe, expect, it } from 'vitest';
import { validateClient } from '../../src/domain/field.ts';
import type { FieldViolation } from '../../src/domain/refusal.ts';

function isIpAddress(ip: string): boolean {
  const found: FieldViolation[] = [];
  validateClient({ ip, deviceId: '', userAgent: '', sessionId: '' }, found);
  expect(found.map(({ field, rule }) => [field, rule])).toEqual(
    found.length === 0 ? [] : [['client.ip', 'malformed_ip']],
  );
  return found.length === 0;
}

describe('client.ip takes IPv4 and IPv6 addresses in text form (RFC 4291 §2.2)', () => {
  it.each([
    ...['0.0.0.0', '127.0.0.1', '255.255.255.255', '203.0.113.9'],
    ...['::', '::1', '1::', '2001:db8::1', '2001:DB8:0:0:8:800:200C:417A', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8'],
    ...['::ffff:192.0.2.1', '64:ff9b::192.0.2.33', '1:2:3:4:5:6:1.2.3.4', '1::1.2.3.4'],
    'ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255',
  ])('%s', (text) => {
    expect(isIpAddress(text)).toBe(true);
  });

  it.each([
    ...[' ', '1', '1.2.3', '1.2.3.4.5', '256.1.1.1', '01.2.3.4', '1.2.3.4 ', '1.2.3.-4', '1.2.3.4:80', '0x7f.0.0.1'],
    ...[':', ':::', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1::2::3', '1:2:3:4:5:6:7:8::', '12345::', 'g::', ':1', '1:'],
    ...['1.2.3.4::', '1:2:3:4:5:6:7:1.2.3.4', '::1.2.3.256', '[::1]', 'fe80::1%eth0', '::1/64', 'localhost'],
    ...['１.2.3.4', '1.2.3.4\u0000', '\ud800', '::ffff:192.0.2.1\r\n'],
  ])('not %j', (text) => {
    expect(isIpAddress(text)).toBe(false);
  });

  it('not 10,000 characters', () => {
    for (const part of ['1', ':', '::', '1.', '1:', 'f']) expect(isIpAddress(part.repeat(10_000))).toBe(false);
  });
});
