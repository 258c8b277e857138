/** The figures of the last runs as data, a file for each command: from them, and from nothing else, the pages are written. */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { BytesFigures } from './bytes-report.ts';
import type { CallsFigures } from './calls-report.ts';
import type { OverloadFigures } from './overload-report.ts';
import type { Machine } from './page.ts';
import type { PeerFigures } from './peer-report.ts';
import type { ProfileFigures } from './profile-report.ts';
import type { ProviderFigures } from './providers-report.ts';
import type { ScaleFigures } from './scale-report.ts';
import type { ScriptsFigures } from './scripts-report.ts';

export interface Figures {
  readonly calls: CallsFigures;
  readonly peer: PeerFigures;
  readonly scale: ScaleFigures;
  readonly scripts: ScriptsFigures;
  readonly bytes: BytesFigures;
  readonly overload: OverloadFigures;
  readonly profile: ProfileFigures;
  readonly providers: ProviderFigures;
}

/** Where and when a command ran. */
export interface Run {
  readonly machine: Machine;
}

const NAMES = [
  'calls',
  'profile',
  'peer',
  'scripts',
  'bytes',
  'scale',
  'overload',
  'providers',
] as const satisfies readonly (keyof Figures)[];

const pathOf = (name: keyof Figures) => fileURLToPath(new URL(`figures/${name}.json`, import.meta.url));

/** What no command has measured yet is missing. */
export function keptFigures(): Partial<Figures> {
  const kept = NAMES.filter((name) => existsSync(pathOf(name)));
  return Object.fromEntries(kept.map((name) => [name, JSON.parse(readFileSync(pathOf(name), 'utf8'))]));
}

export async function keepFigures<Name extends keyof Figures>(name: Name, figures: Figures[Name]): Promise<void> {
  await mkdir(new URL('figures/', import.meta.url), { recursive: true });
  // Five digits are more than any of them is worth.
  const rounded = (_: string, value: unknown) => (typeof value === 'number' ? Number(value.toPrecision(5)) : value);
  await writeFile(pathOf(name), `${JSON.stringify(figures, rounded, 1)}\n`);
}
