/** Twilio Programmable Messaging (https://www.twilio.com/docs/messaging/api/message-resource), through Twilio's SDK. */
import ApiBase from 'twilio/lib/rest/ApiBase.js';
import { kindOf } from '../code-table.ts';
import type { ConversionBatch, ConversionResult, Failure, Message, Provider, SendResult } from '../provider.ts';
import { type ClientOptions, createTwilioClient, type Exchange } from './client.ts';
import { TWILIO_CODES } from './codes.ts';
import { doubtful, explainCode, failureAtOnce, failureOf, type TwilioFailure } from './failures.ts';
import { createReports } from './reports.ts';

/** With an API key, too, the auth token checks delivery reports. */
export interface TwilioOptions extends ClientOptions {
  readonly authToken: string;
  /** Used where the route names no sender. A messaging service wins. */
  readonly from?: string | undefined;
  readonly messagingServiceSid?: string | undefined;
  /** Public URL for delivery reports; without it there are no reports. */
  readonly statusCallback?: string | undefined;
  /** A recipient who opted out of this sender may be tried through another provider. */
  readonly failOverBlocked: boolean;
  /** Whether Twilio is to learn which messages led to an approval. */
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
/** Words of this provider alone, for the operator. */
const OWN_WORDS: ReadonlyMap<string, string> = new Map([
  ['sender', 'There is no sender: neither the route names one nor the settings of the provider.'],
]);
const TOO_LATE: Failure = { kind: 'unavailable', category: 'timeout', vendorCode: 'timeout' };

/** Throws an error that names the setting when the account SID is not one. */
export function createTwilioProvider(options: TwilioOptions): Provider {
  const { accountSid, authToken, statusCallback, failOverBlocked } = options;
  if (!accountSid.startsWith('AC')) throw new Error('twilio.accountSid (TWILIO_ACCOUNT_SID) must begin with AC');
  const client = createTwilioClient(options);
  const { messages } = new ApiBase(client.sdk).v2010.account;

  const decided = (failure: TwilioFailure): Failure => ({ ...failure, kind: kindOf(failure, failOverBlocked) });

  async function send(message: Message, signal: AbortSignal): Promise<SendResult> {
    const sender = senderOf(message.sender) ?? senderOf(options);
    if (sender === null) return NO_SENDER;
    if (signal.aborted) return TOO_LATE;
    const exchange: Exchange = { signal };
    const parameters = parametersOf(message, options);
    try {
      const { sid, status, errorCode, numSegments } = await client.run(exchange, () =>
        messages.create({ ...parameters, ...sender }),
      );
      if (!isMessageId(sid)) return decided(doubtful('no_message_id', exchange));
      if (FAILED.has(status)) return decided(failureAtOnce({ status, errorCode }, exchange, TWILIO_CODES));
      // A messaging service does not know the number of segments yet, and says 0.
      return { kind: 'accepted', messageId: sid, segments: Number.parseInt(numSegments, 10) || null };
    } catch (error) {
      return decided(failureOf(error, exchange, TWILIO_CODES));
    }
  }

  async function converted([{ messageId }]: ConversionBatch, signal: AbortSignal): Promise<ConversionResult> {
    const exchange: Exchange = { signal };
    try {
      await client.run(exchange, () => messages(messageId).feedback.create({ outcome: 'confirmed' }));
      return { ok: true };
    } catch (error) {
      return { ok: false, vendorCode: failureOf(error, exchange, TWILIO_CODES).vendorCode };
    }
  }

  return {
    name: 'twilio',
    send,
    explain: (code) => OWN_WORDS.get(code) ?? explainCode(code, TWILIO_CODES),
    ...(options.feedback && { converted }),
    ...(statusCallback !== undefined && { reports: createReports({ accountSid, authToken }) }),
    close: client.close,
  };
}

function parametersOf({ to, text, minutes, reportToken }: Message, { feedback, statusCallback }: TwilioOptions) {
  return {
    to,
    body: text,
    // A code that is stuck in a queue until it has expired is not delivered any more.
    validityPeriod: Math.min(Math.max(Math.ceil(minutes * 60), 1), MAX_VALIDITY_SECONDS),
    messageIntent: 'otp',
    ...(feedback && { provideFeedback: true }),
    ...(statusCallback !== undefined && { statusCallback: withToken(statusCallback, reportToken) }),
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

/** The id is null or missing in an answer that only looks like a success. */
function isMessageId(sid: unknown): sid is string {
  return typeof sid === 'string' && /^\w{1,64}$/.test(sid);
}

function withToken(statusCallback: string, token: string): string {
  const url = new URL(statusCallback);
  url.searchParams.set('t', token);
  return url.href;
}
