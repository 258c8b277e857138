import { isIP, isIPv6, SocketAddress } from 'node:net';

export interface Hops {
  /** Of the connection. */
  readonly socket: string | undefined;
  /** `X-Forwarded-For`: each proxy appends the address that called it. Any client can write what comes before. */
  readonly forwarded: string | readonly string[] | undefined;
  /** How many proxies stand before this listener; 0 ignores the header. */
  readonly trustedProxies: number;
}

/**
 * The address that called the outermost trusted proxy. When the header is too short, or that entry is not an address,
 * it is the socket's own address, the only one that is sure. IPv4 in IPv6 comes as IPv4.
 */
export function clientAddress({ socket = '', forwarded = '', trustedProxies }: Hops): string {
  const peer = plainAddress(socket) ?? '';
  if (trustedProxies === 0) return peer;
  const entries = [forwarded].flat().join(',').split(',');
  const entry = entries.at(-trustedProxies);
  return (entry === undefined ? null : plainAddress(entry.trim())) ?? peer;
}

/** Without port, brackets and zone, in Node's spelling. Null when the text is not an address. */
function plainAddress(text: string): string | null {
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(text) ?? [];
  const [, v4] = /^([\d.]+):\d+$/.exec(text) ?? [];
  const address = (bracketed ?? v4 ?? text).replace(/%.*$/, '');
  if (!isIPv6(address)) return isIP(address) === 0 ? null : address;
  const canonical = new SocketAddress({ address, family: 'ipv6' }).address;
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical) ?? [];
  return mapped ?? canonical;
}
