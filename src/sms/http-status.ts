/**
 * What an answer of HTTP proves about a message when no code of the vendor says more (RFC 9110 §15): it may come from a
 * proxy before the vendor. The same for all vendors.
 */
import type { KnownFailure } from './faults.ts';

/** 303 says that the POST was carried out; 408 may come from a gateway that waited for the vendor in vain. */
export function isMaybeSent(status: number): boolean {
  return status < 300 || status >= 500 || status === 303 || status === 408;
}

const OPERATORS = { kind: 'unavailable', status: 'INTERNAL', actor: 'operator' } as const;
const TEMPORARY = { status: 'UNAVAILABLE', category: 'transient', actor: 'nobody' } as const;
const OTHER = { kind: 'unavailable', category: 'unknown', status: 'UNAVAILABLE', actor: 'operator' } as const;

/** The failure that a status is which does not say that the message was taken. */
export function httpFailure(status: number): KnownFailure {
  return { ...verdictOn(status), vendorCode: `http_${status}` };
}

function verdictOn(status: number): Omit<KnownFailure, 'vendorCode'> {
  if (isMaybeSent(status)) return { ...TEMPORARY, kind: 'unknown' };
  if (status === 401) return { ...OPERATORS, category: 'credentials' };
  if (status === 403) return { ...OPERATORS, category: 'permission' };
  if (status === 429) return { ...OTHER, category: 'rate_limited', retrySame: true };
  return status < 400 || CONFIGURED_WRONGLY.has(status) ? { ...OPERATORS, category: 'configuration' } : OTHER;
}

/** No such path or method there; a proxy that wants a login of its own. */
const CONFIGURED_WRONGLY: ReadonlySet<number> = new Set([404, 405, 407]);
