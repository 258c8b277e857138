/** A gateway of the operator's own: its settings. */
import { z } from 'zod';
import { providerBounds, url } from '../../config/values.ts';
import { vendor } from '../vendor.ts';
import { webhookKey } from './signature.ts';

/** Whether messages can be signed with this secret. */
function isSecret(value: string): boolean {
  try {
    webhookKey(value);
    return true;
  } catch {
    // The schema says which rule the secret breaks.
    return false;
  }
}

const schema = z
  .strictObject({
    url: url().optional().meta({
      env: 'SMS_WEBHOOK_URL',
      description: 'A gateway of your own that messages are posted to (docs/webhook.md).',
    }),
    secret: z
      .string()
      .max(256)
      .refine(isSecret, 'must be at least 24 bytes, in base64 after whsec_')
      .optional()
      .meta({ env: 'SMS_WEBHOOK_SECRET', secret: true, description: 'Signs the messages, and the gateway’s reports.' }),
    ...providerBounds('the gateway'),
  })
  .prefault({});

export const webhook = vendor({
  name: 'webhook',
  title: 'webhook',
  schema,
  usedWith: ['url', 'secret'],
  required: ['url', 'secret'],
  senderFields: ['from', 'messagingServiceSid', 'signName', 'templateId', 'internationalTemplateId', 'senderId'],
  defaultRank: { mainland: 9, international: 9 },
  rules: [],
  async open({ url, secret, maxConcurrent }, { now, callbackUrl }) {
    const { createWebhookProvider } = await import('./provider.ts');
    const reports = callbackUrl !== undefined;
    return createWebhookProvider({ url, secret, maxSockets: maxConcurrent, reports, now });
  },
});
