/** The rules that vendors bring along: what one cannot do shows at start, not in the first SMS. */
import { type Findings, unique, type Vendor, type VendorSituation } from '../../sms/vendor.ts';
import { usedVendors, VENDORS, type VendorName } from '../../sms/vendors.ts';
import type { Mistake } from '../mistakes.ts';
import { hopAt, routesIn } from './routes.ts';
import { at, type Rule, type Situation } from './rule.ts';

export const VENDOR_RULES: readonly Rule[] = [
  function vendorsAreComplete(situation) {
    const used = usedVendors(situation.settings);
    return { mistakes: used.flatMap((vendor) => lacking(situation, vendor, vendor.required)) };
  },

  function vendorsCanSend(situation) {
    const used = new Set<string>(usedVendors(situation.settings).map(({ name }) => name));
    const findings = VENDORS.flatMap((vendor): readonly Findings[] => {
      const section = situation.settings[vendor.name];
      return section === undefined ? [] : vendor.check(section, viewOf(situation, vendor, used.has(vendor.name)));
    });
    return {
      mistakes: unique(findings.flatMap(({ mistakes = [] }) => mistakes)),
      warnings: findings.flatMap(({ warnings = [] }) => warnings),
    };
  },
];

/** What `vendor` lacks of these settings. */
function lacking(situation: Situation, { name, title }: Vendor<VendorName>, keys: readonly string[]): Mistake[] {
  const section: Readonly<Record<string, unknown>> = situation.settings[name] ?? {};
  const missing = keys.filter((key) => section[key] === undefined);
  return missing.map((key) => at(situation, [name, key], `is required with the other ${title} settings`));
}

/** `situation` as the rules of one vendor see it. */
function viewOf(situation: Situation, vendor: Vendor<VendorName>, used: boolean): VendorSituation {
  const { routes, purposes = {}, codes, limits, callbacks } = situation.settings;
  return {
    used,
    routes: routes === undefined ? null : routesIn(situation),
    ownRoutes: (routes?.length ?? 0) > 0,
    purposes,
    codes,
    resendIntervalSeconds: limits?.resendIntervalSeconds,
    callbackUrl: callbacks?.publicUrl,
    at: (path, problem) => at(situation, path, problem),
    nameOf: (path) => situation.sources.nameOf(path),
    hopAt: (position) => hopAt(situation, position),
    lacking: (keys) => lacking(situation, vendor, keys),
  };
}
