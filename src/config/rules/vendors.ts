/** Rules about providers: what a vendor cannot do shows at start, not in the first SMS. */
import { configuredProviders } from '../configured.ts';
import type { Mistake } from '../sources.ts';
import type { ProviderName } from '../vendors.ts';
import { at, type Rule, type Situation } from './rule.ts';

const REQUIRED = {
  twilio: ['accountSid', 'authToken'],
  tencent: ['secretId', 'secretKey', 'sdkAppId'],
  webhook: ['url', 'secret'],
} as const;
const TITLES = { twilio: 'Twilio', tencent: 'Tencent', webhook: 'webhook' } as const;

/** What one provider lacks of these settings. */
export function lacking(situation: Situation, provider: ProviderName, keys: readonly string[]): Mistake[] {
  const section: Readonly<Record<string, unknown>> = situation.settings[provider] ?? {};
  const missing = keys.filter((key) => section[key] === undefined);
  return missing.map((key) =>
    at(situation, [provider, key], `is required with the other ${TITLES[provider]} settings`),
  );
}

export const VENDOR_RULES: readonly Rule[] = [
  function vendorsAreComplete(situation) {
    const { settings } = situation;
    const mistakes = configuredProviders(settings).flatMap((each) => lacking(situation, each, REQUIRED[each]));
    if (settings.twilio?.apiKeySid !== undefined || settings.twilio?.apiKeySecret !== undefined) {
      mistakes.push(...lacking(situation, 'twilio', ['apiKeySid', 'apiKeySecret']));
    }
    return { mistakes };
  },

  function twilioTakesTheCallback(situation) {
    const { twilio = {}, callbacks } = situation.settings;
    const host = URL.parse(callbacks?.publicUrl ?? '')?.hostname ?? '';
    if (!host.includes('_') || !configuredProviders({ twilio }).includes('twilio')) return {};
    const problem = 'has an underscore in its host: Twilio refuses every message with such a URL for reports (21609)';
    return { mistakes: [at(situation, ['callbacks', 'publicUrl'], problem)] };
  },
];
