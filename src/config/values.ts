/** Value types that several settings share. */
import { z } from 'zod';
import { MAX_PROVIDER_TIMEOUT_MS } from '../domain/deadlines.ts';
import { lookupLocale } from '../domain/locale.ts';
import { isHttpUrl } from './address.ts';

/** Names that become parts of storage keys and metric labels. */
export const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
export const NAME_RULE = 'must be 1 to 32 of a-z, 0-9, _ and -, the first a letter';

export const name = () => z.string().regex(NAME, NAME_RULE);
export const whole = (min: number, max: number) => z.int().min(min).max(max);
export const text = (max: number) => z.string().min(1).max(max);
export const url = () => z.string().refine(isHttpUrl, 'must be an https:// URL (http:// to this machine only)');

/** The settings that every SMS provider's section has. */
export const providerBounds = (title: string) => ({
  timeoutMs: whole(100, MAX_PROVIDER_TIMEOUT_MS)
    .default(4500)
    .meta({ description: `After how many milliseconds a try at ${title} counts as lost.` }),
  maxConcurrent: whole(1, 10_000)
    .default(200)
    .meta({ description: `Messages under way at ${title} at once; more go to the next provider.` }),
});

/** A well-formed language tag in its current spelling: not `in`, which was replaced by `id`. No request would match others. */
export function isLanguageTag(tag: string): boolean {
  if (!lookupLocale(tag, new Map([[tag.toLowerCase(), true]]), false)) return false;
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
