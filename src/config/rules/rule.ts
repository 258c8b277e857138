/** What the rules look at. */

import type { Mistake } from '../mistakes.ts';
import type { Settings } from '../schema.ts';
import type { Sources } from '../sources.ts';
import { get } from '../tree.ts';

export interface Situation {
  /** Sections that do not pass their schema are missing. */
  readonly settings: Partial<Settings>;
  readonly sources: Sources;
  readonly production: boolean;
  /** The embedding program brings providers of its own. */
  readonly ownProviders: boolean;
}

export type Rule = (situation: Situation) => { mistakes?: Mistake[]; warnings?: string[] };

export const isSet = ({ sources }: Situation, ...path: string[]): boolean => get(sources.tree, path) !== undefined;

export const at = ({ sources }: Situation, path: readonly PropertyKey[], problem: string): Mistake => ({
  at: sources.nameOf(path),
  problem,
});
