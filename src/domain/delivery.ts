import { SENDING_MS } from './deadlines.ts';

/** What is known about getting one SMS to a phone. Stored as JSON beside the verification, shown to the caller. */
export interface Delivery {
  /** The provider that took the message, or maybe took it; empty while that is not known. */
  readonly provider: string;
  /** The provider's id of the message, empty without one. */
  readonly messageId: string;
  readonly status: DeliveryStatus;
  /** Every provider that was tried, in order. */
  readonly attempts: readonly DeliveryAttempt[];
  /** Why it did not arrive; only with `failed`. */
  readonly failure?: FailureCategory;
  /** When the last report that changed something came, on the store's clock. */
  readonly reportedAt?: number;
}

export type DeliveryStatus = 'sending' | 'accepted' | 'unknown' | 'delivered' | 'failed';

export interface DeliveryAttempt {
  readonly provider: string;
  readonly result: AttemptResult;
  /** Empty when accepted. */
  readonly category: FailureCategory | '';
  readonly latencyMs: number;
}

export type AttemptResult = 'accepted' | 'rejected' | 'unavailable' | 'unknown';

/**
 * Why a provider did not take a message, or a phone did not get it, in our own words: the text of a vendor reaches no
 * caller.
 */
export type FailureCategory =
  /** The number does not exist, or cannot receive SMS. */
  | 'invalid_number'
  /** This provider cannot reach the number, its carrier or its country; or the handset is off. */
  | 'unreachable'
  /** The recipient opted out, or a carrier or the provider bars the number. */
  | 'blocked'
  /** A rate or quota of the provider. */
  | 'rate_limited'
  /** The text was refused. */
  | 'content'
  /** A template or signature that is not approved, or parameters that do not fit it. */
  | 'template'
  | 'signature'
  /** The sending number or service is not fit to send there. */
  | 'sender'
  /** The account may not do this: a country not enabled, a trial account. */
  | 'permission'
  | 'credentials'
  | 'balance'
  | 'configuration'
  | 'transient'
  | 'timeout'
  | 'unknown';

/** What a vendor says about a message some time after it took it. */
export interface DeliveryReport {
  /** The `reportToken` of the message, empty when the vendor does not echo it. */
  readonly token: string;
  /** The vendor's id of the message; empty when the vendor does not name it. */
  readonly messageId: string;
  readonly status: ReportedStatus;
  /** Only with `failed`. */
  readonly category: FailureCategory | '';
  /** The vendor's code of the failure if its table lists it, else `other`; empty without a failure. */
  readonly vendorCode: string;
}

/** `accepted`: still on its way. */
export type ReportedStatus = 'accepted' | 'delivered' | 'failed';

/** What is known of a send whose outcome is not recorded: under way, or its process was lost and it was maybe sent. */
export function unsettledDelivery(sentAt: number, now: number): Delivery {
  const status = now - sentAt < SENDING_MS ? 'sending' : 'unknown';
  return { provider: '', messageId: '', status, attempts: [] };
}

/** How many SMS the user may get: two when one provider maybe sent it and another one was tried after that. */
export function messagesIn({ attempts }: Delivery): number {
  return attempts.filter(({ result }) => result === 'accepted' || result === 'unknown').length;
}
