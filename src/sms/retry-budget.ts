/**
 * What each call earns, what a retry costs, and the most that can be saved. In tenths, because ten times 0.1 is not 1.
 */
const TENTHS_PER_CALL = 1;
const TENTHS_PER_RETRY = 10;
const MAX_TENTHS = 100;

/**
 * Keeps the retries at one provider below a tenth of its calls: when it refuses all calls, their number must not
 * double.
 */
export interface RetryBudget {
  called(): void;
  /** Whether the budget allows one more retry; if so, its cost is taken. */
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
