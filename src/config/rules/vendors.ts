/** Runs the rules of the vendors: what a vendor cannot do shows at start, not in the first SMS. */
import type { Vendor, VendorRuleContext } from '../../sms/vendor.ts';
import { usedVendors, VENDORS, type VendorName } from '../../sms/vendors.ts';
import { type Findings, type Mistake, unique } from '../mistakes.ts';
import { hopAt, routesIn } from './routes.ts';
import { mistakeAt, type Rule, type RuleContext } from './rule.ts';

export const VENDOR_RULES: readonly Rule[] = [
  function vendorsAreComplete(context) {
    const used = usedVendors(context.settings);
    return { mistakes: used.flatMap((vendor) => lacking(context, vendor, vendor.required)) };
  },

  function vendorsCanSend(context) {
    const used = new Set<string>(usedVendors(context.settings).map(({ name }) => name));
    const findings = VENDORS.flatMap((vendor): readonly Findings[] => {
      const section = context.settings[vendor.name];
      return section === undefined ? [] : vendor.check(section, viewOf(context, vendor, used.has(vendor.name)));
    });
    return {
      mistakes: unique(findings.flatMap(({ mistakes = [] }) => mistakes)),
      warnings: findings.flatMap(({ warnings = [] }) => warnings),
    };
  },
];

/** One mistake for each of these settings that is not set. */
function lacking(context: RuleContext, { name, title }: Vendor<VendorName>, keys: readonly string[]): Mistake[] {
  const section: Readonly<Record<string, unknown>> = context.settings[name] ?? {};
  const missing = keys.filter((key) => section[key] === undefined);
  return missing.map((key) => mistakeAt(context, [name, key], `is required with the other ${title} settings`));
}

/** The context that the rules of one vendor get. */
function viewOf(context: RuleContext, vendor: Vendor<VendorName>, used: boolean): VendorRuleContext {
  const { routes, purposes = {}, codes, limits, callbacks, sms } = context.settings;
  return {
    used,
    routes: routes === undefined ? null : routesIn(context),
    ownRoutes: (routes?.length ?? 0) > 0,
    purposes,
    codes,
    resendIntervalSeconds: limits?.resendIntervalSeconds,
    brand: sms?.brand,
    callbackUrl: callbacks?.publicUrl,
    at: (path, problem) => mistakeAt(context, path, problem),
    nameOf: (path) => context.sources.nameOf(path),
    hopAt: (position) => hopAt(context, position),
    lacking: (keys) => lacking(context, vendor, keys),
  };
}
