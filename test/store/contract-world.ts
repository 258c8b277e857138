/** What the parts of the contract share: one store, one phone per test, a clock that is turned by hand. */
import type { Delivery } from '../../src/domain/delivery.ts';
import type { CheckCommand, CheckReply, SendCommand, Slot, StatusReply, Store } from '../../src/store/store.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const RIGHT = 'the-right-mac';

export type SendChanges = Partial<Omit<SendCommand, 'rules'>> & { rules?: Partial<SendCommand['rules']> };

export interface World {
  store(): Store;
  /** Of the phone of this test. */
  slot(): Slot;
  now(): number;
  pass(ms: number): void;
  /** Unique, its code's MAC is RIGHT. */
  sendCommand(changes?: SendChanges): SendCommand;
  check(codeMac: string, changes?: Partial<CheckCommand>): Promise<CheckReply>;
  status(of?: Slot): Promise<StatusReply>;
  settle(sendId: string, delivery: Delivery | null, requestHash?: string | null, of?: Slot): Promise<void>;
}
