/** Translates the configuration into the types of the domain. */

import { identityOf, type NumberType, type PhonePolicy } from '../domain/phone.ts';
import type { LimitPolicy, MessagePolicy, PurposePolicy } from '../domain/policy.ts';
import type { Hop, Route, Sender } from '../domain/routing.ts';
import { MAX_CHARACTERS } from '../domain/variables.ts';
import type { CallerConfig } from '../rpc/auth.ts';
import type { Area } from '../sms/vendor.ts';
import { byDefaultRank, usedVendors, VENDORS, type VendorName } from '../sms/vendors.ts';
import type { Config } from './schema.ts';

export function purposePolicies(config: Config): ReadonlyMap<string, PurposePolicy> {
  const routes = routesOf(
    config,
    usedVendors(config).map(({ name }) => name),
  );
  const rows = Object.entries(config.purposes).map(([name, purpose]): PurposePolicy => {
    const { digits, guesses, guessesByPhone, resend, checkVariables, expirySeconds } = purpose;
    const needed = requiredVariables(config, routes, name);
    const message = messagePolicy(purpose, needed, variableCharacters(config, routes, name));
    const variablesRequired = checkVariables === 'required';
    return { name, digits, lifeMs: expirySeconds * 1000, guesses, guessesByPhone, resend, variablesRequired, message };
  });
  return new Map(rows.map((row) => [row.name, row]));
}

interface MessageSettings {
  readonly webOtpDomain?: string | undefined;
  readonly androidAppHash?: string | undefined;
  readonly texts: Readonly<Record<string, string>>;
}

export function messagePolicy(
  { webOtpDomain = '', androidAppHash = '', texts }: MessageSettings,
  requiredVariables: readonly string[],
  variableCharacters = MAX_CHARACTERS,
): MessagePolicy {
  const rows = Object.entries(texts).map(([locale, text]) => [locale.toLowerCase(), text] as const);
  return { webOtpDomain, androidAppHash, texts: new Map(rows), requiredVariables, variableCharacters };
}

type RouteSettings = Pick<Config, 'routes'> & VendorSettings;

/** Where messages go: the routes of the configuration, or the vendors in `usable` by their default ranks. */
export function routesOf(settings: RouteSettings, usable: readonly string[]): readonly Route[] {
  if (settings.routes.length > 0) {
    return settings.routes.map(({ countries, prefixes, providers }) => ({
      countries,
      prefixes,
      hops: providers.map(hopOf),
    }));
  }
  const hops = (area: Area) =>
    byDefaultRank(area)
      .filter(({ name }) => usable.includes(name))
      .filter((vendor) => vendor.carries(settings[vendor.name] ?? {}, area))
      .map(({ name }) => hopOf(name));
  return [
    { countries: ['CN'], prefixes: [], hops: hops('mainland') },
    { countries: [], prefixes: [], hops: hops('international') },
  ];
}

/** The vendors' sections that are well-formed. */
type VendorSettings = { readonly [Name in VendorName]?: object | undefined };

/** The variables that a request for `purpose` must have, so that every vendor on the routes can fill its templates. */
export function requiredVariables(
  settings: VendorSettings,
  routes: readonly Route[],
  purpose: string,
): readonly string[] {
  const names = VENDORS.flatMap((vendor) => {
    const section = settings[vendor.name];
    return section === undefined ? [] : vendor.variables(section, routes, purpose);
  });
  return [...new Set(names)];
}

/** The most characters that the templates of every vendor on the routes take in one of those variables. */
function variableCharacters(settings: VendorSettings, routes: readonly Route[], purpose: string): number {
  const limits = VENDORS.flatMap((vendor) => {
    const section = settings[vendor.name];
    if (section === undefined || vendor.variables(section, routes, purpose).length === 0) return [];
    return [vendor.variableCharacters(section)];
  });
  return Math.min(MAX_CHARACTERS, ...limits);
}

function hopOf(hop: string | (Sender & { readonly provider: string })): Hop {
  if (typeof hop === 'string') return { provider: hop, sender: {} };
  const { provider, ...sender } = hop;
  return { provider, sender };
}

/** Looks up the fixed code of a test number by its identity; null for other numbers, and when its last day is over at `now`. */
export function testCodes({ testNumbers }: Config): (identity: string, now: number) => string | null {
  const rows = new Map(
    Object.entries(testNumbers).map(([e164, { code, until }]) => [
      identityOf(e164),
      { code, until: Date.parse(until) },
    ]),
  );
  return (identity, now) => {
    const row = rows.get(identity);
    return row !== undefined && now < row.until ? row.code : null;
  };
}

export function limitPolicy({ limits }: Config): LimitPolicy {
  return {
    cooldownMs: limits.resendIntervalSeconds * 1000,
    windows: Object.entries(limits.windows).flatMap(([name, row]) =>
      row === null ? [] : [{ name, limit: row.limit, windowMs: row.seconds * 1000 }],
    ),
  };
}

export function phonePolicy({ phones }: Config): PhonePolicy {
  const refusedTypes = new Set<NumberType>();
  if (phones.refuseLandline) refusedTypes.add('landline');
  if (phones.refuseVoip) refusedTypes.add('voip');
  return { defaultRegion: phones.defaultRegion, refusedTypes };
}

export function callerConfigs({ callers }: Config): readonly CallerConfig[] {
  return Object.entries(callers).map(([name, { tokens, purposes }]) => ({
    name,
    tokenHashes: tokens,
    purposes: purposes ?? 'all',
  }));
}

/** How many connections one address may have, and whose number is not limited; nothing when all may have any number. */
export function peerBound(
  config: Pick<Config, 'connections'>,
): { max: number; exempt: ReadonlySet<string> } | undefined {
  const { perPeer: max, proxies } = config.connections;
  return max === undefined ? undefined : { max, exempt: new Set(proxies) };
}

/** The most calls under way of each class; null: without bounds. */
export function callCeilings({ admission }: Pick<Config, 'admission'>) {
  const { enabled, checks, reads, sends } = admission;
  return enabled ? { check: checks, read: reads, send: sends } : null;
}
