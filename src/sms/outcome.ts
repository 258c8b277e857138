import type { Failure, FailureStatus } from './provider.ts';

const RETRY_AFTER_MS = 5_000;

/**
 * What SendCode answers when surely nothing was sent. A refusal of this number or content is final. Otherwise hope comes
 * first: UNAVAILABLE when trying again may help, with the shortest wait; then what is about the destination; and INTERNAL
 * when only the operator can mend it. Without failures, no provider was called in time.
 */
export function lastWord(failures: readonly Failure[]): { status: FailureStatus; retryAfterMs: number } {
  const rejected = failures.find(({ kind }) => kind === 'rejected');
  if (rejected !== undefined) {
    const { status = 'FAILED_PRECONDITION', retryAfterMs = RETRY_AFTER_MS } = rejected;
    return { status, retryAfterMs };
  }
  const temporary = failures.filter(({ status = 'UNAVAILABLE' }) => status === 'UNAVAILABLE');
  if (temporary.length > 0 || failures.length === 0) {
    const waits = temporary.map(({ retryAfterMs = RETRY_AFTER_MS }) => retryAfterMs);
    return { status: 'UNAVAILABLE', retryAfterMs: waits.length === 0 ? RETRY_AFTER_MS : Math.min(...waits) };
  }
  const destination = failures.some(({ status }) => status === 'FAILED_PRECONDITION');
  return { status: destination ? 'FAILED_PRECONDITION' : 'INTERNAL', retryAfterMs: RETRY_AFTER_MS };
}

/** Nobody may send there: as final as a refusal of the number. */
export const NO_ROUTE = { status: 'FAILED_PRECONDITION', retryAfterMs: RETRY_AFTER_MS } as const;
