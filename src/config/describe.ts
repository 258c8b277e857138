import { stringify } from 'yaml';
import type { Config } from './schema.ts';
import { SETTINGS } from './sources.ts';
import { get, isMapping } from './tree.ts';

const MASK = '(masked)';

/** The effective configuration as YAML in the shape of the file. Secrets are masked. */
export function describeConfig(config: Config): string {
  const { warnings, ...settings } = structuredClone(config) as Record<string, unknown>;
  for (const { path, secret } of SETTINGS) {
    const parent = get(settings, path.slice(0, -1));
    const key = path.at(-1);
    if (secret && isMapping(parent) && key !== undefined && key in parent) parent[key] = MASK;
  }
  const { redis, callers, testNumbers } = settings as {
    redis: { url?: string };
    callers: Record<string, { tokens: string[] }>;
    testNumbers: Record<string, { code: string }>;
  };
  if (redis.url !== undefined) redis.url = redis.url.replaceAll(/\/\/([^:@/]*):[^@]*@/g, `//$1:${MASK}@`);
  // Enough to tell two hashes apart, but too little to test guessed tokens offline.
  for (const caller of Object.values(callers)) caller.tokens = caller.tokens.map((hash) => `${hash.slice(0, 8)}…`);
  for (const number of Object.values(testNumbers)) number.code = MASK;
  return stringify(settings, { lineWidth: 0 });
}
