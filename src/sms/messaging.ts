/**
 * Everything between the verifier and the vendors: providers within their bounds, routes to them, and what they report
 * back.
 */

import { ConfigError } from '../config/load.ts';
import { peerBound, routesOf } from '../config/policies.ts';
import { NO_PROVIDER } from '../config/rules/production.ts';
import type { Config } from '../config/schema.ts';
import {
  BREAKER_MAX_OPEN_MS,
  BREAKER_OPEN_MS,
  DEFAULT_PROVIDER_TIMEOUT_MS,
  MESSAGING_CLOSE_MS,
} from '../domain/deadlines.ts';
import type { Keyring } from '../domain/keyring.ts';
import { createRouting, type Route } from '../domain/routing.ts';
import type { Emit } from '../event.ts';
import type { Store } from '../store/store.ts';
import { createReporting } from '../verification/delivery-report.ts';
import { createAvailability } from './availability.ts';
import { createConversions } from './conversions.ts';
import { createDispatch } from './dispatch.ts';
import { guardProvider } from './guard.ts';
import type { Provider } from './provider.ts';
import { createReportListener } from './report-listener.ts';
import { createReportPoller } from './report-poller.ts';
import { withTimeout } from './timeout.ts';
import type { OpenProvider } from './vendor.ts';
import { CONSOLE, openConsole, openProviders } from './vendors.ts';

export interface MessagingParts {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly emit: Emit;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Where the console provider prints. */
  readonly print: (line: string) => void;
  /** In place of the configured providers, in the order in which they are tried. */
  readonly providers: readonly Provider[] | undefined;
}

/** How many failures in a row open the circuit breaker, and for how long. */
export const BREAKER = { failures: 5, openMs: BREAKER_OPEN_MS, maxOpenMs: BREAKER_MAX_OPEN_MS };
const MAX_CALLBACK_BYTES = 64 * 1024;
/** The bounds of providers that have none of their own. */
const UNBOUNDED = { timeoutMs: DEFAULT_PROVIDER_TIMEOUT_MS, maxConcurrent: 10_000, pollMs: 0 };

export async function openMessaging(config: Config, parts: MessagingParts) {
  const { emit, clock, now } = parts;
  const configured = await providersOf(config, parts);
  const providers = configured.map(({ provider }) => provider);
  const names = providers.map(({ name }) => name);

  const guarded = configured.map(({ provider, timeoutMs, maxConcurrent }) =>
    guardProvider(provider, { timeoutMs, maxConcurrent, breaker: BREAKER, emit, clock }),
  );
  const byName = new Map(guarded.map((each) => [each.name, each]));
  const route = createRouting(routesTo(names, config, parts));
  const dispatch = createDispatch({ providers: byName, route, emit, clock });
  const reporting = createReporting({ store: parts.store, keyring: parts.keyring, emit });
  const conversions = createConversions({ providers, emit });
  const linked = new Set(providers.filter(({ reports }) => reports?.byMessageId).map(({ name }) => name));
  const { publicUrl, trustedProxies } = config.callbacks;
  const callbacks =
    publicUrl === undefined
      ? null
      : createReportListener({
          providers,
          publicUrl,
          trustedProxies,
          maxBodyBytes: MAX_CALLBACK_BYTES,
          perPeer: peerBound(config),
          onReport: reporting.report,
          emit,
          now,
        });
  const poller = createReportPoller({ polled: configured, onReport: reporting.report, emit });
  const expected = configured.map(({ provider: { name, reports, converted }, pollMs }) => ({
    name,
    reports: (callbacks !== null && reports?.read !== undefined) || (pollMs > 0 && reports?.poll !== undefined),
    conversions: converted !== undefined,
  }));
  const { notify: onApproved } = conversions;

  /** Never rejects. */
  async function link({ provider, messageId }: { provider: string; messageId: string }, token: string): Promise<void> {
    if (!linked.has(provider) || messageId === '') return;
    try {
      await reporting.link(provider, messageId, token);
    } catch (error) {
      emit({ type: 'reports_failed', provider, error: error as Error });
    }
  }

  return {
    /** What the verifier needs. */
    sending: { dispatch, availability: createAvailability({ providers: byName, route }), link, onApproved },
    callbacks,
    /** Which providers there are, and what is to be counted of them. */
    expected,
    /** Whether a message by this provider was only printed, so that its code may be shown to the caller. */
    prints: (provider: string) => provider === CONSOLE,
    /** No report is received or fetched any more. */
    async stopReports(graceMs: number): Promise<void> {
      await Promise.all([callbacks?.close(graceMs), withTimeout(() => poller.stop(), { timeoutMs: graceMs })]);
    },
    async close(): Promise<void> {
      await Promise.all([
        conversions.drain(MESSAGING_CLOSE_MS),
        withTimeout(() => reporting.settled(), { timeoutMs: MESSAGING_CLOSE_MS }),
      ]);
      for (const provider of providers) provider.close?.();
    },
  };
}

async function providersOf(config: Config, parts: MessagingParts): Promise<readonly OpenProvider[]> {
  if (parts.providers) return parts.providers.map((provider) => ({ provider, ...UNBOUNDED }));
  const printed = { provider: openConsole(parts.print), ...UNBOUNDED };
  if (config.sms.mockMode) return [printed];
  const opened = await openProviders(config, parts);
  if (opened.length === 0) throw new ConfigError([NO_PROVIDER]);
  // In development the code is printed even when the vendor is away.
  return config.mode === 'production' ? opened : [...opened, printed];
}

/** Providers from outside, and the console, are tried in their order wherever a message goes. */
function routesTo(names: readonly string[], config: Config, { providers }: MessagingParts): readonly Route[] {
  const printed = names.includes(CONSOLE) ? [{ provider: CONSOLE, sender: {} }] : [];
  if (providers || config.sms.mockMode) {
    return [{ countries: [], prefixes: [], hops: names.map((provider) => ({ provider, sender: {} })) }];
  }
  return routesOf(config, names).map((route) => ({ ...route, hops: [...route.hops, ...printed] }));
}
