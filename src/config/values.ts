/** Kinds of values that several settings share. */
import { z } from 'zod';
import { lookupLocale } from '../domain/locale.ts';

/** Names that become parts of storage keys and metric labels. */
export const NAME = /^[a-z][a-z0-9_-]{0,31}$/;
export const NAME_RULE = 'must be 1 to 32 of a-z, 0-9, _ and -, the first a letter';

export const name = () => z.string().regex(NAME, NAME_RULE);
export const whole = (min: number, max: number) => z.int().min(min).max(max);
export const text = (max: number) => z.string().min(1).max(max);

/** One that requests can be found under: neither malformed nor in a spelling that was given up, such as `in` for `id`. */
export function isLanguageTag(tag: string): boolean {
  if (!lookupLocale(tag, new Map([[tag.toLowerCase(), true]]), false)) return false;
  try {
    return Intl.getCanonicalLocales(tag).length === 1;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
