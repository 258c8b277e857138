/**
 * The seam to SMS vendors: one folder per vendor, one line in vendors.ts. A provider never throws: it says which of
 * four things happened. When it cannot know (a time-out, a reset, a 5xx) that is `unknown`, never a failure.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { DeliveryReport, FailureCategory } from '../domain/delivery.ts';
import type { Sender } from '../domain/routing.ts';

export interface Provider {
  /** Used in routes, metrics and the delivery record. */
  readonly name: string;
  /**
   * Sends one message. `signal` alone ends the attempt: a provider has no timer of its own. The result is then
   * `unknown`, unless nothing was written yet.
   */
  send(message: Message, signal: AbortSignal): Promise<SendResult>;
  /**
   * Tells the vendor that the codes of these messages were entered; the result is that of each. Vendors prefer carriers
   * whose codes are entered.
   */
  readonly converted?: (conversions: ConversionBatch, signal: AbortSignal) => Promise<ConversionResult>;
  /** How many of them the vendor takes in one request; 1 when left out. */
  readonly conversionsAtOnce?: number;
  /** How the vendor's delivery reports come in; left out when they do not. */
  readonly reports?: Reports;
  /** What a code of the vendor's table means, in English, for an operator. */
  readonly explain?: (vendorCode: string) => string;
  /** Ends idle connections. */
  close?(): void;
}

export interface Message {
  /** E.164. */
  readonly to: string;
  /** The country of the number: ISO 3166-1 alpha-2, or `001` for none. */
  readonly region: string;
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
  /** Opaque; comes back in delivery reports, and leads to the verification. At most 200 characters of base64url. */
  readonly reportToken: string;
  /** The sender that this route sets. */
  readonly sender: Sender;
}

export type SendResult =
  | {
      readonly kind: 'accepted';
      readonly messageId: string;
      /** How many SMS the vendor made of it; null when it does not tell. */
      readonly segments: number | null;
    }
  | Failure;

export interface Failure {
  readonly kind: /** Surely not sent, and no other provider would help: this number or content is refused. */
    | 'rejected'
    /** Surely not sent; another provider may be able to. */
    | 'unavailable'
    /** Maybe sent. */
    | 'unknown';
  readonly category: FailureCategory;
  /** The vendor's code when its table lists it, else a word of ours (`http_502`, `timeout`, `unlisted`). Bounded. */
  readonly vendorCode: string;
  /**
   * What SendCode answers when this failure decides. By default FAILED_PRECONDITION when rejected, else UNAVAILABLE.
   */
  readonly status?: FailureStatus;
  /** Who has to act. */
  readonly actor?: Actor;
  /** When the vendor will take it again. */
  readonly retryAfterMs?: number;
  /** Surely not sent, and the vendor invites another try after `retryAfterMs`. */
  readonly retrySame?: boolean;
  /** What failed, for the provider's health; the provider as a whole when left out. */
  readonly scope?: FailureScope;
  /** The vendor's id of the request, for its support. */
  readonly requestId?: string;
  /** The code as it came, when no table lists it; for the log. Never free text. */
  readonly unlistedCode?: string;
}

export type FailureScope =
  /** What the provider has for the country of this message: a product, a package, a quota, a registration there. */
  | 'country'
  /** This number, text or sender, or a carrier: it says nothing about the provider's health. */
  | 'message';

export type FailureStatus =
  | 'INVALID_ARGUMENT'
  | 'FAILED_PRECONDITION'
  | 'RESOURCE_EXHAUSTED'
  | 'UNAVAILABLE'
  | 'INTERNAL';

/** `user`: the person with the phone. `caller`: the calling application. */
export type Actor = 'user' | 'caller' | 'operator' | 'nobody';

export interface Conversion {
  readonly messageId: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export type ConversionBatch = readonly [Conversion, ...Conversion[]];

export type ConversionResult = { readonly ok: true } | { readonly ok: false; readonly vendorCode: string };

export interface Reports {
  /** The vendor's reports may name a message by the vendor's id alone: that id must lead to the verification. */
  readonly byMessageId: boolean;
  /** Reads one HTTP request to `/<provider's name>…` of the report listener (a callback). Must not throw. */
  read?(request: ReportRequest): ReportReading;
  /** Fetches new reports, from a vendor that does not call us. May throw. */
  poll?(signal: AbortSignal): Promise<readonly DeliveryReport[]>;
}

export interface ReportRequest {
  /** As the vendor called it: the public URL with path and query. */
  readonly url: string;
  /** What follows `/<provider's name>`, without the query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** Of the client, before the trusted proxies. */
  readonly address: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type ReportReading =
  /** `answer` is what the vendor expects. */
  | { readonly kind: 'reports'; readonly reports: readonly DeliveryReport[]; readonly answer: ReportAnswer }
  /** Not from the vendor: 403. */
  | { readonly kind: 'forged' }
  /** From the vendor, but not understood: 400. */
  | { readonly kind: 'malformed' };

export interface ReportAnswer {
  readonly status: number;
  /** JSON, or empty. */
  readonly body: string;
}
