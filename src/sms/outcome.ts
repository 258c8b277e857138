import type { Failure, FailureStatus } from './provider.ts';

const RETRY_AFTER_MS = 5_000;

/**
 * The status of a SendCode for which surely nothing was sent. The first of these that applies:
 * 1. that of a refusal of this number or content, which is final;
 * 2. UNAVAILABLE when another try may help, with the shortest wait; also when no provider could be called in time;
 * 3. FAILED_PRECONDITION when it is about the destination;
 * 4. INTERNAL: only the operator can repair it.
 */
export function statusOf(failures: readonly Failure[]): { status: FailureStatus; retryAfterMs: number } {
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

/** No route leads to this number: as final as a refusal of the number. */
export const NO_ROUTE = { status: 'FAILED_PRECONDITION', retryAfterMs: RETRY_AFTER_MS } as const;
