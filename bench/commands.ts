/** Commands for the store with keys, ids and MACs as long as real ones: each phone has all of its own. */
import { randomBytes } from 'node:crypto';
import type { Delivery } from '../src/domain/delivery.ts';
import type { Slot } from '../src/domain/slot.ts';
import type { CheckCommand, RequestKey, SendCommand, SettleCommand, StatusCommand } from '../src/store/store.ts';

const bytes = (length: number) => randomBytes(length).toString('base64url');

const WINDOWS = [
  { name: 'phone_hour', limit: 5, windowMs: 3_600_000 },
  { name: 'phone_day', limit: 10, windowMs: 86_400_000 },
] as const;

/** As of a vendor whose message ids have 34 characters. */
function newDelivery(): Delivery {
  const attempts = [{ provider: 'vendor', result: 'accepted', category: '', latencyMs: 123.4 }] as const;
  return { provider: 'vendor', messageId: `SM${randomBytes(16).toString('hex')}`, status: 'accepted', attempts };
}

export interface BenchPhone {
  readonly slot: Slot;
  send(changes?: { readonly cooldownMs?: number }): SendCommand;
  settle(outcome: 'accepted' | 'refund'): SettleCommand;
  check(guess: 'right' | 'wrong'): CheckCommand;
  status(): StatusCommand;
}

export function newPhone({ requestIds }: { readonly requestIds: boolean }): BenchPhone {
  const slot = { phoneKey: `00.${bytes(16)}`, caller: 'auth', purpose: 'login' };
  const request = (): RequestKey | null => (requestIds ? { hash: bytes(16), content: bytes(16) } : null);
  const [sending, checking, right] = [request(), request(), bytes(16)];
  let sendId = bytes(12);
  return {
    slot,
    send({ cooldownMs = 60_000 } = {}) {
      sendId = bytes(12);
      return {
        slot,
        rules: { lifeMs: 300_000, digits: 6, guesses: 5, resend: 'same', cooldownMs, windows: WINDOWS, test: false },
        sendId,
        candidate: { nonce: bytes(16), seed: bytes(16), codeMac: right },
        session: '',
        content: '',
        request: sending,
      };
    },
    settle: (outcome) => ({
      slot,
      sendId,
      requestHash: sending?.hash ?? null,
      delivery: outcome === 'accepted' ? newDelivery() : null,
    }),
    check: (guess) => ({
      slot,
      nonce: null,
      session: '',
      content: '',
      codeMac: guess === 'right' ? right : bytes(16),
      request: checking,
      approvedTag: requestIds ? bytes(16) : '',
      guessesByPhone: 5,
    }),
    status: () => ({ slot, nonce: null, cooldownMs: 60_000, windows: WINDOWS }),
  };
}

/** So many calls, some of them at once. */
export async function inBatches(
  calls: number,
  atOnce: number,
  call: (index: number) => Promise<unknown>,
): Promise<void> {
  for (let from = 0; from < calls; from += atOnce) {
    const size = Math.min(atOnce, calls - from);
    await Promise.all(Array.from({ length: size }, (_, i) => call(from + i)));
  }
}
