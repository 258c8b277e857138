/** Rules about Tencent that span several settings. */
import type { z } from 'zod';
import { type Mistake, unique } from '../../config/mistakes.ts';
import { COOLDOWN_STEPS } from '../../domain/policy.ts';
import type { Area, VendorRule } from '../vendor.ts';
import type { schema } from './schema.ts';
import { GENERAL_ID, legsToTencent, tiersOf } from './templates.ts';

type Rule = VendorRule<z.output<typeof schema>>;

/** Verification templates take numbers of 6 digits at the most (text of TemplateParameterFormatError). */
const TENCENT_DIGITS = 6;
/**
 * Messages of the same content to one number a day, by Tencent's FAQ: accounts of the mainland and of the international
 * site.
 */
const TENCENT_SAME_CONTENT = { mainland: 10, international: 2 } as const;
/** The API of international accounts. */
const INTERNATIONAL_HOST = 'sms.intl.tencentcloudapi.com';
const TENCENT_SAME_CONTENT_SECONDS = 30;

const AREAS: Readonly<Record<Area, string>> = {
  mainland: 'mainland China',
  international: 'other countries than mainland China',
};

export const RULES: readonly Rule[] = [
  function codesFitTemplates(settings, { used, purposes, codes, resendIntervalSeconds, at }) {
    if (!used) return {};
    const mistakes: Mistake[] = [];
    const warnings: string[] = [];
    const interval = resendIntervalSeconds ?? 60;
    const account = URL.parse(settings.endpoint)?.hostname === INTERNATIONAL_HOST ? 'international' : 'mainland';
    const most = TENCENT_SAME_CONTENT[account];
    for (const [purpose, row] of Object.entries(purposes)) {
      const digits = row.digits ?? codes?.digits ?? 0;
      if (digits > TENCENT_DIGITS) {
        const place = row.digits === undefined ? ['codes', 'digits'] : ['purposes', purpose, 'digits'];
        mistakes.push(at(place, 'must be at most 6: Tencent’s verification templates take no longer codes'));
      }
      if (row.webOtpDomain !== undefined || row.androidAppHash !== undefined || Object.keys(row.texts).length > 0) {
        warnings.push(
          `purposes.${purpose}: Tencent sends its own approved template: texts, the WebOTP line and the app hash are only ` +
            'in its SMS where they are part of that template',
        );
      }
      if (row.resend !== 'same') continue;
      const life = row.expirySeconds ?? (codes?.expiryMinutes ?? 5) * 60;
      const sends = sendsOfOneCode(life, interval);
      if (sends > most) {
        warnings.push(
          `purposes.${purpose}: \`resend: same\` can send one code ${sends} times, but ${account} accounts of Tencent deliver ` +
            `the same content to a number ${most} times a day; use \`new\`, or raise the limit in Tencent’s console`,
        );
      }
    }
    if (interval < TENCENT_SAME_CONTENT_SECONDS) {
      const rule = 'is below the 30 s within which Tencent refuses a second SMS to a number';
      warnings.push(`limits.resendIntervalSeconds ${rule}`);
    }
    return { mistakes: unique(mistakes), warnings };
  },

  function everyHopHasTemplates(settings, { used, routes, ownRoutes, purposes, at, hopAt, nameOf, lacking }) {
    if (!used || routes === null) return {};
    const legs = legsToTencent(routes);
    // The default routes leave Tencent out where it has no template.
    if (legs.length === 0 && !ownRoutes) return { mistakes: lacking(['templateId']) };
    const mistakes: Mistake[] = [];
    const warnings: string[] = [];
    for (const leg of legs) {
      const place = hopAt(leg);
      const choices = Object.keys(purposes).map((name) => ({ name, tiers: tiersOf(settings, name, leg) }));
      const partial = choices.filter(({ tiers }) => !tiers.some((tier) => tier.has('')));
      const none = partial.filter(({ tiers }) => tiers.every((tier) => tier.size === 0));
      const some = partial.filter((choice) => !none.includes(choice));
      if (none.length > 0) {
        mistakes.push(
          place
            ? at(place, `leads to ${AREAS[leg.area]}, for which tencent has no template of ${list(none)}`)
            : at(['tencent', GENERAL_ID[leg.area]], `is required: no other template is for ${list(none)}`),
        );
      }
      if (some.length > 0) {
        const where = nameOf(place ?? ['tencent', 'templates']);
        const what = `tencent has templates of ${list(some)} for ${AREAS[leg.area]} in some languages only`;
        warnings.push(`${where}: ${what}; one without \`locale\` is for all others`);
      }
      if (leg.area === 'mainland' && (leg.sender.signName ?? settings.signName) === undefined) {
        const problem = `leads to ${AREAS.mainland}, where tencent needs \`signName\`, or TENCENT_SMS_SIGN_NAME`;
        mistakes.push(...(place ? [at(place, problem)] : lacking(['signName'])));
      }
    }
    return { mistakes, warnings };
  },

  function brandFitsTemplates({ parameterCharacters, templateParameters, templates }, { used, brand = '', at }) {
    const filled = [templateParameters, ...templates.map(({ parameters = [] }) => parameters)];
    if (!used || !filled.some((names) => names.includes('brand')) || [...brand].length <= parameterCharacters)
      return {};
    const problem = `is ${[...brand].length} characters: Tencent’s templates take ${parameterCharacters} (tencent.parameterCharacters)`;
    return { mistakes: [at(['sms', 'brand'], problem)] };
  },

  function templatesHaveTheirPlace({ templates }, { purposes, at }) {
    const rows = [...templates.entries()];
    const known = Object.keys(purposes);
    const foreign = rows.filter(([, { purpose }]) => purpose && known.length > 0 && !known.includes(purpose));
    const seen = new Set<string>();
    const twins = rows.filter(([, { purpose = '', locale = '', mainland, international }]) => {
      const areas = [mainland !== undefined && 'mainland', international !== undefined && 'international'];
      const keys = areas.filter((area) => area).map((area) => `${area}:${purpose}:${locale.toLowerCase()}`);
      const repeated = keys.some((key) => seen.has(key));
      for (const key of keys) seen.add(key);
      return repeated;
    });
    const place = (index: number, ...rest: string[]) => ['tencent', 'templates', index, ...rest];
    return {
      mistakes: [
        ...foreign.map(([index]) => at(place(index, 'purpose'), 'is not one of the purposes')),
        ...twins.map(([index]) => at(place(index), 'is for the purpose and language of another template')),
      ],
    };
  },

  function reportsCanArrive(settings, { used, callbackUrl, at }) {
    if (callbackUrl === undefined) {
      const idle = [
        ...(settings.callbackToken === undefined ? [] : ['callbackToken']),
        ...(settings.callbackAddresses.length === 0 ? [] : ['callbackAddresses']),
      ];
      return { mistakes: idle.map((key) => at(['tencent', key], 'is set without CALLBACK_PUBLIC_URL')) };
    }
    const warnings: string[] = [];
    if (used && settings.callbackToken === undefined && settings.pullSeconds === 0) {
      warnings.push('Tencent’s delivery reports are not read: set TENCENT_CALLBACK_TOKEN or TENCENT_SMS_PULL_SECONDS');
    }
    if (settings.callbackToken !== undefined && settings.callbackAddresses.length === 0) {
      warnings.push('TENCENT_CALLBACK_ADDRESSES is not set: Tencent’s reports are let in by their path alone');
    }
    return { warnings };
  },
];

/** How often one code can go out: it is sent again while more than half of its life is left, at the growing pauses. */
function sendsOfOneCode(lifeSeconds: number, intervalSeconds: number): number {
  let sends = 0;
  for (let elapsed = 0; elapsed * 2 < lifeSeconds; sends++) {
    const step = COOLDOWN_STEPS[Math.min(sends, COOLDOWN_STEPS.length - 1)] ?? 1;
    elapsed += Math.max(1, intervalSeconds * step);
  }
  return sends;
}

function list(rows: readonly { readonly name: string }[]): string {
  return rows.map(({ name }) => name).join(', ');
}
