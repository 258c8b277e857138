import type { Caller } from '../domain/caller.ts';
import { type Reason, type Refusal, Refused } from '../domain/refusal.ts';
import type { CallFacts, Emit } from '../event.ts';
import type { Call } from '../verification/types.ts';
import type { EdgeOptions } from './edge.ts';
import { codeName } from './errors.ts';

export interface CallOptions {
  /** The RPC's name. */
  readonly method: string;
  readonly caller: Caller;
  readonly facts: CallFacts;
  /** From now; the caller's own deadline, capped by ours. */
  readonly deadlineMs: number;
  readonly clock: () => number;
  readonly emit: Emit;
}

/** Called exactly once per call: with the answer or with a refusal. */
export type Respond<Answer> = (...ending: [null, Answer] | [Refusal, null]) => void;

/** A library may end a call this much before its caller's deadline: its clock has whole milliseconds. */
const CLOCK_SLACK_MS = 2;

/**
 * Runs one call until its work ends or its deadline passes, whichever is first; after that only a fault of the work is
 * noticed. Returns the function that cancels the call: it aborts the signal and lets the work end by itself, because an
 * SMS may be on its way and its outcome must be recorded.
 */
export function runCall<Answer>(
  { method, caller, facts, deadlineMs, clock, emit }: CallOptions,
  work: (call: Call) => Promise<Answer>,
  respond: Respond<Answer>,
): () => void {
  if (deadlineMs <= 0) {
    respond({ reason: 'DEADLINE' }, null);
    return () => undefined;
  }
  const endsAt = clock() + deadlineMs;
  // Created on demand: most calls are one round trip to the store and never use their signal.
  let controller: AbortController | undefined;
  let ended: Refusal | null = null;
  let responded = false;

  const remainingMs = () => Math.max(0, endsAt - clock());
  const finish: Respond<Answer> = (...ending) => {
    if (responded) return;
    responded = true;
    clearTimeout(timer);
    respond(...ending);
  };
  const end = (refusal: Refusal) => {
    if (responded || ended !== null) return;
    ended = refusal;
    controller?.abort(new Refused(refusal));
  };
  const expire = () => {
    end({ reason: 'DEADLINE' });
    // Work that reacts to the abort at once still gives the answer: it knows whether something was sent.
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
      emit({ type: 'fault', where: method, error, facts });
      finish({ reason: 'INTERNAL' }, null);
    },
  );

  return () => end({ reason: remainingMs() > CLOCK_SLACK_MS ? 'CANCELED' : 'DEADLINE' });
}

/** Every call ends with one such event. */
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
