/** Twilio Programmable Messaging (https://www.twilio.com/docs/messaging/api/message-resource), through Twilio's SDK. */

import type { Failure, Provider, SendResult } from '../provider.ts';
import { createTwilioClient, type Exchange } from './client.ts';
import { explainTwilio } from './codes.ts';
import { failureAtOnce, failureOf, unnamed } from './failures.ts';
import { createTwilioReports } from './reports.ts';

export interface TwilioOptions {
  readonly accountSid: string;
  readonly authToken: string;
  /** What sends; delivery reports are still checked with the auth token. */
  readonly apiKey?: { readonly sid: string; readonly secret: string } | undefined;
  /** Used where the route names no sender. A messaging service wins. */
  readonly from?: string | undefined;
  readonly messagingServiceSid?: string | undefined;
  /** In place of `https://api.twilio.com`. */
  readonly baseUrl?: string | undefined;
  readonly maxSockets: number;
  /** Public URL for delivery reports; without it there are none. */
  readonly statusCallback?: string | undefined;
  /** A recipient who opted out of this sender may be tried through another provider. */
  readonly failOverBlocked: boolean;
  /** Tell Twilio which messages led to an approval. */
  readonly feedback: boolean;
}

/** Twilio's own words for a message that is not going to arrive. */
const FAILED: ReadonlySet<string> = new Set(['failed', 'undelivered', 'canceled']);
const MAX_VALIDITY_SECONDS = 36_000;

const NO_SENDER: Failure = {
  kind: 'unavailable',
  category: 'sender',
  vendorCode: 'sender',
  status: 'INTERNAL',
  actor: 'operator',
};
const TOO_LATE: Failure = { kind: 'unavailable', category: 'timeout', vendorCode: 'timeout' };

/** Throws an error that names the setting when the account SID is none. */
export function createTwilioProvider(options: TwilioOptions): Provider {
  const { accountSid, authToken, apiKey, baseUrl, maxSockets, statusCallback, failOverBlocked } = options;
  if (!accountSid.startsWith('AC')) throw new Error('twilio.accountSid (TWILIO_ACCOUNT_SID) must begin with AC');
  const client = createTwilioClient({
    accountSid,
    username: apiKey?.sid ?? accountSid,
    password: apiKey?.secret ?? authToken,
    baseUrl,
    maxSockets,
  });

  function decided({ kind, ...failure }: ReturnType<typeof failureOf>): Failure {
    if (kind !== 'blocked') return { kind, ...failure };
    return { kind: failOverBlocked ? 'unavailable' : 'rejected', ...failure };
  }

  async function send(message: Parameters<Provider['send']>[0], signal: AbortSignal): Promise<SendResult> {
    const sender = senderOf(message.sender) ?? senderOf(options);
    if (sender === null) return NO_SENDER;
    if (signal.aborted) return TOO_LATE;
    const exchange: Exchange = { signal };
    const parameters = {
      to: message.to,
      body: message.text,
      ...sender,
      // A code that is stuck in a queue until it is worthless is not delivered then.
      validityPeriod: Math.min(Math.max(Math.ceil(message.minutes * 60), 1), MAX_VALIDITY_SECONDS),
      messageIntent: 'otp',
      ...(options.feedback && { provideFeedback: true }),
      ...(statusCallback !== undefined && { statusCallback: withToken(statusCallback, message.reportToken) }),
    };
    try {
      const { sid, status, errorCode, numSegments } = await client.run(exchange, () =>
        client.messages.create(parameters),
      );
      if (!isMessageId(sid)) return decided(unnamed(exchange));
      if (FAILED.has(status)) return decided(failureAtOnce({ status, errorCode }, exchange));
      // A messaging service does not know the number of segments yet, and says 0.
      return { kind: 'accepted', messageId: sid, segments: Number.parseInt(numSegments, 10) || null };
    } catch (error) {
      return decided(failureOf(error, exchange));
    }
  }

  const converted: NonNullable<Provider['converted']> = async ({ messageId }, signal) => {
    const exchange: Exchange = { signal };
    try {
      await client.run(exchange, () => client.messages(messageId).feedback.create({ outcome: 'confirmed' }));
      return { ok: true };
    } catch (error) {
      return { ok: false, vendorCode: failureOf(error, exchange).vendorCode };
    }
  };

  return {
    name: 'twilio',
    send,
    explain: explainTwilio,
    ...(options.feedback && { converted }),
    ...(statusCallback !== undefined && { reports: createTwilioReports({ accountSid, authToken }) }),
    close: client.close,
  };
}

function senderOf({
  messagingServiceSid,
  from,
}: {
  messagingServiceSid?: string | undefined;
  from?: string | undefined;
}) {
  if (messagingServiceSid) return { messagingServiceSid };
  return from ? { from } : null;
}

/** `null` and missing in an answer that only looks like a success. */
function isMessageId(sid: unknown): sid is string {
  return typeof sid === 'string' && /^\w{1,64}$/.test(sid);
}

function withToken(statusCallback: string, token: string): string {
  const url = new URL(statusCallback);
  url.searchParams.set('t', token);
  return url.href;
}
