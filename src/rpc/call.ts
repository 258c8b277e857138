import type { Caller } from '../domain/caller.ts';
import { type Reason, type Refusal, Refused } from '../domain/refusal.ts';
import type { CallFacts, Emit } from '../event.ts';
import type { Call } from '../verification/types.ts';
import type { EdgeOptions } from './edge.ts';
import { codeName } from './errors.ts';

export interface Circumstances {
  /** The RPC's name. */
  readonly method: string;
  readonly caller: Caller;
  readonly facts: CallFacts;
  /** From now; the caller's own deadline, capped by ours. */
  readonly deadlineMs: number;
  readonly clock: () => number;
  readonly emit: Emit;
}

/** Called exactly once per call: with the answer, or with why there is none. */
export type Settle<Answer> = (...ending: [null, Answer] | [Refusal, null]) => void;

/** A library that ends a call at its caller's deadline reads another clock, in whole milliseconds. */
const CLOCK_SLACK_MS = 2;

/**
 * Runs one call until its work ends or its deadline passes, whichever is first; what the work does after that is only
 * heard of when it is a fault. Returns the function that cancels the call: it aborts the signal and leaves the work to
 * end by itself, because an SMS may be on its way and somebody has to write down what became of it.
 */
export function runCall<Answer>(
  { method, caller, facts, deadlineMs, clock, emit }: Circumstances,
  work: (call: Call) => Promise<Answer>,
  settle: Settle<Answer>,
): () => void {
  if (deadlineMs <= 0) {
    settle({ reason: 'DEADLINE' }, null);
    return () => undefined;
  }
  const endsAt = clock() + deadlineMs;
  // Made on demand: most calls are one round trip to the store and never look at their signal.
  let controller: AbortController | undefined;
  let ended: Refusal | null = null;
  let settled = false;

  const remainingMs = () => Math.max(0, endsAt - clock());
  const finish: Settle<Answer> = (...ending) => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    settle(...ending);
  };
  const end = (refusal: Refusal) => {
    if (settled || ended !== null) return;
    ended = refusal;
    controller?.abort(new Refused(refusal));
  };
  const expire = () => {
    end({ reason: 'DEADLINE' });
    // Work that answers the abort at once has the last word: it knows whether something was sent.
    setImmediate(() => finish(ended ?? { reason: 'DEADLINE' }, null));
  };
  const timer = setTimeout(expire, deadlineMs);

  const call: Call = {
    caller,
    facts,
    remainingMs,
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        if (ended !== null) controller.abort(new Refused(ended));
      }
      return controller.signal;
    },
  };

  work(call).then(
    (answer) => finish(null, answer),
    (error: unknown) => {
      if (error instanceof Refused) return finish(error.refusal, null);
      emit({ type: 'fault', where: method, error });
      finish({ reason: 'INTERNAL' }, null);
    },
  );

  return () => end({ reason: remainingMs() > CLOCK_SLACK_MS ? 'CANCELED' : 'DEADLINE' });
}

/** The one event of a call. */
export function emitRpc(
  { emit, clock }: Pick<EdgeOptions, 'emit' | 'clock'>,
  call: {
    readonly edge: 'grpc' | 'connect';
    readonly method: string;
    readonly startedAt: number;
    readonly facts: CallFacts;
    readonly code: number;
    readonly reason: Reason | null;
  },
): void {
  const { edge, method, startedAt, facts, code, reason } = call;
  emit({ type: 'rpc', edge, method, status: codeName(code), reason, seconds: (clock() - startedAt) / 1000, facts });
}
