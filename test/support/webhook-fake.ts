/** A gateway as docs/webhook.md describes it, on loopback. It checks signatures by the specification, not by our code. */
import { createHmac } from 'node:crypto';
import { type Behaviour, json, startVendorServer, type VendorRequest, type VendorServer } from './vendor-server.ts';

export interface WebhookFake extends VendorServer {
  /** SMS that went out: a message that comes again under its id goes out once. */
  readonly messages: readonly GatewayMessage[];
  /** Message ids whose code was entered. */
  readonly approvals: readonly string[];
  /** Requests that were refused for their signature. */
  readonly forged: number;
  /** Posts reports to the callback listener, signed unless told otherwise. */
  report(url: string, reports: readonly object[], as?: ReportOptions): Promise<Response>;
}

export interface GatewayMessage {
  readonly to: string;
  readonly text: string;
  readonly code: string;
  readonly send_id: string;
  readonly report_token: string;
  readonly message_id: string;
  readonly [field: string]: unknown;
}

export interface ReportOptions {
  readonly secret?: string;
  readonly id?: string;
  /** Seconds since the epoch. */
  readonly at?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WebhookFakeOptions {
  readonly secret: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export async function startWebhookFake({ secret, now = Date.now }: WebhookFakeOptions): Promise<WebhookFake> {
  const messages = new Map<string, GatewayMessage>();
  const approvals: string[] = [];
  let forged = 0;
  let posted = 0;

  function usual(request: VendorRequest): Behaviour {
    if (!hasRightSignature(secret, request, now())) {
      forged += 1;
      return json(401, { category: 'credentials' });
    }
    const content = JSON.parse(request.body);
    if (content.type === 'verification.approved') {
      for (const { message_id: id } of content.approvals) approvals.push(id);
      return { do: 'answer', status: 204 };
    }
    const id = String(request.headers['webhook-id']);
    const message = messages.get(id) ?? { ...content, message_id: `gw-${messages.size + 1}` };
    messages.set(id, message);
    return json(200, { message_id: message.message_id, segments: 1 });
  }

  const server = await startVendorServer(usual);
  return {
    ...server,
    get messages() {
      return [...messages.values()];
    },
    approvals,
    get forged() {
      return forged;
    },
    report(url, reports, as = {}) {
      posted += 1;
      const body = JSON.stringify({ reports });
      const { secret: key = secret, id = `report-${posted}`, at = Math.floor(now() / 1000), headers } = as;
      return fetch(url, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'webhook-id': id,
          'webhook-timestamp': String(at),
          'webhook-signature': signatureOf(key, `${id}.${at}.${body}`),
          ...headers,
        },
      });
    },
  };
}

function hasRightSignature(secret: string, { headers, body }: VendorRequest, now: number): boolean {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  if (Math.abs(now / 1000 - Number(timestamp)) > 300) return false;
  const signatures = String(headers['webhook-signature']).split(' ');
  return signatures.includes(signatureOf(secret, `${id}.${timestamp}.${body}`));
}

function signatureOf(secret: string, content: string): string {
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);
  return `v1,${createHmac('sha256', key).update(content, 'utf8').digest('base64')}`;
}
