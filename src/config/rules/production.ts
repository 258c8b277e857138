/** Rules about the service itself: what production demands, and settings that must agree. */
import { createKeyring } from '../../domain/keyring.ts';
import { usedVendors } from '../../sms/vendors.ts';
import { addressOf, isLoopback } from '../address.ts';
import type { Mistake } from '../mistakes.ts';
import { get } from '../tree.ts';
import { isSet, mistakeAt, type Rule, type RuleContext } from './rule.ts';

export const NO_PROVIDER: Mistake = { at: 'sms', problem: 'no SMS provider configured' };

export const SERVICE_RULES: readonly Rule[] = [
  function stateIsKept(context) {
    if (!isSet(context, 'redis', 'url')) {
      const idle = ['username', 'password', 'caFile'].filter((key) => isSet(context, 'redis', key));
      if (context.settings.redis?.cluster) idle.push('cluster');
      const mistakes = idle.map((key) => mistakeAt(context, ['redis', key], 'is set without REDIS_URL'));
      if (!context.production) return { mistakes };
      return { mistakes: [...mistakes, mistakeAt(context, ['redis', 'url'], 'is required in production')] };
    }
    const { redis } = context.settings;
    if (redis?.url === undefined || redis.cluster || !redis.url.includes(',')) return {};
    return { mistakes: [mistakeAt(context, ['redis', 'url'], 'names several servers, but REDIS_CLUSTER is not on')] };
  },

  function keysAreKept(context) {
    if (isSet(context, 'secret', 'current')) return { mistakes: keyringMistakes(context) };
    if (context.production)
      return { mistakes: [mistakeAt(context, ['secret', 'current'], 'is required in production')] };
    if (!isSet(context, 'redis', 'url')) return {};
    return {
      warnings: [
        'COUNTERSIGN_SECRET is not set: the keys change at every start, so codes and limits in Redis are lost with them',
      ],
    };
  },

  function messagesAreSent(context) {
    const { production, ownProviders } = context;
    const mock = get(context.sources.tree, ['sms', 'mockMode']);
    const mistakes: Mistake[] = [];
    if (production && mock === true)
      mistakes.push(mistakeAt(context, ['sms', 'mockMode'], 'must be off in production'));
    const configured = usedVendors(context.sources.tree).map(({ name }) => name);
    const mocked = !production && mock !== false;
    if (!ownProviders && configured.length === 0 && !mocked) mistakes.push(NO_PROVIDER);
    const idle = mocked && !ownProviders ? configured : [];
    return {
      mistakes,
      warnings: idle.map((provider) => `${provider} is set, but messages are printed: SMS_MOCK_MODE is not off`),
    };
  },

  /** Else every SMS would name a program that its reader has never heard of. */
  function senderIsNamed(context) {
    if (!context.production || isSet(context, 'sms', 'brand')) return {};
    return { mistakes: [mistakeAt(context, ['sms', 'brand'], 'is required in production')] };
  },

  function callersAreKnown(context) {
    const { callers, purposes, listen } = context.settings;
    if (callers === undefined) return {};
    const mistakes: Mistake[] = [];
    if (Object.keys(callers).length === 0) {
      if (context.production) mistakes.push(mistakeAt(context, ['callers'], 'is required in production'));
      for (const listener of ['grpc', 'http'] as const) {
        if (context.production || listen === undefined || isLoopback(addressOf(listen[listener]))) continue;
        const problem = 'is not a loopback address, and without COUNTERSIGN_CALLERS anybody could call';
        mistakes.push(mistakeAt(context, ['listen', listener], problem));
      }
    }
    const owners = new Map<string, string>();
    for (const [name, caller] of Object.entries(callers)) {
      for (const [index, token] of caller.tokens.entries()) {
        if (owners.has(token))
          mistakes.push(mistakeAt(context, ['callers', name, 'tokens', index], 'is the same as another token'));
        owners.set(token, name);
      }
      for (const [index, purpose] of (caller.purposes ?? []).entries()) {
        if (purposes === undefined || Object.hasOwn(purposes, purpose)) continue;
        mistakes.push(mistakeAt(context, ['callers', name, 'purposes', index], 'is not one of the purposes'));
      }
    }
    return { mistakes };
  },

  function tokensAreSecret(context) {
    const { callers = {} } = context.settings;
    const problemOf = (token: string) => {
      if (token === EMPTY_TOKEN) return 'is the SHA-256 of nothing: the token was empty';
      return context.production && token === PUBLISHED_TOKEN
        ? 'is the token of compose.yaml, which everybody knows'
        : null;
    };
    const mistakes = Object.entries(callers).flatMap(([name, { tokens }]) =>
      tokens.flatMap((token, index) => {
        const problem = problemOf(token);
        return problem === null ? [] : [mistakeAt(context, ['callers', name, 'tokens', index], problem)];
      }),
    );
    return { mistakes };
  },

  /** A limit that a longer window reaches first never counts. */
  function windowsGrow(context) {
    const windows = Object.entries(context.settings.limits?.windows ?? {}).flatMap(([name, row]) =>
      row === null ? [] : [{ name, ...row }],
    );
    const warnings = windows.flatMap((short) => {
      const long = windows.find(({ seconds, limit }) => seconds > short.seconds && limit < short.limit);
      if (long === undefined) return [];
      const place = context.sources.nameOf(['limits', 'windows', short.name, 'limit']);
      return [`${place}: ${short.limit} are never reached: ${long.name} allows ${long.limit} in a longer time`];
    });
    return { warnings };
  },

  function guessesAddUp(context) {
    const rows = Object.entries(context.settings.purposes ?? {});
    const wrong = rows.filter(([, { guesses, guessesByPhone }]) => (guessesByPhone ?? 0) > guesses);
    return {
      mistakes: wrong.map(([name]) =>
        mistakeAt(context, ['purposes', name, 'guessesByPhone'], 'must not exceed `guesses`'),
      ),
    };
  },

  function listenersDiffer(context) {
    const { listen, callbacks } = context.settings;
    const seen = new Set<string>();
    const mistakes: Mistake[] = [];
    for (const [listener, address] of Object.entries(listen ?? {})) {
      if (listener === 'callbacks' && callbacks?.publicUrl === undefined) continue;
      if (seen.has(address))
        mistakes.push(mistakeAt(context, ['listen', listener], 'is the address of another listener'));
      if (addressOf(address).port !== 0) seen.add(address);
    }
    return { mistakes };
  },
];

/** SHA-256 of an empty text, as `printf %s "$TOKEN" | sha256sum` makes it where TOKEN is not set. */
const EMPTY_TOKEN = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
/** SHA-256 of `countersign-developer`. */
const PUBLISHED_TOKEN = 'c17699cf1c46923dab8476f77a9ae57fce7fbd79a4874e39cbc0d81258c09c49';

/** Two secrets may derive the same key id byte, so that their verification ids could not be told apart. */
function keyringMistakes(context: RuleContext): Mistake[] {
  const { current, previous } = context.settings.secret ?? {};
  if (current === undefined || previous === undefined) return [];
  try {
    createKeyring({ current: Buffer.from(current), previous: Buffer.from(previous) });
    return [];
  } catch (error) {
    return [mistakeAt(context, ['secret', 'current'], error instanceof Error ? error.message : 'is not usable')];
  }
}
