/** Reads the settings: the YAML file, then the environment, which wins. Only the syntax is checked here. */
import { parse as parseYaml, YAMLError } from 'yaml';
import type { z } from 'zod';
import type { Mistake } from './mistakes.ts';
import { DEVELOPMENT } from './schema.ts';
import { get, isMapping, set, spell } from './tree.ts';

/** One setting that the environment can set. */
export interface Setting {
  readonly path: readonly string[];
  readonly env: string;
  readonly secret: boolean;
  /** How its text in the environment is read. */
  readonly kind: 'text' | 'number' | 'switch' | 'yaml';
}

export interface Sources {
  /** All settings in the shape of the file, those from the environment included. */
  readonly tree: Record<string, unknown>;
  /** How the operator knows a place in the tree: the variable that set it, or its path in the file. */
  nameOf(path: readonly PropertyKey[]): string;
  readonly mistakes: readonly Mistake[];
}

export type Env = Readonly<Record<string, string | undefined>>;
export type ReadFile = (path: string) => string;

const SWITCH: Readonly<Record<string, boolean>> = {
  true: true,
  false: false,
  on: true,
  off: false,
  yes: true,
  no: false,
  '1': true,
  '0': false,
};

/** The settings that have an environment variable, in the order of the schema; the same in every mode. */
export const SETTINGS: readonly Setting[] = walk(DEVELOPMENT, []);

function walk(schema: z.ZodType, path: readonly string[]): Setting[] {
  const meta = schema.meta() ?? {};
  const bare = unwrap(schema);
  if (meta.env !== undefined) {
    return [{ path, env: meta.env, secret: meta.secret === true, kind: kindOf(bare.type) }];
  }
  if (bare.type !== 'object') return [];
  return Object.entries((bare as z.ZodObject).shape).flatMap(([key, field]) =>
    walk(field as z.ZodType, [...path, key]),
  );
}

function unwrap(schema: z.ZodType): z.ZodType {
  let bare = schema;
  while (bare.type === 'default' || bare.type === 'prefault' || bare.type === 'optional' || bare.type === 'nullable') {
    bare = (bare as z.ZodOptional<z.ZodType>).unwrap();
  }
  return bare;
}

function kindOf(type: string): Setting['kind'] {
  if (type === 'number') return 'number';
  if (type === 'boolean') return 'switch';
  return type === 'record' || type === 'array' ? 'yaml' : 'text';
}

/** Reads the file that COUNTERSIGN_CONFIG names, if it names one, and lays the environment over it. */
export function readSources(env: Env, readFile: ReadFile): Sources {
  const mistakes: Mistake[] = [];
  const tree = readTree(env, readFile, mistakes);
  for (const setting of SETTINGS.filter(({ secret, path }) => secret && get(tree, path) !== undefined)) {
    mistakes.push({ at: setting.path.join('.'), problem: `belongs in the environment: set ${setting.env} instead` });
    set(tree, setting.path, undefined);
  }
  const fromEnv = new Map<string, string>();
  for (const setting of SETTINGS) {
    const value = env[setting.env];
    // An empty variable counts as unset: compose files and charts pass empty ones on.
    if (value === undefined || value === '') continue;
    fromEnv.set(setting.path.join('.'), setting.env);
    set(tree, setting.path, readValue(setting, value, mistakes));
  }
  const envOf = new Map(SETTINGS.map((setting) => [setting.path.join('.'), setting.env]));
  function nameOf(path: readonly PropertyKey[]): string {
    if (path[0] === 'testNumbers' && path.length > 1) return nameOf(['testNumbers']) + spellNumber(tree, path.slice(1));
    for (let length = path.length; length > 0; length--) {
      const key = path.slice(0, length).join('.');
      const variable =
        fromEnv.get(key) ?? (get(tree, path.slice(0, length)) === undefined ? envOf.get(key) : undefined);
      if (variable !== undefined) return variable + spell(path.slice(length));
    }
    return spell(path).replace(/^\./, '');
  }
  return { tree, mistakes, nameOf };
}

/** Names a test number by its position: the phone number itself must not appear in a message. */
function spellNumber(tree: unknown, [number, ...rest]: readonly PropertyKey[]): string {
  const position = Object.keys(get(tree, ['testNumbers']) ?? {}).indexOf(String(number)) + 1;
  const [field] = rest.filter((key) => /^[a-z]+$/i.test(String(key)));
  return `: number ${position}${field === undefined ? '' : `: ${String(field)}`}`;
}

function readTree(env: Env, readFile: ReadFile, mistakes: Mistake[]): Record<string, unknown> {
  const file = env.COUNTERSIGN_CONFIG;
  if (file === undefined || file === '') return {};
  const parsed = attempt('COUNTERSIGN_CONFIG', () => parseYaml(readFile(file)) ?? {}, mistakes);
  if (parsed === undefined) return {};
  if (!isMapping(parsed)) {
    mistakes.push({ at: 'COUNTERSIGN_CONFIG', problem: 'the file must hold a YAML mapping' });
    return {};
  }
  // A section name with nothing under it is an empty section.
  return Object.fromEntries(Object.entries(parsed).filter(([, section]) => section !== null));
}

function readValue({ kind, env }: Setting, value: string, mistakes: Mistake[]): unknown {
  switch (kind) {
    case 'text':
      return value;
    case 'number':
      return /^-?\d+$/.test(value.trim()) ? Number(value) : value;
    case 'switch':
      return SWITCH[value.trim().toLowerCase()] ?? value;
    case 'yaml':
      return attempt(env, () => parseYaml(value), mistakes);
  }
}

/** Explains an error of the parser or the file system by its code only: its text may quote secrets from the file. */
function attempt(at: string, read: () => unknown, mistakes: Mistake[]): unknown {
  try {
    return read();
  } catch (error) {
    mistakes.push({ at, problem: explain(error) });
    return undefined;
  }
}

function explain(error: unknown): string {
  if (error instanceof YAMLError) {
    const place = error.linePos?.[0];
    return `is not valid YAML (${error.code}${place ? ` at line ${place.line}, column ${place.col}` : ''})`;
  }
  const code = error instanceof Error && 'code' in error ? ` (${String(error.code)})` : '';
  return `cannot be read${code}`;
}
