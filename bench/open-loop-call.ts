/** A call of the open loop, and a connection that makes such calls. */
export interface OpenCall {
  readonly method: 'CheckCode' | 'SendCode';
  readonly body: Buffer;
  readonly dueAt: number;
  readonly expiresAt: number;
}

export type Ending = 'ok' | 'refused' | 'expired';

/** A connection with its calls. */
export interface Line {
  make(call: OpenCall): void;
  /** Gives up on the calls whose time is over. */
  expire(now: number): void;
  close(): void;
}

export const SERVICE = '/countersign.v1.VerificationService';
