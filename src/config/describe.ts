import { Document, isCollection, isPair, isScalar, type Node, visit } from 'yaml';
import type { Route } from '../domain/routing.ts';
import { usedVendors } from '../sms/vendors.ts';
import { routesOf } from './policies.ts';
import type { Config } from './schema.ts';
import { SETTINGS } from './settings.ts';
import type { Sources } from './sources.ts';
import { get, isMapping } from './tree.ts';

const MASK = '(masked)';

/**
 * The effective configuration as YAML in the shape of the file, with the routes in effect and, as comments, where each
 * value comes from. Secrets are masked.
 */
export function describeConfig(config: Config, sources: Sources): string {
  const { warnings, ...settings } = structuredClone(config) as Record<string, unknown>;
  mask(settings);
  if (config.routes.length === 0) settings.routes = defaultRoutes(config);
  const document = new Document(settings);
  visit(document, {
    Pair(_, pair, ancestors) {
      const path = [...ancestors.filter(isPair), pair].map(({ key }) => (isScalar(key) ? String(key.value) : ''));
      const value = pair.value as Node;
      // A list has one origin for all of it.
      if (!isScalar(value) && !(isCollection(value) && value.items.some((item) => !isPair(item)))) return undefined;
      const origin = ` ${sources.originOf(path)}${path[0] === 'routes' && config.sms.mockMode ? NOT_USED : ''}`;
      if (isScalar(value)) value.comment = origin;
      else value.commentBefore = origin;
      return visit.SKIP;
    },
  });
  return document.toString({ lineWidth: 0 });
}

const NOT_USED = '; not used while SMS_MOCK_MODE is on: messages are printed';

/** Those of the configured vendors, as an operator would write them. */
function defaultRoutes(config: Config): unknown[] {
  const names = usedVendors(config).map(({ name }) => name);
  return routesOf(config, names)
    .filter(({ hops }) => hops.length > 0)
    .map(({ countries, hops }: Route) => ({
      ...(countries.length > 0 && { countries }),
      providers: hops.map(({ provider }) => provider),
    }));
}

function mask(settings: Record<string, unknown>): void {
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
}
