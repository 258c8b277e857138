/**
 * Everything observable that can happen, one closed union. The log, the metrics and the audit trail are listeners.
 * Phones appear only masked; codes, tokens and vendors' texts not at all.
 */
import type { AttemptResult, FailureCategory } from './domain/delivery.ts';
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
      readonly result: AttemptResult;
      readonly category: FailureCategory | '';
      readonly vendorCode: string;
      readonly seconds: number;
    }
  /** The store could not be told what became of a send; it is tried again `attempt` times. */
  | { readonly type: 'settle_failed'; readonly refund: boolean; readonly attempt: number; readonly error: Error }
  /** A fault of ours, caught at the edge. */
  | { readonly type: 'fault'; readonly where: string; readonly error: unknown }
  /** The connection to the store changed. */
  | { readonly type: 'store_connection'; readonly state: 'ready' | 'lost'; readonly error?: Error };

export type StoreOperation = 'send' | 'settle' | 'check' | 'cancel' | 'status' | 'ready';

/** What a handler learns about a call, for its one log line. Filled in as it becomes known. */
export interface CallFacts {
  caller?: string;
  purpose?: string;
  /** Masked: all but the last 4 digits hidden. */
  phone?: string;
  verificationId?: string;
  /** `sent`, `replayed`, `approved`, `wrong_code`, … */
  outcome?: string;
  /** The provider that took the message. */
  provider?: string;
}

export type Emit = (event: Event) => void;
