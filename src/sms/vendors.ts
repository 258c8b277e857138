/** Every vendor there is, one line each. */
import { isMapping } from '../config/tree.ts';
import { createConsoleProvider } from './console.ts';
import type { Provider } from './provider.ts';
import { tencent } from './tencent/settings.ts';
import { twilio } from './twilio/settings.ts';
import { twilioVerify } from './twilio-verify/settings.ts';
import type { Area, OpenProvider, Vendor } from './vendor.ts';
import { webhook } from './webhook/settings.ts';

/** Not a vendor: it prints messages instead of sending them, in development only. */
export const CONSOLE = 'console';
export const openConsole: (print: (line: string) => void) => Provider = createConsoleProvider;

const ALL = { twilio, tencent, 'twilio-verify': twilioVerify, webhook } as const;

export const VENDORS: readonly Vendor<VendorName>[] = Object.values(ALL);

/** The schemas of the vendors' sections, by name. */
export const VENDOR_SCHEMAS = Object.fromEntries(VENDORS.map(({ name, schema }) => [name, schema])) as {
  readonly [Name in VendorName]: VendorNamed<Name>['schema'];
};

/** In the order in which the default routes try them. */
export function byDefaultRank(area: Area): readonly Vendor<VendorName>[] {
  return VENDORS.toSorted((a, b) => a.defaultRank[area] - b.defaultRank[area]);
}

/** The vendors that the operator wants to use. `sections` are the settings, or the tree that they are read from. */
export function usedVendors(sections: object): readonly Vendor<VendorName>[] {
  return VENDORS.filter((vendor) => {
    const section: unknown = Reflect.get(sections, vendor.name);
    return isMapping(section) && vendor.isUsed(section);
  });
}

type AnyVendor = (typeof ALL)[keyof typeof ALL];
type VendorNamed<Name> = Extract<AnyVendor, { readonly name: Name }>;
export type VendorName = AnyVendor['name'];

/** The part of the configuration that opening needs. */
export type OpenSettings = Readonly<Record<VendorName, object>> & {
  readonly sms: { readonly brand: string; readonly failOverBlocked: boolean };
  readonly callbacks: { readonly publicUrl?: string | undefined };
};

/** In the order of `VENDORS`. Rejects when a vendor's SDK refuses its settings. */
export async function openProviders(
  settings: OpenSettings,
  { now }: { readonly now: () => number },
): Promise<readonly OpenProvider[]> {
  const { brand, failOverBlocked } = settings.sms;
  const publicUrl = settings.callbacks.publicUrl?.replace(/\/+$/, '');
  const opened = await Promise.all(
    VENDORS.map((vendor) => {
      const callbackUrl = publicUrl === undefined ? undefined : `${publicUrl}/${vendor.name}`;
      return vendor.open(settings[vendor.name], { now, brand, failOverBlocked, callbackUrl });
    }),
  );
  return opened.filter((each) => each !== null);
}
