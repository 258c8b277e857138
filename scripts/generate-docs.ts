/**
 * Writes the table of settings into docs/configuration.md, between its markers, from src/config/schema.ts.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { settingsSchema } from '../src/config/schema.ts';

/** What zod's JSON schema has of a setting, its metadata included. */
interface Node {
  readonly description?: string;
  readonly env?: string;
  readonly secret?: true | 'inside';
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly anyOf?: readonly Node[];
}

interface Row {
  readonly path: string;
  readonly node: Node;
}

const PAGE = 'docs/configuration.md';
const BEGIN = '<!-- config:begin -->';
const END = '<!-- config:end -->';
const HEAD = [
  '| Environment | File | Default | |',
  '| --- | --- | --- | --- |',
  '| `COUNTERSIGN_CONFIG` | | | Path of the YAML file; none is needed. |',
];

/** A row for each setting that has a description, in the order of the schema. */
export function configTable(): string {
  const production = new Map(rowsOf(schemaOf(true)).map(({ path, node }) => [path, node.default]));
  const rows = rowsOf(schemaOf(false)).map(({ path, node }) => {
    const usual = spell(node.default);
    const strict = spell(production.get(path));
    const value = usual === strict ? usual : `${usual}, in production ${strict}`;
    const file = node.secret === true ? '' : code(path);
    const env = variablesOf(node).map(code).join(', ');
    return `| ${env} | ${file} | ${value} | ${node.description?.replaceAll('|', '\\|')} |`;
  });
  return [...HEAD, ...rows].join('\n');
}

/** What may hold a secret can also be in a file that a second variable names. */
function variablesOf({ env, secret }: Node): string[] {
  if (env === undefined) return [];
  return secret === undefined ? [env] : [env, `${env}_FILE`];
}

function schemaOf(production: boolean): Node {
  return z.toJSONSchema(settingsSchema(production), { io: 'input' }) as Node;
}

function rowsOf(node: Node, path: readonly string[] = []): Row[] {
  const own = node.description === undefined ? [] : [{ path: path.join('.'), node }];
  const shape = node.anyOf?.find(({ properties }) => properties !== undefined) ?? node;
  const named = Object.entries(shape.properties ?? {});
  const each = typeof shape.additionalProperties === 'object' ? [['<name>', shape.additionalProperties] as const] : [];
  return [...own, ...[...named, ...each].flatMap(([key, child]) => rowsOf(child, [...path, key]))];
}

function spell(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value !== 'object') return code(String(value));
  const words = Array.isArray(value) ? value.map(String) : Object.keys(value ?? {});
  return words.map(code).join(', ');
}

function code(text: string): string {
  return `\`${text}\``;
}

/** `page` with the table between its markers. */
export function withTable(page: string): string {
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin === -1 || end < begin) throw new Error(`${PAGE} lacks ${BEGIN} and ${END}`);
  return `${page.slice(0, begin + BEGIN.length)}\n${configTable()}\n${page.slice(end)}`;
}

if (import.meta.main) {
  const file = join(import.meta.dirname, '..', PAGE);
  writeFileSync(file, withTable(readFileSync(file, 'utf8')));
}
