/** SMS providers from the configuration. A vendor's SDK is loaded only when the vendor is configured. */
import type { Config } from '../config/load.ts';
import type { Provider } from './provider.ts';

export interface ProviderParts {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** A provider and how much of it may be used at once. */
export interface ConfiguredProvider {
  readonly provider: Provider;
  readonly timeoutMs: number;
  readonly maxConcurrent: number;
}

/** In the order of their names. Reject when a vendor's SDK refuses its settings. */
export async function openProviders(config: Config, parts: ProviderParts): Promise<readonly ConfiguredProvider[]> {
  const opened = await Promise.all([openTencent(config, parts), openTwilio(config), openWebhook(config, parts)]);
  return opened.filter((each) => each !== null);
}

async function openTencent(
  { tencent, sms, callbacks }: Config,
  { now }: ProviderParts,
): Promise<ConfiguredProvider | null> {
  const {
    secretId,
    secretKey,
    sdkAppId,
    timeoutMs,
    maxConcurrent,
    callbackToken,
    callbackAddresses,
    templates,
    ...rest
  } = tencent;
  if (secretId === undefined || secretKey === undefined || sdkAppId === undefined) return null;
  const { createTencentProvider } = await import('./tencent/provider.ts');
  const reported = callbacks.publicUrl !== undefined && callbackToken !== undefined;
  const provider = createTencentProvider({
    ...present(rest),
    secretId,
    secretKey,
    sdkAppId,
    templates: templates.map(present),
    brand: sms.brand,
    failOverBlocked: sms.failOverBlocked,
    pull: tencent.pullSeconds > 0,
    ...(reported && { callback: { path: `/${callbackToken}`, addresses: callbackAddresses } }),
    now,
  });
  return { provider, timeoutMs, maxConcurrent };
}

async function openTwilio({ twilio, sms, callbacks }: Config): Promise<ConfiguredProvider | null> {
  const { accountSid, authToken, apiKeySid: sid, apiKeySecret: secret, phoneNumber: from, ...rest } = twilio;
  const { timeoutMs, maxConcurrent } = rest;
  if (accountSid === undefined || authToken === undefined) return null;
  const { createTwilioProvider } = await import('./twilio/provider.ts');
  const provider = createTwilioProvider({
    ...present({ ...rest, from }),
    accountSid,
    authToken,
    ...(sid !== undefined && secret !== undefined && { apiKey: { sid, secret } }),
    maxSockets: maxConcurrent,
    ...(callbacks.publicUrl !== undefined && { statusCallback: `${callbacks.publicUrl.replace(/\/+$/, '')}/twilio` }),
    failOverBlocked: sms.failOverBlocked,
  });
  return { provider, timeoutMs, maxConcurrent };
}

async function openWebhook({ webhook, callbacks }: Config, { now }: ProviderParts): Promise<ConfiguredProvider | null> {
  const { url, secret, timeoutMs, maxConcurrent } = webhook;
  if (url === undefined || secret === undefined) return null;
  const { createWebhookProvider } = await import('./webhook/provider.ts');
  const reports = callbacks.publicUrl !== undefined;
  const provider = createWebhookProvider({ url, secret, maxSockets: maxConcurrent, reports, now });
  return { provider, timeoutMs, maxConcurrent };
}

/** Without the settings that are not set. */
function present<T extends object>(settings: T): Present<T> {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Present<T>;
}

type Present<T> = {
  [Key in keyof T as undefined extends T[Key] ? never : Key]: T[Key];
} & { [Key in keyof T as undefined extends T[Key] ? Key : never]?: Exclude<T[Key], undefined> };
