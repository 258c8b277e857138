/** Rules about routes: every hop can send wherever its route leads. */
import { PROVIDERS_MS } from '../../domain/deadlines.ts';
import type { Route } from '../../domain/routing.ts';
import { type HopPosition, hopsTo, type PurposeFeature } from '../../sms/vendor.ts';
import { usedVendors, VENDORS } from '../../sms/vendors.ts';
import { type Mistake, unique } from '../mistakes.ts';
import { routesOf } from '../policies.ts';
import { get } from '../tree.ts';
import { mistakeAt, type Rule, type RuleContext } from './rule.ts';

export const ROUTE_RULES: readonly Rule[] = [
  function routesLeadSomewhere(context) {
    const used = new Set<string>(usedVendors(context.sources.tree).map(({ name }) => name));
    const mistakes: Mistake[] = [];
    for (const [index, { providers }] of (context.settings.routes ?? []).entries()) {
      for (const [position, hop] of providers.entries()) {
        const path = ['routes', index, 'providers', position];
        const { provider, ...sender } = typeof hop === 'string' ? { provider: hop } : hop;
        if (!used.has(provider)) mistakes.push(mistakeAt(context, path, `names ${provider}, which has no settings`));
        const known: readonly string[] = VENDORS.find(({ name }) => name === provider)?.senderFields ?? [];
        const foreign = Object.keys(sender).filter((field) => !known.includes(field));
        mistakes.push(...foreign.map((field) => mistakeAt(context, [...path, field], `means nothing to ${provider}`)));
      }
    }
    return { mistakes };
  },

  function purposesCanBeSent(context) {
    const routes = routesIn(context);
    const purposes = Object.entries(context.settings.purposes ?? {});
    const mistakes = VENDORS.flatMap(({ name, cannotSend }) => {
      const hops = cannotSend.length === 0 ? [] : hopsTo(name, routes);
      return hops.flatMap((hop) =>
        purposes.flatMap(([purpose, row]) => {
          const wanted = cannotSend.filter((feature) => asksFor(row, feature));
          const [first] = wanted;
          if (first === undefined) return [];
          const path = hopAt(context, hop) ?? ['purposes', purpose, first];
          return [
            mistakeAt(context, path, `${name} cannot send what purposes.${purpose} asks for: ${wanted.join(', ')}`),
          ];
        }),
      );
    });
    // Both default routes may lead to the vendor.
    return { mistakes: unique(mistakes) };
  },

  /** Libphonenumber has them as countries of their own; an operator who names the one means the others, too. */
  function territoriesAreMeant(context) {
    const { routes = [] } = context.settings;
    const named = new Set<string>(routes.flatMap(({ countries }) => countries));
    const prefixes = routes.flatMap((row) => row.prefixes);
    const rest = routes.some((row) => row.countries.length === 0 && row.prefixes.length === 0);
    const warnings = Object.entries(TERRITORIES).flatMap(([country, { code, territories, note = '' }]) => {
      const row = routes.findIndex(({ countries }) => countries.some((each) => each === country));
      const others = territories.filter((territory) => !named.has(territory));
      if (row < 0 || others.length === 0 || prefixes.some((prefix) => code.startsWith(prefix))) return [];
      const place = context.sources.nameOf(['routes', row, 'countries']);
      const instead = rest ? 'go by the route for all others' : 'are not sent to';
      return [`${place}: ${country} is not ${others.join(', ')}, which share ${code}: their phones${note} ${instead}`];
    });
    return { warnings };
  },

  function hangsLeaveTime(context) {
    const timeout = (provider: string) => Number(get(context.settings, [provider, 'timeoutMs']) ?? 0);
    const warnings = routesIn(context).flatMap(({ hops }, route) => {
      const [first, second] = hops.map(({ provider }) => provider);
      if (first === undefined || second === undefined || timeout(first) + timeout(second) <= PROVIDERS_MS) return [];
      const place = hopAt(context, { route, hop: 0 }) ?? [first, 'timeoutMs'];
      const both = `${timeout(first)} ms for ${first} and ${timeout(second)} ms for ${second}`;
      return [
        `${context.sources.nameOf(place)}: ${both} are more than the ${PROVIDERS_MS} ms that all providers have together: ` +
          `when ${first} hangs, ${second} gets too little time`,
      ];
    });
    return { warnings };
  },
];

/** Parts of a country, by mail or by law, that have regions of their own in numbering plans and share its calling code. */
const TERRITORIES: Readonly<
  Record<string, { readonly code: string; readonly territories: readonly string[]; readonly note?: string }>
> = {
  GB: { code: '+44', territories: ['GG', 'IM', 'JE'], note: ', among them the textbook number +447911123456,' },
  US: { code: '+1', territories: ['AS', 'GU', 'MP', 'PR', 'VI'] },
  FI: { code: '+358', territories: ['AX'] },
  NO: { code: '+47', territories: ['SJ'] },
  AU: { code: '+61', territories: ['CC', 'CX'] },
  MA: { code: '+212', territories: ['EH'] },
  IT: { code: '+39', territories: ['VA'] },
};

/** The routes in effect; none when their section is malformed. */
export function routesIn({ settings }: RuleContext): readonly Route[] {
  const { routes } = settings;
  if (routes === undefined) return [];
  const used = usedVendors(settings).map(({ name }) => name);
  return routesOf({ ...settings, routes }, used);
}

/** The path of a hop in the settings; null for the default routes, which the operator did not write. */
export function hopAt({ settings }: RuleContext, { route, hop }: HopPosition): readonly PropertyKey[] | null {
  return settings.routes?.length ? ['routes', route, 'providers', hop] : null;
}

function asksFor(
  purpose: { readonly [Feature in PurposeFeature]?: string | Readonly<Record<string, string>> | undefined },
  feature: PurposeFeature,
): boolean {
  const value = purpose[feature];
  return typeof value === 'object' ? Object.keys(value).length > 0 : value !== undefined;
}
