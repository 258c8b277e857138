import { isIP } from 'node:net';

/** Where a listener listens: `host:port`, IPv6 hosts in brackets. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const ADDRESS = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/]+)):(\d{1,5})$/i;

export function isAddress(value: string): boolean {
  return Number(ADDRESS.exec(value)?.[3] ?? Number.NaN) <= 65_535;
}

/** Throws when `value` is not an address. The schema lets only addresses into the configuration. */
export function addressOf(value: string): Address {
  const match = ADDRESS.exec(value);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined) throw new Error('not an address');
  return { host, port: Number(match?.[3]) };
}

/** Whether only programs on this machine can reach it. */
export function isLoopback({ host }: Address): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** How this machine itself reaches a listener, as the authority of a URL. */
export function reach({ host, port }: Address): string {
  if (host === '0.0.0.0') return `127.0.0.1:${port}`;
  if (host === '::') return `[::1]:${port}`;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

export interface Range {
  readonly address: string;
  /** Leading bits that all addresses of the range have in common. */
  readonly bits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** An IP address, or a range in CIDR notation; null when `value` is neither. */
export function rangeOf(value: string): Range | null {
  const [, address = '', prefix] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(value) ?? [];
  const version = isIP(address);
  const longest = version === 4 ? 32 : 128;
  const bits = Number(prefix ?? longest);
  return version === 0 || bits > longest ? null : { address, bits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

export function isRange(value: string): boolean {
  return rangeOf(value) !== null;
}

/** An https URL without credentials, query and fragment; http only to this machine. */
export function isHttpUrl(value: string): boolean {
  const url = URL.parse(value);
  if (url === null || url.hostname === '' || url.username + url.password + url.search + url.hash !== '') return false;
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && isLoopback({ host: url.hostname.replace(/^\[|\]$/g, ''), port: 0 });
}
