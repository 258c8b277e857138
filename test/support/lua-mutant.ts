/** The scripts as the tests of the store load them: with one place changed, while `npm run mutation:lua` runs. */
import { loadScripts, readScript, type Scripts } from '../../src/store/redis-scripts.ts';

export interface LuaMutant {
  /** As `loadScripts` reads it: `check`, `lib/record`. */
  readonly file: string;
  readonly text: string;
}

let mutant: LuaMutant | null = null;

export function mutateScripts(next: LuaMutant | null): void {
  mutant = next;
}

export function scriptsUnderTest(override: string, read = readScript): Scripts {
  return loadScripts({ override, read: (file) => (file === mutant?.file ? mutant.text : read(file)) });
}
