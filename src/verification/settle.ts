/** The last step of a send: the store learns what became of the SMS, or gives the charge back. */

import type { Background } from '../background.ts';
import { SETTLE_RETRIES_MS } from '../domain/deadlines.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import type { SendCommand, SettleCommand, Store } from '../store/store.ts';

/** `delivery` is null when nothing was sent for sure: the charge is given back. Never rejects. */
export type Settle = (send: SendCommand, delivery: Delivery | null) => Promise<void>;

export interface SettleDependencies {
  readonly store: Pick<Store, 'settle'>;
  readonly background: Pick<Background, 'schedule'>;
  readonly emit: Emit;
}

/** What fails is tried again in the background: a charge is given back even if the store was away for a while. */
export function createSettle({ store, background, emit }: SettleDependencies): Settle {
  async function settle(command: SettleCommand, attempt: number): Promise<void> {
    try {
      await store.settle(command);
    } catch (error) {
      emit({ type: 'settle_failed', refund: command.delivery === null, attempt, error: error as Error });
      const delayMs = SETTLE_RETRIES_MS[attempt];
      if (delayMs !== undefined) background.schedule(() => settle(command, attempt + 1), delayMs);
    }
  }

  return ({ slot, sendId, request }, delivery) =>
    settle({ slot, sendId, requestHash: request?.hash ?? null, delivery }, 0);
}
