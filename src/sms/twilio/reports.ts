/**
 * Twilio's status callbacks (https://www.twilio.com/docs/messaging/guides/track-outbound-message-status): a signed form to the URL
 * that the message was sent with.
 */
import { parse } from 'node:querystring';
import { validateRequest } from 'twilio/lib/webhooks/webhooks.js';
import type { ReportReading, Reports } from '../provider.ts';
import { MESSAGE_STATUSES, TWILIO_CODES } from './codes.ts';
import { reasonOf } from './failures.ts';

/** Of messages to us: somebody set this URL on a number of the account. Nothing is wrong, and nothing reported. */
const INBOUND: ReadonlySet<string> = new Set(['receiving', 'received']);

const ANSWER = { status: 204, body: '' } as const;

/** `authToken` also where an API key sends: Twilio signs with nothing else. */
export function createReports({ accountSid, authToken }: { accountSid: string; authToken: string }): Reports {
  return {
    byMessageId: false,
    read({ url, headers, body }): ReportReading {
      const signature = headers['x-twilio-signature'];
      // Without a limit: the signature is over every field, those of tomorrow included.
      const form = parse(body.toString(), '&', '=', { maxKeys: 0 });
      if (typeof signature !== 'string' || !URL.canParse(url)) return { kind: 'forged' };
      if (!validateRequest(authToken, signature, url, form)) return { kind: 'forged' };
      if (form.AccountSid !== accountSid) return { kind: 'forged' };

      const status = textOf(form.MessageStatus);
      const messageId = textOf(form.MessageSid);
      if (INBOUND.has(status)) return { kind: 'reports', reports: [], answer: ANSWER };
      const reported = MESSAGE_STATUSES.get(status);
      // A word that is new to us is counted as malformed, so that somebody notices.
      if (reported === undefined || !/^\w{1,64}$/.test(messageId)) return { kind: 'malformed' };
      const token = new URL(url).searchParams.get('t') ?? '';
      const report = {
        token,
        messageId,
        status: reported,
        ...reasonOf(reported, textOf(form.ErrorCode), TWILIO_CODES),
      };
      return { kind: 'reports', reports: [report], answer: ANSWER };
    },
  };
}

function textOf(field: string | readonly string[] | undefined): string {
  return typeof field === 'string' ? field : '';
}
