/** Retries allowed per call, and saved up at the most. Counted in tenths: sums of 0.1 miss 1. */
const TENTHS_PER_CALL = 1;
const TENTHS_PER_RETRY = 10;
const MAX_TENTHS = 100;

/** Holds the retries at one provider to a tenth of its calls: when all are refused, they do not become twice as many. */
export interface RetryBudget {
  called(): void;
  /** Whether one more retry is paid for; it is spent then. */
  spend(): boolean;
}

export function createRetryBudget(): RetryBudget {
  let tenths = 0;
  return {
    called() {
      tenths = Math.min(tenths + TENTHS_PER_CALL, MAX_TENTHS);
    },
    spend() {
      if (tenths < TENTHS_PER_RETRY) return false;
      tenths -= TENTHS_PER_RETRY;
      return true;
    },
  };
}
