/** Which providers carry a message to a phone, in which order, and from which sender. */

import { GLOBAL } from './phone.ts';

/** As long as each of their calling codes. */
const GLOBAL_CODE = '+881';

/** Values of one route that replace the provider's own settings. */
export type Sender = { readonly [Field in SenderField]?: string | undefined };
export type SenderField =
  /** A number or alphanumeric sender id; for providers of texts. */
  | 'from'
  /** A messaging service of the provider's (`MG…`); wins over `from`. */
  | 'messagingServiceSid'
  /** Approved signature; for providers of templates. */
  | 'signName'
  /** Approved template for numbers of mainland China. */
  | 'templateId'
  /** Approved template for all other numbers. */
  | 'internationalTemplateId'
  /** Dedicated sender id for numbers outside mainland China. */
  | 'senderId';

export interface Hop {
  /** A provider's name. */
  readonly provider: string;
  readonly sender: Sender;
}

export interface Route {
  /** ISO 3166-1 alpha-2; with `prefixes` empty too, the route is for every phone of a country. */
  readonly countries: readonly string[];
  /** E.164 with `+`: the longest that a phone begins with decides, and wins over any country. */
  readonly prefixes: readonly string[];
  /** In the order in which they are tried. */
  readonly hops: readonly Hop[];
}

export type Routing = (phone: { readonly e164: string; readonly region: string }) => readonly Hop[];

/**
 * The rule of `Route`, compiled: the longest prefix, else the country, else the route for every phone, else no hops.
 * Satellite and worldwide networks (+881, +883) cost a multiple and are no country: only a prefix that has their calling
 * code leads there. Countries are those of libphonenumber, so that countries with one calling code (+1, +7, +44) are different ones. Of
 * two routes that claim the same, the first counts.
 */
export function createRouting(routes: readonly Route[]): Routing {
  const byPrefix = new Map<string, readonly Hop[]>();
  const byCountry = new Map<string, readonly Hop[]>();
  let otherwise: readonly Hop[] | null = null;
  for (const { prefixes, countries, hops } of routes) {
    for (const prefix of prefixes) if (!byPrefix.has(prefix)) byPrefix.set(prefix, hops);
    for (const country of countries) if (!byCountry.has(country)) byCountry.set(country, hops);
    if (prefixes.length === 0 && countries.length === 0) otherwise ??= hops;
  }
  const lengths = [...new Set([...byPrefix.keys()].map((prefix) => prefix.length))].sort((a, b) => b - a);

  return ({ e164, region }) => {
    for (const length of lengths) {
      if (region === GLOBAL && length < GLOBAL_CODE.length) break;
      const hops = byPrefix.get(e164.slice(0, length));
      if (hops !== undefined) return hops;
    }
    return byCountry.get(region) ?? (region === GLOBAL ? [] : (otherwise ?? []));
  };
}
