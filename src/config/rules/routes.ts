/** Rules about routes: every hop can send wherever its route leads. */
import { PROVIDERS_MS } from '../../domain/deadlines.ts';
import type { Route } from '../../domain/routing.ts';
import { GENERAL_ID, type Leg, legsToTencent, templatesFor } from '../../sms/tencent/template-choice.ts';
import { configuredProviders } from '../configured.ts';
import { routesOf } from '../policies.ts';
import { get, type Mistake } from '../sources.ts';
import type { ProviderName } from '../vendors.ts';
import { at, type Rule, type Situation, unique } from './rule.ts';
import { lacking } from './vendors.ts';

/** Which values of a hop mean something to which provider. */
const SENDER_FIELDS: Readonly<Record<ProviderName, readonly string[]>> = {
  twilio: ['from', 'messagingServiceSid'],
  tencent: ['signName', 'templateId', 'internationalTemplateId', 'senderId'],
  webhook: ['from', 'messagingServiceSid', 'signName', 'templateId', 'internationalTemplateId', 'senderId'],
};
const AREAS = { mainland: 'mainland China', international: 'other countries than mainland China' } as const;

export const ROUTE_RULES: readonly Rule[] = [
  function routesLeadSomewhere(situation) {
    const configured = new Set(configuredProviders(situation.sources.tree));
    const mistakes: Mistake[] = [];
    for (const [index, { providers }] of (situation.settings.routes ?? []).entries()) {
      for (const [position, hop] of providers.entries()) {
        const path = ['routes', index, 'providers', position];
        const { provider, ...sender } = typeof hop === 'string' ? { provider: hop } : hop;
        if (!configured.has(provider)) mistakes.push(at(situation, path, `names ${provider}, which has no settings`));
        const foreign = Object.keys(sender).filter((field) => !SENDER_FIELDS[provider].includes(field));
        mistakes.push(...foreign.map((field) => at(situation, [...path, field], `means nothing to ${provider}`)));
      }
    }
    return { mistakes };
  },

  function twilioHasSenders(situation) {
    const { twilio } = situation.settings;
    if (twilio === undefined || configuredProviders({ twilio }).length === 0) return {};
    if ((twilio.messagingServiceSid ?? twilio.phoneNumber) !== undefined) return {};
    const mistakes: Mistake[] = [];
    for (const [route, { hops }] of routesIn(situation).entries()) {
      for (const [hop, { provider, sender }] of hops.entries()) {
        if (provider !== 'twilio' || (sender.messagingServiceSid ?? sender.from) !== undefined) continue;
        const problem = 'has no sender: it needs `from` or `messagingServiceSid`, or TWILIO_PHONE_NUMBER';
        const place = hopIn(situation, { route, hop });
        mistakes.push(...(place ? [at(situation, place, problem)] : lacking(situation, 'twilio', ['phoneNumber'])));
      }
    }
    return { mistakes: unique(mistakes) };
  },

  function tencentHasTemplates(situation) {
    const { tencent, routes, purposes = {} } = situation.settings;
    if (tencent === undefined || routes === undefined || configuredProviders({ tencent }).length === 0) return {};
    const legs = legsToTencent(routesIn(situation));
    // Without routes of the operator's, Tencent is left out where it has no template.
    if (legs.length === 0 && routes.length === 0) return { mistakes: lacking(situation, 'tencent', ['templateId']) };
    const mistakes: Mistake[] = [];
    const warnings: string[] = [];
    for (const leg of legs) {
      const place = hopIn(situation, leg);
      const choices = Object.keys(purposes).map((name) => ({ name, ...templatesFor(tencent, name, leg) }));
      const none = choices.filter(({ parameters }) => parameters.length === 0);
      const some = choices.filter(({ parameters, everyLanguage }) => parameters.length > 0 && !everyLanguage);
      if (none.length > 0) {
        mistakes.push(
          place
            ? at(situation, place, `leads to ${AREAS[leg.to]}, for which tencent has no template of ${list(none)}`)
            : at(situation, ['tencent', GENERAL_ID[leg.to]], `is required: no other template is for ${list(none)}`),
        );
      }
      if (some.length > 0) {
        const where = situation.sources.nameOf(place ?? ['tencent', 'templates']);
        const what = `tencent has templates of ${list(some)} for ${AREAS[leg.to]} in some languages only`;
        warnings.push(`${where}: ${what}; one without \`locale\` is for all others`);
      }
      if (leg.to === 'mainland' && (leg.sender.signName ?? tencent.signName) === undefined) {
        const problem = `leads to ${AREAS.mainland}, where tencent needs \`signName\`, or TENCENT_SMS_SIGN_NAME`;
        mistakes.push(...(place ? [at(situation, place, problem)] : lacking(situation, 'tencent', ['signName'])));
      }
    }
    return { mistakes, warnings };
  },

  function hangsLeaveTime(situation) {
    const timeout = (provider: string) => Number(get(situation.settings, [provider, 'timeoutMs']) ?? 0);
    const warnings = routesIn(situation).flatMap(({ hops }, route) => {
      const [first, second] = hops.map(({ provider }) => provider);
      if (first === undefined || second === undefined || timeout(first) + timeout(second) <= PROVIDERS_MS) return [];
      const place = hopIn(situation, { route, hop: 0 }) ?? [first, 'timeoutMs'];
      const both = `${timeout(first)} ms for ${first} and ${timeout(second)} ms for ${second}`;
      return [
        `${situation.sources.nameOf(place)}: ${both} are more than the ${PROVIDERS_MS} ms that all providers have together: ` +
          `when ${first} hangs, ${second} gets too little time`,
      ];
    });
    return { warnings };
  },
];

/** Those that count, as far as their sections are well-formed. */
export function routesIn({ settings }: Situation): readonly Route[] {
  const { routes, tencent } = settings;
  return routes === undefined ? [] : routesOf({ routes, tencent }, configuredProviders(settings));
}

/** Where the operator wrote a hop; null when there are no routes but those that are made up. */
function hopIn({ settings }: Situation, { route, hop }: Pick<Leg, 'route' | 'hop'>): readonly PropertyKey[] | null {
  return settings.routes?.length ? ['routes', route, 'providers', hop] : null;
}

function list(rows: readonly { readonly name: string }[]): string {
  return rows.map(({ name }) => name).join(', ');
}
