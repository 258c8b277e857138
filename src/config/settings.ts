/** The settings that have an environment variable, read off the schema. */
import type { z } from 'zod';
import { DEVELOPMENT } from './schema.ts';

/** One setting that the environment can set. */
export interface Setting {
  readonly path: readonly string[];
  readonly env: string;
  readonly secret: boolean;
  /** Whether `<env>_FILE` may name a file that holds it: secrets, and what may have a password inside. */
  readonly fromFile: boolean;
  /** How its text in the environment is read. */
  readonly kind: 'text' | 'number' | 'switch' | 'yaml';
}

/** In the order of the schema; the same in every mode. */
export const SETTINGS: readonly Setting[] = walk(DEVELOPMENT, []);

/** Why a listener did not begin, in the words of the settings. */
export function cannotListen(listener: string, address: string, cause: Error): Error {
  const path = `listen.${listener}`;
  const setting = SETTINGS.find((each) => each.path.join('.') === path)?.env;
  // grpc-js wraps what the system says in a sentence of its own.
  const [why = cause.message] = /E[A-Z]{4,}: [a-z ]*[a-z]/.exec(cause.message) ?? [];
  return new Error(`${setting} (${path}): cannot listen on ${address}: ${why}`, { cause });
}

function walk(schema: z.ZodType, path: readonly string[]): Setting[] {
  const { env, secret } = schema.meta() ?? {};
  const bare = unwrap(schema);
  if (env !== undefined) {
    return [{ path, env, secret: secret === true, fromFile: secret !== undefined, kind: kindOf(bare.type) }];
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

/** The keys that a mapping of the settings may have; none where any name may stand, as under `purposes`. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  const bare = unwrap(schema);
  const [key, ...rest] = path;
  if (bare.type === 'object') {
    const shape = (bare as z.ZodObject).shape as Record<string, z.ZodType>;
    if (key === undefined) return Object.keys(shape);
    const field = shape[String(key)];
    return field === undefined ? [] : keysAt(field, rest);
  }
  if (key === undefined) return [];
  if (bare.type === 'record') return keysAt((bare as z.ZodRecord).valueType as z.ZodType, rest);
  return bare.type === 'array' ? keysAt((bare as z.ZodArray<z.ZodType>).element, rest) : [];
}
