/**
 * Everything observable that can happen, one closed union. The log and the metrics listen to it. Phones appear only
 * masked; codes, tokens and vendors' texts not at all.
 */
import type { AttemptResult, FailureCategory, ReportedStatus } from './domain/delivery.ts';
import type { Reason } from './domain/refusal.ts';

export type Event =
  /** One per RPC, on either edge. */
  | {
      readonly type: 'rpc';
      readonly edge: 'grpc' | 'connect';
      /** `SendCode`; `unknown` for a path that names no method. */
      readonly method: string;
      /** Canonical status name, `OK`, `RESOURCE_EXHAUSTED`. */
      readonly status: string;
      readonly reason: Reason | null;
      readonly seconds: number;
      readonly facts: CallFacts;
    }
  /** One per call of a store operation; `error` is why it failed. */
  | {
      readonly type: 'store';
      readonly operation: StoreOperation;
      readonly error: Error | null;
      readonly seconds: number;
    }
  /** One per provider that was tried. */
  | {
      readonly type: 'attempt';
      readonly provider: string;
      /** Empty outside of a call of the service. */
      readonly verificationId: string;
      /** ISO 3166-1 alpha-2; `001` when the number belongs to no country. */
      readonly country: string;
      readonly result: AttemptResult;
      readonly category: FailureCategory | '';
      /** From the table of the vendor's codes, or a code of ours: a bounded set. */
      readonly vendorCode: string;
      /** Who has to act about a failure. */
      readonly actor: 'user' | 'caller' | 'operator' | 'nobody';
      /** The vendor's id of the request, empty without one. */
      readonly vendorRequestId: string;
      /** A code that is in no table of ours, as the vendor sent it; empty otherwise. */
      readonly unlistedCode: string;
      readonly seconds: number;
    }
  /** A provider gets no message (`open`), one as a probe (`half_open`), or all (`closed`). */
  | {
      readonly type: 'breaker';
      readonly provider: string;
      /** ISO 3166-1 alpha-2; empty when it is about all messages. */
      readonly country: string;
      readonly state: BreakerState;
    }
  /** One per delivery report that a vendor sent. */
  | {
      readonly type: 'report';
      readonly provider: string;
      /** Empty when the send is not known, or was made by an earlier version. */
      readonly verificationId: string;
      /** As in an attempt; empty like the verification's id. */
      readonly country: string;
      readonly status: ReportedStatus;
      /** Empty unless failed. */
      readonly category: FailureCategory | '';
      readonly vendorCode: string;
      /** `early`: kept until its send is known and settled. `unmatched`: it belongs to no send of this service. */
      readonly outcome: 'applied' | 'repeated' | 'superseded' | 'early' | 'unmatched';
      /** From the send to this report; null unless applied. */
      readonly seconds: number | null;
    }
  /** A connection or an HTTP/2 stream that was ended because it passed a bound. */
  | { readonly type: 'cut'; readonly listener: Listener; readonly why: Cut }
  /** A call that was refused, before its message was read, so that others are answered in time. */
  | { readonly type: 'shed'; readonly class: CallClass; readonly why: Shed }
  /** A call of the callback listener that was refused. */
  | { readonly type: 'callback_refused'; readonly provider: string; readonly why: CallbackRefusal }
  /** Reports could not be fetched from a vendor, or could not be stored. */
  | { readonly type: 'reports_failed'; readonly provider: string; readonly error: Error }
  /** One per approval that a vendor was to be told of, alone or with others. */
  | { readonly type: 'conversion'; readonly provider: string; readonly ok: boolean; readonly vendorCode: string }
  /** The outcome of a send could not be stored. `attempt` counts from 0; after the last one it is given up. */
  | { readonly type: 'settle_failed'; readonly refund: boolean; readonly attempt: number; readonly error: Error }
  /** An unexpected error in our own code; `facts` of the call that it happened in. */
  | { readonly type: 'fault'; readonly where: string; readonly error: unknown; readonly facts?: CallFacts }
  /** The connection to the store changed. */
  | { readonly type: 'store_connection'; readonly state: 'ready' | 'lost'; readonly error?: Error };

export type StoreOperation =
  | 'send'
  | 'settle'
  | 'check'
  | 'cancel'
  | 'status'
  | 'report'
  | 'link'
  | 'lookup'
  | 'take'
  | 'give'
  | 'ready';

export type BreakerState = 'closed' | 'open' | 'half_open';

export type Listener = 'grpc' | 'http' | 'callbacks' | 'ops';

/**
 * Of connections: `silent` said nothing in time, `full` were too many, `peer` were too many of one address. Of gRPC
 * streams: `late`, the request did not arrive in time; `half_open`, too many whose request was not complete; `pace`, a
 * connection that nobody vouched for opened them too fast.
 */
export type Cut = 'silent' | 'full' | 'peer' | 'late' | 'half_open' | 'pace';

/** Under load checks come before reads and reads before sends; `health` is `grpc.health.v1`, with a share of its own. */
export type CallClass = 'check' | 'read' | 'send' | 'health';

/** `deadline`: its caller's time was over before there was a place for it. */
export type Shed = 'overloaded' | 'deadline';

/** `forged`: a wrong signature, path or address. `unknown_path`: no provider has reports there. */
export type CallbackRefusal = 'forged' | 'malformed' | 'unknown_path' | 'too_large' | 'method';

/** For the one log line of a call. Each fact is filled in as soon as it is known. */
export interface CallFacts {
  caller?: string | undefined;
  purpose?: string;
  /** As `loggedRequestId` shows it. */
  requestId?: string | undefined;
  /** Of the caller's trace: 32 hexadecimal digits. */
  traceId?: string | undefined;
  /** Masked: all but the last 4 digits hidden. */
  phone?: string;
  verificationId?: string;
  /** `sent`, `replayed`, `approved`, `wrong_code`, … */
  outcome?: string;
  /** The provider that took the message. */
  provider?: string;
}

export type Emit = (event: Event) => void;
