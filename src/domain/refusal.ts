/**
 * Everything the service refuses, as one closed union. The names are those of `ErrorReason` in the proto; the edges
 * translate a refusal into status, details and localized text in one place (rpc/errors.ts).
 */
export type Refusal =
  | { readonly reason: 'INVALID_FIELDS'; readonly violations: readonly FieldViolation[] }
  | { readonly reason: 'REQUEST_ID_REUSED' }
  | { readonly reason: 'MALFORMED_REQUEST' }
  /** The first call with this request id may still send. */
  | { readonly reason: 'SEND_UNDER_WAY'; readonly retryAfterMs: number }
  /** The request was answered, and its code died in a failover of the store. */
  | { readonly reason: 'CODE_LOST' }
  | { readonly reason: 'COOLDOWN'; readonly retryAfterMs: number }
  | {
      readonly reason: 'PHONE_LIMIT';
      /** The limit's name, as RateStatus lists it. */
      readonly limit: string;
      readonly max: number;
      readonly windowMs: number;
      readonly retryAfterMs: number;
    }
  | { readonly reason: 'GUESS_BUDGET'; readonly max: number; readonly windowMs: number; readonly retryAfterMs: number }
  | { readonly reason: 'NUMBER_TYPE_REFUSED'; readonly numberType: string }
  | { readonly reason: 'DESTINATION_REFUSED' }
  | { readonly reason: 'UNAUTHENTICATED' }
  | { readonly reason: 'PURPOSE_NOT_ALLOWED' }
  | { readonly reason: 'VERIFICATION_NOT_FOUND' }
  | {
      readonly reason: 'STORE_UNAVAILABLE';
      readonly retryAfterMs: number;
      /** The store surely did nothing. Otherwise what happened there is unknown. */
      readonly untouched?: boolean;
      /** The store answers and takes no writes, which no failover ends: its memory or its disk is full. */
      readonly full?: boolean;
    }
  | { readonly reason: 'DELIVERY_UNAVAILABLE'; readonly retryAfterMs: number }
  /** A vendor's own limit for this phone. */
  | { readonly reason: 'PROVIDER_LIMIT'; readonly retryAfterMs: number }
  /** The server has more calls than it can answer in time, and did nothing about this one. */
  | { readonly reason: 'OVERLOADED'; readonly retryAfterMs: number }
  | { readonly reason: 'DELIVERY_MISCONFIGURED' }
  | { readonly reason: 'DEADLINE' }
  | { readonly reason: 'CANCELED' }
  | { readonly reason: 'INTERNAL' };

export type Reason = Refusal['reason'];

/** What is wrong with a field. Never the value itself: it may be a phone number or a code. */
export interface FieldViolation {
  /** The field's name in the proto, dotted for nested ones: `client.ip`; with its key for one of a map: `variables[shop]`. */
  readonly field: string;
  readonly rule: FieldRule;
  /** A number or list that the rule's text mentions: the maximum length, the number of digits, the known purposes. */
  readonly expected?: string;
}

export type FieldRule =
  | 'required'
  /** Exactly one of the fields that `expected` lists must be given; it was no field, or several. */
  | 'one_of_required'
  | 'too_long'
  | 'not_printable'
  | 'not_a_phone'
  | 'impossible_phone'
  | 'extension_not_allowed'
  | 'unknown_region'
  | 'unknown_purpose'
  | 'not_n_digits'
  | 'malformed_id'
  | 'malformed_ip'
  | 'too_many'
  | 'malformed_name'
  | 'contains_link'
  /** A number to call, or one like the code beside it. */
  | 'contains_number'
  /** A phone that a provider knows not to exist or not to take SMS. */
  | 'refused_number'
  /** Variables that the text of this purpose needs; `expected` lists their names. */
  | 'missing_variables';

/** Thrown by the verifier and its parts, translated by the edges. Carries no text about the request. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly refusal: Refusal;

  constructor(refusal: Refusal, options?: ErrorOptions) {
    super(refusal.reason, options);
    this.refusal = refusal;
  }
}
