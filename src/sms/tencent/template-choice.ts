/** Which of Tencent's approved templates a message may get: what src/sms/tencent/templates.ts chooses from. */
import { BUILT_IN } from '../../domain/message.ts';
import { createRouting, type Route, type Sender } from '../../domain/routing.ts';
import type { Area } from '../vendor.ts';
import type { TemplateOptions } from './templates.ts';

export type Templates = Pick<
  TemplateOptions,
  'templateId' | 'internationalTemplateId' | 'templateParameters' | 'templates'
>;
/** The template for whatever has no row of its own. */
export const GENERAL_ID = { mainland: 'templateId', international: 'internationalTemplateId' } as const;

export function hasTemplate(tencent: Templates, to: Area): boolean {
  return tencent[GENERAL_ID[to]] !== undefined || tencent.templates.some((row) => row[to] !== undefined);
}

export interface Choice {
  /** What fills each template that a message may get; none when there is no template. */
  readonly parameters: readonly (readonly string[])[];
  /** Whether messages of every language get one. */
  readonly everyLanguage: boolean;
}

export function templatesFor(
  tencent: Templates,
  purpose: string,
  { sender, to }: { readonly sender: Sender; readonly to: Area },
): Choice {
  const { templates, templateParameters } = tencent;
  const routed = sender[GENERAL_ID[to]];
  if (routed !== undefined) {
    const row = templates.find((each) => each[to] === routed);
    return { parameters: [row?.parameters ?? templateParameters], everyLanguage: true };
  }
  const parameters: (readonly string[])[] = [];
  for (const owner of [purpose, undefined]) {
    const rows = templates.filter((row) => row.purpose === owner && row[to] !== undefined);
    parameters.push(...rows.map((row) => row.parameters ?? templateParameters));
    if (rows.some(({ locale }) => locale === undefined)) return { parameters, everyLanguage: true };
  }
  const general = tencent[GENERAL_ID[to]] !== undefined;
  return { parameters: general ? [...parameters, templateParameters] : parameters, everyLanguage: general };
}

/** A hop to Tencent, and an area that messages take it to. */
export interface Leg {
  readonly to: Area;
  readonly sender: Sender;
  /** Positions of the route, and of the hop in it. */
  readonly route: number;
  readonly hop: number;
}

export function legsToTencent(routes: readonly Route[]): Leg[] {
  const claims = routes.flatMap(({ prefixes }) => prefixes.filter((prefix) => prefix.startsWith('+86')));
  const routing = createRouting(routes);
  const mainland = new Set(['+86', ...claims].map((e164) => routing({ e164, region: 'CN' })));
  return routes.flatMap((route, index) => {
    const to: Area[] = [];
    if (mainland.has(route.hops)) to.push('mainland');
    if (leadsAbroad(route)) to.push('international');
    return route.hops.flatMap(({ provider, sender }, hop) =>
      provider === 'tencent' ? to.map((destination) => ({ to: destination, sender, route: index, hop })) : [],
    );
  });
}

function leadsAbroad({ countries, prefixes }: Route): boolean {
  if (countries.length === 0 && prefixes.length === 0) return true;
  return countries.some((country) => country !== 'CN') || prefixes.some((prefix) => !prefix.startsWith('+86'));
}

/** Variables that a request for this purpose must have, so that whichever template it gets can be filled. */
export function templateVariables(tencent: Templates, routes: readonly Route[], purpose: string): readonly string[] {
  const names = legsToTencent(routes).flatMap((leg) => templatesFor(tencent, purpose, leg).parameters.flat());
  return [...new Set(names)].filter((name) => !BUILT_IN.has(name));
}
