/**
 * Posts messages to a gateway of the operator's own, signed by the Standard Webhooks specification. docs/webhook.md is
 * the contract for people who write a gateway.
 */
import { createHash } from 'node:crypto';
import type { Sender } from '../../domain/routing.ts';
import type { Conversion, Message, Provider } from '../provider.ts';
import { createWebhookClient, type WebhookClient } from './client.ts';
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

/** As many as a report of the gateway may have (docs/webhook.md). */
const MAX_APPROVALS = 100;
/** For approvals: 4,000 a second to a gateway that takes 200 ms. */
const APPROVAL_SOCKETS = 8;

/** Throws when the secret is not a valid one. */
export function createWebhookProvider(options: WebhookOptions): Provider {
  const { name = 'webhook', url, secret, reports, now } = options;
  const key = webhookKey(secret);
  const messages = createWebhookClient(options);
  // On connections of their own: a gateway that hangs on approvals keeps no message waiting.
  const approvals = createWebhookClient({ url, maxSockets: APPROVAL_SOCKETS });

  /** `id` is the same for every repeat, so that a gateway can do each thing once. */
  function post(client: WebhookClient, { id, type, ...fields }: Content, signal: AbortSignal) {
    const at = now();
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
      const content = { id: message.sendId, type: 'verification.code', ...fieldsOf(message) };
      const posted = await post(messages, content, signal);
      return resultOf(posted, message, now());
    },

    conversionsAtOnce: MAX_APPROVALS,
    async converted(conversions, signal) {
      const told = conversions.map(approvalOf);
      const content = { id: `approved_${digestOf(told)}`, type: 'verification.approved', approvals: told };
      const posted = await post(approvals, content, signal);
      if (posted.kind === 'failed') return { ok: false, vendorCode: posted.fault };
      const ok = posted.status >= 200 && posted.status < 300;
      return ok ? { ok } : { ok, vendorCode: `http_${posted.status}` };
    },

    // A gateway that passes messages on often knows only its own ids of them.
    ...(reports && { reports: { byMessageId: true, read: (request) => readReports(key, request) } }),

    close() {
      messages.close();
      approvals.close();
    },
  };
}

interface Content {
  readonly id: string;
  readonly type: string;
  readonly [field: string]: unknown;
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

function approvalOf({ messageId, at }: Conversion) {
  return { message_id: messageId, at: new Date(at).toISOString() };
}

/** What is told at once is told once: a digest of it is an id, and has no full stop, which a signed id must not contain. */
function digestOf(approvals: readonly object[]): string {
  return createHash('sha256').update(JSON.stringify(approvals)).digest('base64url').slice(0, 22);
}
