/** An IPv4 or IPv6 address in text form (RFC 4291 §2.2), without a zone, port, brackets or leading zeros in IPv4. */
export function isIpAddress(text: string): boolean {
  return text.length <= MAX_LENGTH && (isIpv4(text) || isIpv6(text));
}

/** The longest: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`. */
const MAX_LENGTH = 45;

const GROUPS = 8;

function isIpv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
}

function isIpv6(text: string): boolean {
  const [head = '', tail, ...more] = text.split('::');
  if (more.length > 0) return false;
  if (tail === undefined) return groupsIn(head, true) === GROUPS;
  // `::` stands for at least one group.
  return groupsIn(head, false) + groupsIn(tail, true) < GROUPS;
}

/** How many 16-bit groups; NaN when one is malformed. An IPv4 address may stand for the last two. */
function groupsIn(text: string, last: boolean): number {
  if (text === '') return 0;
  const parts = text.split(':');
  const ipv4 = last && isIpv4(parts.at(-1) ?? '');
  if (ipv4) parts.pop();
  return parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part)) ? parts.length + (ipv4 ? 2 : 0) : Number.NaN;
}
