/**
 * Twilio Verify (https://www.twilio.com/docs/verify/api/verification) through Twilio's SDK, as a transport: code and
 * check are ours (`CustomCode`), text and sender are Twilio's.
 *
 * A verification is not a message. It is the one pending code of a number, for 10 minutes: when another code is sent in
 * that time, Verify may send the first one again. So each send first cancels what is pending for the number. It names the
 * number, not a verification, so it needs no memory of earlier sends and is right with any number of processes.
 */
import VerifyBase from 'twilio/lib/rest/VerifyBase.js';
import { kindOf } from '../code-table.ts';
import type { ConversionBatch, ConversionResult, Failure, Message, Provider, SendResult } from '../provider.ts';
import { type ClientOptions, createTwilioClient, type Exchange } from '../twilio/client.ts';
import { doubtful, explainCode, type TwilioFailure } from '../twilio/failures.ts';
import { TWILIO_VERIFY_CODES } from './codes.ts';
import { GONE, TOO_LATE, unsentFailure, verifyFailure } from './failures.ts';
import { localeChooser, VERIFY_LOCALES } from './locales.ts';
import { messageIdOf, verificationIn } from './message-id.ts';
import { createReports } from './reports.ts';

export interface TwilioVerifyOptions extends ClientOptions {
  readonly serviceSid: string;
  /** An approved template; the default one when left out. */
  readonly templateSid?: string | undefined;
  /** Languages of the template. When left out: those of the default template, none of another one. */
  readonly locales?: readonly string[] | undefined;
  readonly appHash?: string | undefined;
  /** With 0, reports are not fetched. */
  readonly pollSeconds: number;
  /** Another provider may try a number that Verify refuses on behalf of its owner. */
  readonly failOverBlocked: boolean;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Throws when the account SID is not one. */
export function createTwilioVerifyProvider(options: TwilioVerifyOptions): Provider {
  const { serviceSid, templateSid, appHash, failOverBlocked } = options;
  const client = createTwilioClient(options);
  const verify = new VerifyBase(client.sdk).v2;
  const { verifications } = verify.services(serviceSid);
  const localeFor = localeChooser(options.locales ?? (templateSid === undefined ? VERIFY_LOCALES : []));

  const decided = (failure: TwilioFailure): Failure => ({ ...failure, kind: kindOf(failure, failOverBlocked) });

  /** Null when nothing is pending for the number any more. */
  async function cancelPending(number: string, signal: AbortSignal): Promise<Failure | null> {
    const exchange: Exchange = { signal };
    try {
      await client.run(exchange, () => verifications(number).update({ status: 'canceled' }));
      return null;
    } catch (error) {
      const failure = unsentFailure(error, exchange);
      return failure.vendorCode === GONE ? null : decided(failure);
    }
  }

  async function start({ to, code, locale: asked }: Message, signal: AbortSignal): Promise<SendResult> {
    const exchange: Exchange = { signal };
    const locale = localeFor(asked);
    const parameters = {
      ...{ to, channel: 'sms', customCode: code },
      ...(locale !== undefined && { locale }),
      ...(templateSid !== undefined && { templateSid }),
      ...(appHash !== undefined && { appHash }),
    };
    try {
      const verification = await client.run(exchange, () => verifications.create(parameters));
      const messageId = messageIdOf(verification);
      if (messageId === null) return decided(doubtful('no_message_id', exchange));
      return { kind: 'accepted', messageId, segments: null };
    } catch (error) {
      return decided(verifyFailure(error, exchange));
    }
  }

  async function converted([{ messageId }]: ConversionBatch, signal: AbortSignal): Promise<ConversionResult> {
    const exchange: Exchange = { signal };
    try {
      await client.run(exchange, () => verifications(verificationIn(messageId)).update({ status: 'approved' }));
      return { ok: true };
    } catch (error) {
      const { vendorCode } = verifyFailure(error, exchange);
      return { ok: false, vendorCode: vendorCode === GONE ? 'too_late' : vendorCode };
    }
  }

  return {
    name: 'twilio-verify',
    async send(message, signal) {
      if (signal.aborted) return TOO_LATE;
      return (await cancelPending(message.to, signal)) ?? start(message, signal);
    },
    explain: (code) => explainCode(code, TWILIO_VERIFY_CODES),
    converted,
    ...(options.pollSeconds > 0 && {
      reports: createReports({ client, attempts: verify.verificationAttempts, serviceSid, now: options.now }),
    }),
    close: client.close,
  };
}
