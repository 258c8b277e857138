/** What Tencent cannot carry, or what it needs, beyond single settings. */

import { configuredProviders } from '../../config/configured.ts';
import { at, type Rule, unique } from '../../config/rules/rule.ts';
import type { Mistake } from '../../config/sources.ts';
import { COOLDOWN_STEPS } from '../../domain/policy.ts';

/** Verification templates take numbers of 6 digits at the most (text of TemplateParameterFormatError). */
const TENCENT_DIGITS = 6;
/** Messages of the same content to one number a day, by Tencent's FAQ: accounts of the mainland and of the international site. */
const TENCENT_SAME_CONTENT = { mainland: 10, international: 2 } as const;
/** The API of international accounts. */
const INTERNATIONAL_HOST = 'sms.intl.tencentcloudapi.com';
const TENCENT_SAME_CONTENT_SECONDS = 30;

export const TENCENT_RULES: readonly Rule[] = [
  function tencentCanCarryCodes(situation) {
    const { tencent, purposes, codes, limits } = situation.settings;
    if (tencent === undefined || !configuredProviders({ tencent }).includes('tencent')) return {};
    const mistakes: Mistake[] = [];
    const warnings: string[] = [];
    const interval = limits?.resendIntervalSeconds ?? 60;
    const account = URL.parse(tencent.endpoint)?.hostname === INTERNATIONAL_HOST ? 'international' : 'mainland';
    const most = TENCENT_SAME_CONTENT[account];
    for (const [purpose, row] of Object.entries(purposes ?? {})) {
      const digits = row.digits ?? codes?.digits ?? 0;
      if (digits > TENCENT_DIGITS) {
        const place = row.digits === undefined ? ['codes', 'digits'] : ['purposes', purpose, 'digits'];
        mistakes.push(at(situation, place, 'must be at most 6: Tencent’s verification templates take no longer codes'));
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

  function templatesHaveTheirPlace(situation) {
    const { tencent, purposes } = situation.settings;
    const rows = [...(tencent?.templates ?? []).entries()];
    const foreign = rows.filter(([, { purpose }]) => purpose && purposes && !Object.hasOwn(purposes, purpose));
    const seen = new Set<string>();
    const twins = rows.filter(([, { purpose = '', locale = '', mainland, international }]) => {
      const areas = [mainland !== undefined && 'mainland', international !== undefined && 'international'];
      const keys = areas.filter((area) => area).map((area) => `${area}:${purpose}:${locale.toLowerCase()}`);
      const known = keys.some((key) => seen.has(key));
      for (const key of keys) seen.add(key);
      return known;
    });
    const place = (index: number, ...rest: string[]) => ['tencent', 'templates', index, ...rest];
    return {
      mistakes: [
        ...foreign.map(([index]) => at(situation, place(index, 'purpose'), 'is not one of the purposes')),
        ...twins.map(([index]) => at(situation, place(index), 'is for the purpose and language of another template')),
      ],
    };
  },

  function reportsCanArrive(situation) {
    const { callbacks, tencent } = situation.settings;
    if (tencent === undefined) return {};
    if (callbacks?.publicUrl === undefined) {
      const idle = [
        ...(tencent.callbackToken === undefined ? [] : ['callbackToken']),
        ...(tencent.callbackAddresses.length === 0 ? [] : ['callbackAddresses']),
      ];
      return { mistakes: idle.map((key) => at(situation, ['tencent', key], 'is set without CALLBACK_PUBLIC_URL')) };
    }
    const warnings: string[] = [];
    if (
      configuredProviders({ tencent }).length > 0 &&
      tencent.callbackToken === undefined &&
      tencent.pullSeconds === 0
    ) {
      warnings.push('Tencent’s delivery reports are not read: set TENCENT_CALLBACK_TOKEN or TENCENT_SMS_PULL_SECONDS');
    }
    if (tencent.callbackToken !== undefined && tencent.callbackAddresses.length === 0) {
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
