/**
 * Loads the configuration from one optional YAML file and the environment. All mistakes are reported at once.
 * The settings themselves are listed in config/schema.ts.
 */
import type { z } from 'zod';
import { type Mistake, wordIssue } from './mistakes.ts';
import { nearest, notASetting } from './names.ts';
import { SERVICE_RULES } from './rules/production.ts';
import { ROUTE_RULES } from './rules/routes.ts';
import type { Rule } from './rules/rule.ts';
import { TEST_NUMBER_RULES } from './rules/test-numbers.ts';
import { TEXT_RULES } from './rules/texts.ts';
import { VENDOR_RULES } from './rules/vendors.ts';
import { type Config, DEVELOPMENT, type Settings, type SettingsSchema, settingsSchema } from './schema.ts';
import { keysAt } from './settings.ts';
import { type Env, type ReadFile, readSources, type Sources } from './sources.ts';
import { get } from './tree.ts';

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super(['the configuration is not usable:', ...mistakes.map(({ at, problem }) => `  ${at}: ${problem}`)].join('\n'));
    this.mistakes = mistakes;
  }
}

/**
 * Throws ConfigError with every mistake there is.
 * `ownProviders`: the program brings SMS providers of its own (createApp's overrides), so that none need be configured.
 */
export function loadConfig(env: Env, readFile: ReadFile, options: LoadOptions = {}): Config {
  return loadExplained(env, readFile, options).config;
}

export interface LoadOptions {
  readonly ownProviders?: boolean;
  /** Milliseconds since the epoch, for what may have expired. */
  readonly now?: number;
}

/** The configuration, and where each of its values comes from. */
export function loadExplained(
  env: Env,
  readFile: ReadFile,
  { ownProviders = false, now = Date.now() }: LoadOptions = {},
): { readonly config: Config; readonly sources: Sources } {
  const sources = readSources(env, readFile);
  const production = get(sources.tree, ['mode']) === 'production';
  const { sections, mistakes } = parseSections(production ? settingsSchema(true) : DEVELOPMENT, sources);
  const context = { settings: sections, sources, production, ownProviders, now };
  const findings = RULES.map((rule) => rule(context));
  const all = [...sources.mistakes, ...mistakes];
  const known = new Set(all.map(({ at }) => at));
  all.push(...findings.flatMap((found) => found.mistakes ?? []).filter(({ at }) => !known.has(at)));
  if (all.length > 0) throw new ConfigError(all);
  const warnings = findings.flatMap((found) => found.warnings ?? []);
  // Without a mistake every section has passed.
  return { config: complete(sections as Settings, warnings), sources };
}

const RULES: readonly Rule[] = [...SERVICE_RULES, ...VENDOR_RULES, ...ROUTE_RULES, ...TEST_NUMBER_RULES, ...TEXT_RULES];

/** Parses each section by itself: a mistake in one section must not hide what the rules find in the others. */
function parseSections(
  schema: SettingsSchema,
  sources: Sources,
): { sections: Partial<Settings>; mistakes: readonly Mistake[] } {
  const unknown = Object.keys(sources.tree).filter((key) => !Object.hasOwn(schema.shape, key));
  const mistakes: Mistake[] = unknown.map((at) => ({ at, problem: notASetting(nearest(at, keysAt(schema, []))) }));
  const sections: Record<string, unknown> = {};
  for (const [key, section] of Object.entries(schema.shape)) {
    const result = section.safeParse(sources.tree[key], { error: wordIssue });
    if (result.success) sections[key] = result.data;
    else mistakes.push(...result.error.issues.flatMap((issue) => mistakesOf(issue, key, sources)));
  }
  return { sections: sections as Partial<Settings>, mistakes };
}

function mistakesOf(issue: z.core.$ZodIssue, section: string, sources: Sources): Mistake[] {
  const path = [section, ...issue.path];
  if (issue.code !== 'unrecognized_keys') return [{ at: sources.nameOf(path), problem: issue.message }];
  const known = keysAt(DEVELOPMENT, path);
  return issue.keys.map((key) => ({ at: sources.nameOf([...path, key]), problem: notASetting(nearest(key, known)) }));
}

function complete(settings: Settings, warnings: readonly string[]): Config {
  const { codes } = settings;
  const purposes = Object.entries(settings.purposes).map(([name, purpose]) => [
    name,
    {
      ...purpose,
      digits: purpose.digits ?? codes.digits,
      expirySeconds: purpose.expirySeconds ?? codes.expiryMinutes * 60,
      guessesByPhone: purpose.guessesByPhone ?? Math.min(3, purpose.guesses),
    },
  ]);
  return freeze({
    ...settings,
    purposes: Object.fromEntries(purposes),
    sms: { ...settings.sms, mockMode: settings.sms.mockMode ?? settings.mode !== 'production' },
    warnings,
  });
}

function freeze<T extends object>(value: T): T {
  for (const child of Object.values(value)) if (typeof child === 'object' && child !== null) freeze(child);
  return Object.freeze(value);
}
