/**
 * Posts messages to a gateway of the operator's own, signed by the Standard Webhooks specification. docs/webhook.md is
 * the contract for people who write a gateway.
 */
import { createHash } from 'node:crypto';
import type { Sender } from '../../domain/routing.ts';
import type { Message, Provider } from '../provider.ts';
import { createWebhookClient } from './client.ts';
import { resultOf } from './failures.ts';
import { readReports } from './reports.ts';
import { signatureHeaders, webhookKey } from './signature.ts';

export interface WebhookOptions {
  /** `webhook` when left out. */
  readonly name?: string;
  readonly url: string;
  /** `whsec_` and base64, or any text; at least 24 bytes. */
  readonly secret: string;
  readonly maxSockets: number;
  /** Whether the gateway may report deliveries. */
  readonly reports: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Throws when the secret is not a valid one. */
export function createWebhookProvider(options: WebhookOptions): Provider {
  const { name = 'webhook', secret, reports, now } = options;
  const key = webhookKey(secret);
  const client = createWebhookClient(options);

  /** `id` is the same for every repeat, so that a gateway can do each thing once. */
  function post(id: string, content: { type: string; [field: string]: unknown }, signal: AbortSignal) {
    const at = now();
    const { type, ...fields } = content;
    const body = JSON.stringify({ type, timestamp: new Date(at).toISOString(), ...fields });
    const headers = {
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      accept: 'application/json',
      'user-agent': 'Countersign',
      ...signatureHeaders(key, { id, timestamp: Math.floor(at / 1000), body }),
    };
    return client.post({ headers, body }, signal);
  }

  return {
    name,

    async send(message, signal) {
      const posted = await post(message.sendId, { type: 'verification.code', ...fieldsOf(message) }, signal);
      return resultOf(posted, message, now());
    },

    async converted({ messageId, at }, signal) {
      const content = { type: 'verification.approved', message_id: messageId, at: new Date(at).toISOString() };
      const posted = await post(`approved_${shortened(messageId)}`, content, signal);
      if (posted.kind === 'failed') return { ok: false, vendorCode: posted.fault };
      const ok = posted.status >= 200 && posted.status < 300;
      return ok ? { ok } : { ok, vendorCode: `http_${posted.status}` };
    },

    // A gateway that passes messages on often knows only its own ids of them.
    ...(reports && { reports: { byMessageId: true, read: (request) => readReports(key, request) } }),

    close: () => client.close(),
  };
}

function fieldsOf(message: Message) {
  return {
    to: message.to,
    text: message.text,
    code: message.code,
    minutes: message.minutes,
    purpose: message.purpose,
    locale: message.locale,
    variables: message.variables,
    sender: senderOf(message.sender),
    send_id: message.sendId,
    report_token: message.reportToken,
  };
}

function senderOf(sender: Sender): Readonly<Record<string, string | undefined>> {
  const snake = (field: string) => field.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`);
  return Object.fromEntries(Object.entries(sender).map(([field, value]) => [snake(field), value]));
}

/** A signed id must not contain a full stop, but a gateway's id of a message may. */
function shortened(messageId: string): string {
  return createHash('sha256').update(messageId).digest('base64url').slice(0, 22);
}
