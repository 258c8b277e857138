/**
 * The seam to SMS vendors: one file per vendor, one line where app.ts lists them. A provider never throws: it says which of four
 * things happened, and "I do not know" (a timeout, a reset, a 5xx) is `unknown`, never a failure.
 */
import type { FailureCategory } from '../domain/delivery.ts';

export interface Provider {
  /** As routes, metrics and the delivery record name it. */
  readonly name: string;
  /** Sends one message. `signal` ends the attempt; the answer is then `unknown` unless nothing was written yet. */
  send(message: Message, signal: AbortSignal): Promise<SendResult>;
}

export interface Message {
  /** E.164. */
  readonly to: string;
  /** The whole text, for providers that take text. */
  readonly text: string;
  /** The parts, for providers that fill a template of theirs. */
  readonly code: string;
  readonly minutes: number;
  readonly purpose: string;
  /** BCP 47. */
  readonly locale: string;
  readonly variables: Readonly<Record<string, string>>;
  /** Unique per SendCode; the same for every provider that is tried. */
  readonly sendId: string;
}

export type SendResult =
  | { readonly kind: 'accepted'; readonly messageId: string; readonly segments: number }
  /** This number or content is refused: no other provider will help. Surely not sent. */
  | { readonly kind: 'rejected'; readonly category: FailureCategory; readonly vendorCode: string }
  /** Surely not sent; another provider may. */
  | {
      readonly kind: 'unavailable';
      readonly category: FailureCategory;
      readonly vendorCode: string;
      readonly retryAfterMs?: number;
    }
  /** Maybe sent. */
  | { readonly kind: 'unknown'; readonly category: FailureCategory; readonly vendorCode: string };
