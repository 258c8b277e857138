/**
 * The descriptor of a vendor: everything the rest of the program must know about it, in `<vendor>/settings.ts`. It
 * loads no SDK; `open` imports the vendor's own code, so that a vendor that is not used costs nothing.
 */
import type { z } from 'zod';
import type { Findings, Mistake } from '../config/mistakes.ts';
import type { Hop, Route, Sender, SenderField } from '../domain/routing.ts';
import { MAX_CHARACTERS } from '../domain/variables.ts';
import type { Provider } from './provider.ts';

/** The two worlds of SMS: mainland China, where only approved templates are delivered, and all other countries. */
export type Area = 'mainland' | 'international';

/** What every vendor's section of the settings has. */
interface Bounds {
  /** After how long one try counts as lost. */
  readonly timeoutMs: number;
  /** Messages under way at once. */
  readonly maxConcurrent: number;
}

/** Settings in which `Key` is set. */
type With<Settings, Key extends keyof Settings> = Settings & {
  readonly [Each in Key]-?: Exclude<Settings[Each], undefined>;
};

export interface VendorOptions<Name extends string, Schema extends z.ZodType<Bounds>, Required extends string> {
  /** Its name in routes, metrics and the delivery record, and of its section of the settings. */
  readonly name: Name;
  /** Its name in messages to the operator. */
  readonly title: string;
  readonly schema: Schema;
  /** Setting one of these means that the vendor is to be used. A list counts as set when it is not empty. */
  readonly usedWith: readonly (keyof z.output<Schema>)[];
  /** Settings without which it cannot be opened. */
  readonly required: readonly (Required & keyof z.output<Schema>)[];
  /** Variables that its SDK reads by itself: no settings of ours, but no mistakes either. */
  readonly sdkReads?: readonly string[];
  /** The sender values of a route that it understands. */
  readonly senderFields: readonly SenderField[];
  /** What it cannot send: a purpose that asks for it, together with a route to this vendor, is a mistake. */
  readonly cannotSend?: readonly PurposeFeature[];
  /** Its place in the default routes, which count when the operator wrote none: lower numbers are tried first. */
  readonly defaultRank: Readonly<Record<Area, number>>;
  /** Whether the default routes may use it in an area. They may when this is left out. */
  readonly carries?: (settings: z.output<Schema>, area: Area) => boolean;
  /** The variables that a request for `purpose` must have, so that its templates on these routes can be filled. */
  readonly variables?: (settings: z.output<Schema>, routes: readonly Route[], purpose: string) => readonly string[];
  /** The most characters that its templates take in one of them; no limit of its own when this is left out. */
  readonly variableCharacters?: (settings: z.output<Schema>) => number;
  readonly rules: readonly VendorRule<z.output<Schema>>[];
  /** The seconds between two fetches of its delivery reports. They are not fetched with 0, or when this is left out. */
  readonly pollSeconds?: (settings: z.output<Schema>) => number;
  /** Rejects when its SDK refuses the settings. */
  readonly open: (
    settings: With<z.output<Schema>, Required & keyof z.output<Schema>>,
    context: OpenContext,
  ) => Promise<Provider>;
}

/** Checks that span several settings. Called with a well-formed section, whether the vendor is used or not. */
export type VendorRule<Settings> = (settings: Settings, context: VendorRuleContext) => Findings;

/** What the rules of a vendor may read beside its own section. Malformed sections count as empty. */
export interface VendorRuleContext {
  /** Whether the vendor is meant to be used. */
  readonly used: boolean;
  /** The routes in effect; null when they are malformed. */
  readonly routes: readonly Route[] | null;
  /** Whether the operator wrote the routes. */
  readonly ownRoutes: boolean;
  readonly purposes: Readonly<Record<string, PurposeSettings>>;
  readonly codes: { readonly digits: number; readonly expiryMinutes: number } | undefined;
  readonly resendIntervalSeconds: number | undefined;
  /** The name of the sender in messages. */
  readonly brand: string | undefined;
  readonly callbackUrl: string | undefined;
  /** A mistake at a place of the settings. */
  at(path: readonly PropertyKey[], problem: string): Mistake;
  /** How the operator knows a place of the settings: the variable that set it, or its path in the file. */
  nameOf(path: readonly PropertyKey[]): string;
  /** The path of a hop in the settings; null for the default routes, which the operator did not write. */
  hopAt(position: HopPosition): readonly PropertyKey[] | null;
  /** One mistake for each of these settings of the vendor that is not set. */
  lacking(keys: readonly string[]): readonly Mistake[];
}

