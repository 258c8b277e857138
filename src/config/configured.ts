/** Which providers are meant to be used. */
import { get } from './sources.ts';
import { PROVIDERS, type ProviderName } from './vendors.ts';

const KEYS = {
  twilio: ['accountSid', 'authToken', 'apiKeySid', 'apiKeySecret', 'phoneNumber', 'messagingServiceSid'],
  tencent: ['secretId', 'secretKey', 'sdkAppId', 'signName', 'templateId', 'internationalTemplateId'],
  webhook: ['url', 'secret'],
} as const;

/** Those of which at least one setting is there, well-formed or not. `sections` are settings, or what they are read from. */
export function configuredProviders(sections: object): ProviderName[] {
  return PROVIDERS.filter((provider) => {
    const templates = get(sections, [provider, 'templates']);
    if (provider === 'tencent' && Array.isArray(templates) && templates.length > 0) return true;
    return KEYS[provider].some((key) => get(sections, [provider, key]) !== undefined);
  });
}
