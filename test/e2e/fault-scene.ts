/** One cell of the fault matrix: a fresh app in production mode, fresh vendors, and the route on which one is faulty. */

import { loadConfig } from '../../src/config/load.ts';
import type { Provider } from '../../src/sms/provider.ts';
import type { VendorName as ProviderName } from '../../src/sms/vendors.ts';
import { openProviders } from '../../src/sms/vendors.ts';
import type { RunningApp } from '../support/app.ts';
import { startProxy } from '../support/proxy.ts';
import { eventually } from '../support/wait.ts';
import type { Follower } from './fault-arrangements.ts';
import { html, type Misbehaviour } from './fault-table.ts';
import { codesTo, heal, leadingTo, loseNames, misbehave, serverOf } from './fault-vendors.ts';
import type { Stage } from './stage.ts';
import { createUser, type User } from './user.ts';
import { CALLER, PRODUCTION, startVendorFakes } from './vendor-fakes.ts';

export interface Scene {
  readonly app: RunningApp;
  readonly phone: string;
  /** The providers of the route, the faulty one first. */
  readonly route: readonly ProviderName[];
  /** The codes in the messages that each of them has read so far, in the order of the route, whatever it answered. */
  codes(): readonly (readonly string[])[];
  /** All vendors do as usual again. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

export interface SceneOptions {
  readonly vendor: ProviderName;
  /** Null: all is well with it, too. */
  readonly misbehaviour: Misbehaviour | null | ((phone: string) => Misbehaviour);
  readonly followers: readonly Follower[];
  /** Of the faulty provider. */
  readonly timeoutMs?: number;
  readonly plant?: Plant | undefined;
  /** Another app than the stage's usual one. */
  readonly start?: Stage['start'];
}

/** Puts a bug between the service and the provider at a place of the route. */
export type Plant = (provider: Provider, place: number) => Provider;

/** The shortest time-out that can be configured. */
export const SHORT_MS = 100;

/** Another vendor for each, so that every pair comes up. */
const ORDER: Readonly<Record<ProviderName, readonly ProviderName[]>> = {
  tencent: ['tencent', 'twilio', 'webhook'],
  twilio: ['twilio', 'webhook', 'tencent'],
  'twilio-verify': ['twilio-verify', 'webhook', 'twilio'],
  webhook: ['webhook', 'tencent', 'twilio'],
};
const FOLLOWERS: Readonly<Record<Follower, Misbehaviour | null>> = {
  healthy: null,
  hangs: { do: 'hang' },
  'in doubt': html(502),
  down: html(401),
};

export async function openScene(stage: Stage, options: SceneOptions): Promise<Scene> {
  const { vendor, followers, timeoutMs, plant, start = stage.start } = options;
  const phone = stage.phone();
  const misbehaviour = typeof options.misbehaviour === 'function' ? options.misbehaviour(phone) : options.misbehaviour;
  const fakes = await startVendorFakes();
  const route = ORDER[vendor].slice(0, followers.length + 1);
  const heals: (() => unknown)[] = [() => heal(fakes)];
  const closes: (() => unknown)[] = [() => fakes.stop()];
  let env: Record<string, string> = {
    ...fakes.env(...route),
    ...PRODUCTION,
    SMS_ROUTES: JSON.stringify([{ providers: route }]),
  };

  if (misbehaviour?.do === 'refuse') {
    const proxy = await startProxy({ host: '127.0.0.1', port: serverOf(fakes, vendor).port });
    proxy.refuse();
    heals.push(() => proxy.accept());
    closes.unshift(() => proxy.close());
    env = leadingTo(env, fakes, vendor, `http://127.0.0.1:${proxy.port}`);
  } else if (misbehaviour?.do === 'no_name') {
    const names = loseNames();
    heals.push(names.find);
    closes.unshift(names.restore);
    env = leadingTo(env, fakes, vendor, `http://${names.lost}:${serverOf(fakes, vendor).port}`);
  } else {
    misbehave(fakes, vendor, misbehaviour);
  }
  for (const [index, follower] of followers.entries()) {
    const name = route[index + 1];
    if (name !== undefined) misbehave(fakes, name, FOLLOWERS[follower]);
  }

  const file = timeoutMs === undefined ? '' : JSON.stringify({ [vendor]: { timeoutMs } });
  const providers = plant && (await planted({ env, file, route, plant }));
  const app = await start({ env, file, ...(providers ? { providers } : { configured: true }) });
  closes.unshift(() => app.stop());
  return {
    app,
    phone,
    route,
    codes: () => route.map((name) => codesTo(fakes, name, phone)),
    heal: async () => void (await Promise.all(heals.map((each) => each()))),
    close: async () => {
      for (const close of closes) await close();
    },
  };
}

/** The configured providers, each behind what `plant` puts there. */
async function planted({
  env,
  file,
  route,
  plant,
}: {
  env: Readonly<Record<string, string>>;
  file: string;
  route: readonly ProviderName[];
  plant: Plant;
}): Promise<Provider[]> {
  const config = loadConfig({ ...env, NODE_ENV: 'test', COUNTERSIGN_CONFIG: 'given.yaml' }, () => file);
  const opened = await openProviders(config, { now: Date.now });
  return route.map((name, place) => {
    const provider = opened.find((each) => each.provider.name === name)?.provider;
    if (provider === undefined) throw new Error(`${name} is not configured`);
    return plant(provider, place);
  });
}

/** The caller of a scene's app, asking about its phone. */
export function userOf({ app, phone }: Scene, options: { timeoutMs?: number } = {}): User {
  return createUser(app, { phone, protocol: 'grpc', token: CALLER.token, ...options });
}

/** The different codes in messages. */
export function codesIn(messages: readonly (readonly string[])[]): ReadonlySet<string> {
  return new Set(messages.flat());
}

/** What came of each provider that the service has tried. */
export function attemptsIn({ app }: Scene): string[] {
  return app.events.flatMap((event) => (event.type === 'attempt' ? [event.result] : []));
}

/** What the service tells of its first SendCode, once that is over. */
export function endOfCall({ app }: Scene) {
  return eventually('the end of SendCode', () => {
    for (const event of app.events) if (event.type === 'rpc' && event.method === 'SendCode') return event;
    return null;
  });
}
