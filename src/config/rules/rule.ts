/** Rules span several sections. Each looks only at sections that are well-formed by themselves. */

import type { Findings, Mistake } from '../mistakes.ts';
import type { Settings } from '../schema.ts';
import type { Sources } from '../sources.ts';
import { get } from '../tree.ts';

export interface RuleContext {
  /** Sections that are malformed are undefined. */
  readonly settings: Partial<Settings>;
  readonly sources: Sources;
  readonly production: boolean;
  /** The program that embeds the service brings providers of its own. */
  readonly ownProviders: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type Rule = (context: RuleContext) => Findings;

/** Whether a setting was given, well-formed or not. */
export const isSet = ({ sources }: RuleContext, ...path: string[]): boolean => get(sources.tree, path) !== undefined;

/** A mistake at a place of the settings. */
export const mistakeAt = ({ sources }: RuleContext, path: readonly PropertyKey[], problem: string): Mistake => ({
  at: sources.nameOf(path),
  problem,
});
