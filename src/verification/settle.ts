/** The last step of a send: the store learns what became of the SMS, or gives the charge back. */

import type { Background } from '../background.ts';
import { DOUBTFUL_AGAIN_MS, SETTLE_RETRIES_MS } from '../domain/deadlines.ts';
import type { Delivery } from '../domain/delivery.ts';
import type { Emit } from '../event.ts';
import type { SendCommand, SettleCommand, Store } from '../store/store.ts';

/** None of them rejects. */
export interface Settle {
  record(send: SendCommand, delivery: Delivery): Promise<void>;
  /** Nothing was sent for sure: the charge is given back. */
  refund(send: SendCommand): Promise<void>;
  /**
   * The same, when the reply to the reservation was lost. After a pause of the store, the reservation can come to it
   * on the old connection after the refund came on the new one: so the refund is repeated.
   */
  doubtful(send: SendCommand): Promise<void>;
}

export interface SettleDependencies {
  readonly store: Pick<Store, 'settle'>;
  readonly background: Pick<Background, 'schedule'>;
  readonly emit: Emit;
}

/** What fails is tried again in the background: a charge is given back even if the store was away for a while. */
export function createSettle({ store, background, emit }: SettleDependencies): Settle {
  async function settle(command: SettleCommand, settled?: () => void, attempt = 0): Promise<void> {
    try {
      await store.settle(command);
      settled?.();
    } catch (error) {
      emit({ type: 'settle_failed', refund: command.delivery === null, attempt, error: error as Error });
      const delayMs = SETTLE_RETRIES_MS[attempt];
      if (delayMs !== undefined) background.schedule(() => settle(command, settled, attempt + 1), delayMs);
    }
  }

  const commandOf = ({ slot, sendId, request }: SendCommand, delivery: Delivery | null): SettleCommand => ({
    slot,
    sendId,
    requestHash: request?.hash ?? null,
    delivery,
  });

  return {
    record: (send, delivery) => settle(commandOf(send, delivery)),
    refund: (send) => settle(commandOf(send, null)),
    doubtful(send) {
      const command = commandOf(send, null);
      return settle(command, () => background.schedule(() => settle(command), DOUBTFUL_AGAIN_MS));
    },
  };
}