/** Positions of a route, and of a hop in it. */
export interface HopPosition {
  readonly route: number;
  readonly hop: number;
}

/** Features of a message that not every vendor can send. */
export type PurposeFeature = 'texts' | 'webOtpDomain' | 'androidAppHash';

export interface PurposeSettings {
  readonly digits?: number | undefined;
  readonly expirySeconds?: number | undefined;
  readonly resend: 'same' | 'new';
  readonly webOtpDomain?: string | undefined;
  readonly androidAppHash?: string | undefined;
  readonly texts: Readonly<Record<string, string>>;
}

export interface OpenContext {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** The name of the sender in the text. */
  readonly brand: string;
  /** Whether another provider may try a recipient who opted out here. */
  readonly failOverBlocked: boolean;
  /**
   * The URL at which this vendor's delivery reports arrive, without a slash at its end; undefined when none are
   * received.
   */
  readonly callbackUrl: string | undefined;
}

/** A provider, how much of it may be used at once, and how often its reports are fetched (0: never). */
export interface OpenProvider extends Bounds {
  readonly provider: Provider;
  readonly pollMs: number;
}

/** A descriptor as the rest of the program sees it, which does not know the type of its section. */
export interface Vendor<Name extends string = string, Schema extends z.ZodType = z.ZodType> {
  readonly name: Name;
  readonly title: string;
  readonly schema: Schema;
  readonly required: readonly string[];
  readonly sdkReads: readonly string[];
  readonly senderFields: readonly SenderField[];
  readonly cannotSend: readonly PurposeFeature[];
  readonly defaultRank: Readonly<Record<Area, number>>;
  /** `section` may be malformed. */
  isUsed(section: object): boolean;
  carries(section: object, area: Area): boolean;
  variables(section: object, routes: readonly Route[], purpose: string): readonly string[];
  variableCharacters(section: object): number;
  check(section: object, context: VendorRuleContext): readonly Findings[];
  /** Null when the section lacks what is required. */
  open(section: object, context: OpenContext): Promise<OpenProvider | null>;
}

export function vendor<
  const Name extends string,
  Schema extends z.ZodType<Bounds>,
  const Required extends keyof z.output<Schema> & string,
>(options: VendorOptions<Name, Schema, Required>): Vendor<Name, Schema> {
  type Settings = z.output<Schema>;
  const { name, title, schema, required, sdkReads = [], senderFields, cannotSend = [], defaultRank } = options;
  const isSet = (section: object, key: PropertyKey) => {
    const value: unknown = Reflect.get(section, key);
    return Array.isArray(value) ? value.length > 0 : value !== undefined;
  };
  return {
    name,
    title,
    schema,
    required,
    sdkReads,
    senderFields,
    cannotSend,
    defaultRank,
    isUsed: (section) => options.usedWith.some((key) => isSet(section, key)),
    carries: (section, area) => options.carries?.(section as Settings, area) ?? true,
    variables: (section, routes, purpose) => options.variables?.(section as Settings, routes, purpose) ?? [],
    variableCharacters: (section) => options.variableCharacters?.(section as Settings) ?? MAX_CHARACTERS,
    check: (section, context) => options.rules.map((rule) => rule(section as Settings, context)),
    async open(section, context) {
      if (!required.every((key) => isSet(section, key))) return null;
      const settings = section as With<Settings, Required & keyof Settings>;
      const provider = await options.open(settings, context);
      const { timeoutMs, maxConcurrent } = settings;
      return { provider, timeoutMs, maxConcurrent, pollMs: (options.pollSeconds?.(settings) ?? 0) * 1000 };
    },
  };
}

/** A hop to one vendor: its position in the routes, and the sender that the route sets. */
export interface OwnHop extends HopPosition {
  readonly sender: Sender;
}

export function hopsTo(name: string, routes: readonly Route[]): readonly OwnHop[] {
  return routes.flatMap(({ hops }, route) =>
    hops.flatMap(({ provider, sender }: Hop, hop) => (provider === name ? [{ route, hop, sender }] : [])),
  );
}
