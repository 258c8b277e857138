/** What the store is asked about delivery reports: the part of its seam that vendors set in motion. */
import type { DeliveryReport, FailureCategory, ReportedStatus } from '../domain/delivery.ts';
import type { Slot } from '../domain/slot.ts';

export interface ReportCommand {
  readonly slot: Slot;
  readonly sendId: string;
  readonly provider: string;
  readonly messageId: string;
  readonly status: ReportedStatus;
  /** Empty unless failed. */
  readonly category: FailureCategory | '';
}

export interface ReportReply {
  /**
   * `applied`: it changed the delivery. `repeated`: it changed nothing. `early`: the send is not settled yet, the report
   * is kept until then. `superseded`: a later SMS replaced it, it was refunded, or its record is past its retention.
   */
  readonly outcome: 'applied' | 'repeated' | 'early' | 'superseded';
  /** Milliseconds since this SMS was reserved; 0 when superseded. */
  readonly age: number;
}

export interface LinkCommand {
  /** Keyed fingerprint of a provider and its message id. */
  readonly message: string;
  /** The send's report token. */
  readonly token: string;
}

export interface LinkReply {
  /** Reports that came before the link, oldest first. Each is returned once. */
  readonly reports: readonly WaitingReport[];
}

export interface LookupCommand {
  /** As in LinkCommand. */
  readonly message: string;
  readonly report: WaitingReport;
}

/** What is kept of a report until its send is known; anybody who can report may cause it. */
export type WaitingReport = Pick<DeliveryReport, 'status' | 'category' | 'vendorCode'>;

export interface LookupReply {
  /** Null when the message is not linked yet: the report is kept. */
  readonly token: string | null;
}
