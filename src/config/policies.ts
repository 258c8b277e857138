/** The configuration in the domain's terms. */
import type { Config } from '../config.ts';
import type { NumberType, PhonePolicy } from '../domain/phone.ts';
import type { LimitPolicy, PurposePolicy } from '../domain/policy.ts';
import type { CallerConfig } from '../rpc/auth.ts';

export function purposePolicies(config: Config): ReadonlyMap<string, PurposePolicy> {
  const rows = Object.entries(config.purposes).map(([name, { expirySeconds, ...purpose }]): PurposePolicy => {
    return { name, lifeMs: expirySeconds * 1000, ...purpose };
  });
  return new Map(rows.map((row) => [row.name, row]));
}

export function limitPolicy({ limits }: Config): LimitPolicy {
  return {
    cooldownMs: limits.resendIntervalSeconds * 1000,
    windows: Object.entries(limits.windows).flatMap(([name, row]) =>
      row === null ? [] : [{ name, limit: row.limit, windowMs: row.seconds * 1000 }],
    ),
  };
}

export function phonePolicy({ phones }: Config): PhonePolicy {
  const refusedTypes = new Set<NumberType>();
  if (phones.refuseLandline) refusedTypes.add('landline');
  if (phones.refuseVoip) refusedTypes.add('voip');
  return { defaultRegion: phones.defaultRegion, refusedTypes };
}

export function callerConfigs({ callers }: Config): readonly CallerConfig[] {
  return Object.entries(callers).map(([name, { tokens, purposes }]) => ({
    name,
    tokenHashes: tokens,
    purposes: purposes ?? 'all',
  }));
}
