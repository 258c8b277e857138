/** The scripts as the tests of the store load them: with one line changed, while `npm run mutation:lua` runs. */
import { inject } from 'vitest';
import { loadScripts, readScript, type Scripts } from '../../src/store/redis-scripts.ts';

export interface LuaMutant {
  /** As `loadScripts` reads it: `check`, `lib/record`. */
  readonly file: string;
  readonly text: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    luaMutant?: LuaMutant;
  }
}

export function scriptsUnderTest(override: string): Scripts {
  const mutant = inject('luaMutant');
  return loadScripts({ override, read: (file) => (file === mutant?.file ? mutant.text : readScript(file)) });
}
