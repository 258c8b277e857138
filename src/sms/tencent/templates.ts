/**
 * Which approved template carries a message: Tencent sends nothing but templates. The provider and the rules of the configuration
 * choose by the same tiers. Loads no SDK.
 */
import { lookupLocale, readLocale } from '../../domain/locale.ts';
import { BUILT_IN } from '../../domain/message.ts';
import { createRouting, type Route, type Sender } from '../../domain/routing.ts';
import type { Area, HopPosition } from '../vendor.ts';

export interface TemplateSettings {
  readonly templateId?: string | undefined;
  readonly internationalTemplateId?: string | undefined;
  /** `code`, `minutes`, `brand`, or the name of a variable of the request. */
  readonly templateParameters: readonly string[];
  readonly templates: readonly TemplateRow[];
}

export interface TemplateRow {
  /** For every purpose when left out. */
  readonly purpose?: string | undefined;
  /** For every language when left out. */
  readonly locale?: string | undefined;
  /** Template ids by area. */
  readonly mainland?: string | undefined;
  readonly international?: string | undefined;
  /** `templateParameters` when left out. */
  readonly parameters?: readonly string[] | undefined;
}

export interface Template {
  readonly id: string;
  /** What fills it, in order. */
  readonly parameters: readonly string[];
}

/** The template for messages that no row is for. */
export const GENERAL_ID = { mainland: 'templateId', international: 'internationalTemplateId' } as const;

/** By locale in lower case; `''` is for every language. */
type Tier = ReadonlyMap<string, Template>;

/**
 * Where a template is looked for, in this order: the one that the route names, and no other; else those of the purpose, those for
 * every purpose, the general one. Ends with the first tier that serves every language.
 */
export function tiersOf(
  settings: TemplateSettings,
  purpose: string,
  { sender, area }: { readonly sender: Sender; readonly area: Area },
): readonly Tier[] {
  const { templates, templateParameters } = settings;
  const templateOf = (id: string, row?: TemplateRow) => ({ id, parameters: row?.parameters ?? templateParameters });
  const only = (id: string, row?: TemplateRow): Tier => new Map([['', templateOf(id, row)]]);
  const named = sender[GENERAL_ID[area]];
  if (named !== undefined)
    return [
      only(
        named,
        templates.find((row) => row[area] === named),
      ),
    ];

  const tierFor = (owner: string | undefined): Tier => {
    const rows = templates.flatMap((row): [string, Template][] => {
      const { [area]: id, locale } = row;
      if (row.purpose !== owner || id === undefined) return [];
      return [[locale === undefined ? '' : readLocale(locale).toLowerCase(), templateOf(id, row)]];
    });
    return new Map(rows);
  };
  const general = settings[GENERAL_ID[area]];
  const tiers = [tierFor(purpose), tierFor(undefined), general === undefined ? new Map() : only(general)];
  const last = tiers.findIndex((tier) => tier.has(''));
  return last === -1 ? tiers : tiers.slice(0, last + 1);
}

export function templateIn(tiers: readonly Tier[], locale: string): Template | undefined {
  for (const tier of tiers) {
    const template = lookupLocale(locale, tier, tier.get(''));
    if (template !== undefined) return template;
  }
  return undefined;
}

export function areaOf(e164: string): Area {
  return e164.startsWith(MAINLAND) ? 'mainland' : 'international';
}

const MAINLAND = '+86';

/** Whether any message to this area has a template. */
export function hasTemplate(settings: TemplateSettings, area: Area): boolean {
  return settings[GENERAL_ID[area]] !== undefined || settings.templates.some((row) => row[area] !== undefined);
}

/** Variables that a request for this purpose must have, so that whichever template it gets can be filled. */
export function templateVariables(
  settings: TemplateSettings,
  routes: readonly Route[],
  purpose: string,
): readonly string[] {
  const templates = legsToTencent(routes).flatMap((leg) =>
    tiersOf(settings, purpose, leg).flatMap((tier) => [...tier.values()]),
  );
  return [...new Set(templates.flatMap(({ parameters }) => parameters))].filter((name) => !BUILT_IN.has(name));
}

/** A hop to Tencent, and an area that messages take it to. */
export interface Leg extends HopPosition {
  readonly area: Area;
  readonly sender: Sender;
}

export function legsToTencent(routes: readonly Route[]): Leg[] {
  const claims = routes.flatMap(({ prefixes }) => prefixes.filter((prefix) => prefix.startsWith(MAINLAND)));
  const routing = createRouting(routes);
  const mainland = new Set([MAINLAND, ...claims].map((e164) => routing({ e164, region: 'CN' })));
  return routes.flatMap((route, index) => {
    const areas: Area[] = [];
    if (mainland.has(route.hops)) areas.push('mainland');
    if (leadsAbroad(route)) areas.push('international');
    return route.hops.flatMap(({ provider, sender }, hop) =>
      provider === 'tencent' ? areas.map((area) => ({ area, sender, route: index, hop })) : [],
    );
  });
}

function leadsAbroad({ countries, prefixes }: Route): boolean {
  if (countries.length === 0 && prefixes.length === 0) return true;
  return countries.some((country) => country !== 'CN') || prefixes.some((prefix) => !prefix.startsWith(MAINLAND));
}
