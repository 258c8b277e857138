/** Reads the settings: the YAML file, then the environment, which wins. Only the syntax is checked here. */
import { parse as parseYaml, YAMLError } from 'yaml';
import type { Mistake } from './mistakes.ts';
import { unknownVariables } from './names.ts';
import { SETTINGS, type Setting } from './settings.ts';
import { get, isMapping, set, spell } from './tree.ts';

export interface Sources {
  /** All settings in the shape of the file, those from the environment included. */
  readonly tree: Record<string, unknown>;
  /** How the operator knows a place in the tree: the variable that set it, or its path in the file. */
  nameOf(path: readonly PropertyKey[]): string;
  /** Where the value at a place comes from: its variable, `<file>:<path>`, or `default`. */
  originOf(path: readonly PropertyKey[]): string;
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

/** Reads the file that COUNTERSIGN_CONFIG names, if it names one, and lays the environment over it. */
export function readSources(env: Env, readFile: ReadFile): Sources {
  const mistakes: Mistake[] = unknownVariables(env);
  const tree = readTree(env, readFile, mistakes);
  for (const { path, env: name, secret, fromFile } of SETTINGS) {
    const inFile = fromFile ? get(tree, path) : undefined;
    if (inFile === undefined || !(secret || hasPassword(inFile))) continue;
    const what = secret ? 'belongs' : 'has a password, which belongs';
    mistakes.push({ at: path.join('.'), problem: `${what} in the environment: set ${name} or ${name}_FILE instead` });
    set(tree, path, undefined);
  }
  const written = structuredClone(tree);
  const fromEnv = new Map<string, string>();
  for (const setting of SETTINGS) {
    const variable = readVariable(setting, { env, readFile, mistakes });
    if (variable === null) continue;
    fromEnv.set(setting.path.join('.'), variable.name);
    set(tree, setting.path, readValue(setting, variable.value, mistakes));
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
  function originOf(path: readonly PropertyKey[]): string {
    for (let length = path.length; length > 0; length--) {
      const variable = fromEnv.get(path.slice(0, length).join('.'));
      if (variable !== undefined) return variable;
    }
    return get(written, path) === undefined ? 'default' : `${env.COUNTERSIGN_CONFIG}:${spell(path).slice(1)}`;
  }
  return { tree, mistakes, nameOf, originOf };
}

/** Its variable, or the content of the file that `<variable>_FILE` names. Null when neither is set, or there is a mistake. */
function readVariable(
  { env: name, fromFile }: Setting,
  { env, readFile, mistakes }: { env: Env; readFile: ReadFile; mistakes: Mistake[] },
): { name: string; value: string } | null {
  // An empty variable counts as unset: compose files and charts pass empty ones on.
  const value = env[name] || undefined;
  const fileName = `${name}_FILE`;
  const path = fromFile ? env[fileName] || undefined : undefined;
  if (path === undefined) return value === undefined ? null : { name, value };
  if (value !== undefined) {
    mistakes.push({ at: fileName, problem: `is set beside ${name}: only one of them can count` });
    return null;
  }
  const content = attempt(fileName, () => readFile(path), mistakes);
  if (typeof content !== 'string') return null;
  // Editors and `echo` end a file with a line break that is no part of the secret.
  const text = content.replace(/\r?\n$/, '');
  if (text !== '') return { name: fileName, value: text };
  mistakes.push({ at: fileName, problem: 'names an empty file' });
  return null;
}

/** Whether a URL, or one of several, has a password in it. */
function hasPassword(value: unknown): boolean {
  return typeof value === 'string' && value.split(',').some((part) => (URL.parse(part.trim())?.password ?? '') !== '');
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
