/**
 * Delivery reports from Twilio's Attempts API (https://www.twilio.com/docs/verify/api/list-verification-attempts): Verify
 * has no callback for a single message. We fetch the list of the last minutes, because an account may make only 100
 * requests a minute. The list needs no memory of what was sent: after a restart, or from another process, it is the same.
 */
import type {
  VerificationAttemptInstance,
  VerificationAttemptListInstance,
} from 'twilio/lib/rest/verify/v2/verificationAttempt.js';
import type { DeliveryReport } from '../../domain/delivery.ts';
import type { Reports } from '../provider.ts';
import type { Exchange, TwilioClient } from '../twilio/client.ts';
import { MESSAGE_STATUSES } from '../twilio/codes.ts';
import { fieldOf, reasonOf } from '../twilio/failures.ts';
import { TWILIO_VERIFY_CODES } from './codes.ts';
import { verifyFailure } from './failures.ts';
import { messageIdFrom } from './message-id.ts';

export interface ReportOptions {
  readonly client: TwilioClient;
  readonly attempts: VerificationAttemptListInstance;
  readonly serviceSid: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Messages older than this are not asked about. A verification lives for 10 minutes. */
const WINDOW_MS = 15 * 60_000;
const PAGE_SIZE = 1_000;
/** Of one poll, which holds them in memory. */
const MAX_ATTEMPTS = 5_000;

export function createReports({ client, attempts, serviceSid, now }: ReportOptions): Reports {
  /** Messages of the last list that were reported as delivered or failed. */
  let ended: ReadonlySet<string> = new Set();

  async function list(signal: AbortSignal): Promise<readonly VerificationAttemptInstance[]> {
    const exchange: Exchange = { signal };
    const dateCreatedAfter = new Date(now() - WINDOW_MS);
    const query = { verifyServiceSid: serviceSid, dateCreatedAfter, pageSize: PAGE_SIZE, limit: MAX_ATTEMPTS };
    try {
      return await client.run(exchange, () => attempts.list(query));
    } catch (error) {
      const { vendorCode: code } = verifyFailure(error, exchange);
      // The log shows codes of errors, never their texts.
      throw Object.assign(new Error(`Verify's attempts could not be fetched: ${code}`), { code });
    }
  }

  return {
    // Verify does not return the report token.
    byMessageId: true,
    async poll(signal) {
      const reports = (await list(signal)).map(reportOf).filter((report) => report !== null);
      const fresh = reports.filter(({ messageId }) => !ended.has(messageId));
      ended = new Set(reports.map(({ messageId }) => messageId));
      return fresh;
    },
  };
}

/** Null while the message is on its way, and for what is not a message of this service. */
function reportOf({ sid, verificationSid, channelData }: VerificationAttemptInstance): DeliveryReport | null {
  const messageId = messageIdFrom(sid, verificationSid);
  const status = MESSAGE_STATUSES.get(String(fieldOf(channelData, 'message_status')).toLowerCase());
  if (messageId === null || status === undefined || status === 'accepted') return null;
  return { token: '', messageId, status, ...reasonOf(status, codeIn(channelData), TWILIO_VERIFY_CODES) };
}

/** Documented as a text; the number 0 was seen where nothing was wrong. */
function codeIn(channelData: unknown): string {
  const code = fieldOf(channelData, 'error_code') ?? '';
  return code === 0 || code === '0' ? '' : String(code);
}
