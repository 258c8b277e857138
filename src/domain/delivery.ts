/** What is known about getting one SMS to a phone. Stored as JSON beside the verification, shown to the caller. */
export interface Delivery {
  /** The provider that took the message, empty when none surely did. */
  readonly provider: string;
  /** The provider's id of the message, empty when it gave none. */
  readonly messageId: string;
  readonly status: DeliveryStatus;
  /** Every provider that was tried, in order. */
  readonly attempts: readonly DeliveryAttempt[];
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

/** Why a provider did not take a message, in words of ours: a vendor's text never reaches a caller. */
export type FailureCategory =
  | 'invalid_number'
  | 'unreachable'
  | 'blocked'
  | 'rate_limited'
  | 'content'
  | 'configuration'
  | 'credentials'
  | 'balance'
  | 'transient'
  | 'timeout'
  | 'unknown';
