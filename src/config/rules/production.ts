/** Rules that span several sections. Each looks only at sections that are well-formed by themselves. */
import { createKeyring } from '../../domain/keyring.ts';
import { usedVendors } from '../../sms/vendors.ts';
import { addressOf, isLoopback } from '../address.ts';
import type { Mistake } from '../mistakes.ts';
import { get } from '../tree.ts';
import { ROUTE_RULES } from './routes.ts';
import { at, isSet, type Rule, type Situation } from './rule.ts';
import { TEST_NUMBER_RULES } from './test-numbers.ts';
import { TEXT_RULES } from './texts.ts';
import { VENDOR_RULES } from './vendors.ts';

export const NO_PROVIDER: Mistake = { at: 'sms', problem: 'no SMS provider configured' };

export interface Findings {
  readonly mistakes: readonly Mistake[];
  /** What works, but hardly as intended. */
  readonly warnings: readonly string[];
}

export function applyRules(situation: Situation): Findings {
  const findings = RULES.map((rule) => rule(situation));
  return {
    mistakes: findings.flatMap(({ mistakes = [] }) => mistakes),
    warnings: findings.flatMap(({ warnings = [] }) => warnings),
  };
}

const RULES: readonly Rule[] = [
  function stateIsKept(situation) {
    if (!isSet(situation, 'redis', 'url')) {
      const idle = ['username', 'password', 'caFile'].filter((key) => isSet(situation, 'redis', key));
      if (situation.settings.redis?.cluster) idle.push('cluster');
      const mistakes = idle.map((key) => at(situation, ['redis', key], 'is set without REDIS_URL'));
      if (!situation.production) return { mistakes };
      return { mistakes: [...mistakes, at(situation, ['redis', 'url'], 'is required in production')] };
    }
    const { redis } = situation.settings;
    if (redis?.url === undefined || redis.cluster || !redis.url.includes(',')) return {};
    return { mistakes: [at(situation, ['redis', 'url'], 'names several servers, but REDIS_CLUSTER is not on')] };
  },

  function keysAreKept(situation) {
    if (isSet(situation, 'secret', 'current')) return { mistakes: keyringMistakes(situation) };
    if (situation.production) return { mistakes: [at(situation, ['secret', 'current'], 'is required in production')] };
    if (!isSet(situation, 'redis', 'url')) return {};
    return {
      warnings: [
        'COUNTERSIGN_SECRET is not set: the keys change at every start, so codes and limits in Redis are lost with them',
      ],
    };
  },

  function messagesAreSent(situation) {
    const { production, ownProviders } = situation;
    const mock = get(situation.sources.tree, ['sms', 'mockMode']);
    const mistakes: Mistake[] = [];
    if (production && mock === true) mistakes.push(at(situation, ['sms', 'mockMode'], 'must be off in production'));
    const configured = usedVendors(situation.sources.tree).map(({ name }) => name);
    const mocked = !production && mock !== false;
    if (!ownProviders && configured.length === 0 && !mocked) mistakes.push(NO_PROVIDER);
    const idle = mocked && !ownProviders ? configured : [];
    return {
      mistakes,
      warnings: idle.map((provider) => `${provider} is set, but messages are printed: SMS_MOCK_MODE is not off`),
    };
  },

  function callersAreKnown(situation) {
    const { callers, purposes, listen } = situation.settings;
    if (callers === undefined) return {};
    const mistakes: Mistake[] = [];
    if (Object.keys(callers).length === 0) {
      if (situation.production) mistakes.push(at(situation, ['callers'], 'is required in production'));
      for (const listener of ['grpc', 'http'] as const) {
        if (situation.production || listen === undefined || isLoopback(addressOf(listen[listener]))) continue;
        const problem = 'is not a loopback address, and without COUNTERSIGN_CALLERS anybody could call';
        mistakes.push(at(situation, ['listen', listener], problem));
      }
    }
    const owners = new Map<string, string>();
    for (const [name, caller] of Object.entries(callers)) {
      for (const [index, token] of caller.tokens.entries()) {
        if (owners.has(token))
          mistakes.push(at(situation, ['callers', name, 'tokens', index], 'is the same as another token'));
        owners.set(token, name);
      }
      for (const [index, purpose] of (caller.purposes ?? []).entries()) {
        if (purposes === undefined || Object.hasOwn(purposes, purpose)) continue;
        mistakes.push(at(situation, ['callers', name, 'purposes', index], 'is not one of the purposes'));
      }
    }
    return { mistakes };
  },

  function guessesAddUp(situation) {
    const rows = Object.entries(situation.settings.purposes ?? {});
    const wrong = rows.filter(([, { guesses, guessesByPhone }]) => (guessesByPhone ?? 0) > guesses);
    return {
      mistakes: wrong.map(([name]) => at(situation, ['purposes', name, 'guessesByPhone'], 'must not exceed `guesses`')),
    };
  },

  function listenersDiffer(situation) {
    const { listen, callbacks } = situation.settings;
    const seen = new Set<string>();
    const mistakes: Mistake[] = [];
    for (const [listener, address] of Object.entries(listen ?? {})) {
      if (listener === 'callbacks' && callbacks?.publicUrl === undefined) continue;
      if (seen.has(address)) mistakes.push(at(situation, ['listen', listener], 'is the address of another listener'));
      if (addressOf(address).port !== 0) seen.add(address);
    }
    return { mistakes };
  },

  ...VENDOR_RULES,
  ...ROUTE_RULES,
  ...TEST_NUMBER_RULES,
  ...TEXT_RULES,
];

/** What only shows once keys are derived: two secrets whose ids could not be told apart. */
function keyringMistakes(situation: Situation): Mistake[] {
  const { current, previous } = situation.settings.secret ?? {};
  if (current === undefined || previous === undefined) return [];
  try {
    createKeyring({ current: Buffer.from(current), previous: Buffer.from(previous) });
    return [];
  } catch (error) {
    return [at(situation, ['secret', 'current'], error instanceof Error ? error.message : 'is not usable')];
  }
}
