/**
 * The one table of time: how long a call and its parts may take, in milliseconds. A number is written here once, or it
 * is computed from others, so that the bounds of a call cannot contradict each other.
 */

/** The most that a SendCode may take, whatever deadline its caller sets. It waits for SMS vendors. */
export const SEND_CODE_MS = 10_000;
/** The most that any other RPC may take. It waits for the store only. */
export const OTHER_RPC_MS = 2_000;
const LONGEST_CALL_MS = Math.max(SEND_CODE_MS, OTHER_RPC_MS);

/** The most that this RPC may take; a caller's own deadline can only shorten it. */
export function rpcDeadlineMs(rpc: string): number {
  return rpc === 'SendCode' ? SEND_CODE_MS : OTHER_RPC_MS;
}

/** For one round trip to the store within a SendCode. Longer than the default of `REDIS_COMMAND_TIMEOUT_MS`. */
const STORE_STEP_MS = 500;
/** Kept at the end of a SendCode, to record what the providers said. */
export const SETTLE_MS = STORE_STEP_MS;
/** For all providers of one SendCode together. */
export const PROVIDERS_MS = SEND_CODE_MS - SETTLE_MS;
/** The highest time-out that can be set for one provider: the reservation in the store comes before it. */
export const MAX_PROVIDER_TIMEOUT_MS = PROVIDERS_MS - STORE_STEP_MS;
/** A provider that sets no time-out of its own has until the end of the call. */
export const DEFAULT_PROVIDER_TIMEOUT_MS = SEND_CODE_MS;
/**
 * With less time left, no provider is called: a message that is cut short counts as maybe sent, although it failed for
 * sure.
 */
export const MIN_PROVIDER_MS = 200;
/** After its signal fired, a provider has this long to answer what it knows: whether anything was sent. */
export const ABORT_GRACE_MS = 50;

/** More than an event loop under load, a garbage collection or a clock of the store is ever late. */
const MARGIN_MS = 5_000;
/**
 * The lease of a SendCode: a send that is unsettled for longer has lost its process, and was maybe sent. No SendCode
 * takes as long.
 */
export const SENDING_MS = SEND_CODE_MS + MARGIN_MS;
/**
 * The pauses before each new try to settle a send, after the store did not answer. For as long as a lease they are
 * short: when the store comes back within it, its process tells it before a repeat of the call can take the send over.
 */
export const SETTLE_RETRIES_MS: readonly number[] = [
  100,
  500,
  ...Array.from({ length: SENDING_MS / 1_000 }, () => 1_000),
  10_000,
  30_000,
];
/** From the refund of a reservation whose reply was lost to its repetition. */
export const DOUBTFUL_AGAIN_MS = 1_000;

/** From the opening of a circuit breaker to its first probe; doubles with every probe that fails. */
export const BREAKER_OPEN_MS = 5_000;
export const BREAKER_MAX_OPEN_MS = 30_000;

/** For a vendor to take note of approvals, in the background. */
export const CONVERSION_MS = 5_000;
/** An approval waits so long for others that go to the same vendor, which hears of them together. */
export const CONVERSION_GATHER_MS = 100;

/** A stop gives every call that was accepted the time to end. */
export const DRAIN_MS = LONGEST_CALL_MS;
/** For one fetch of delivery reports: a stop waits for it, too. */
export const PULL_MS = DRAIN_MS;
/** After the drain: for refunds that were waiting for the store. */
export const FLUSH_MS = 1_000;
/** After the drain, at the same time: for approvals and reports that are still on their way. */
export const MESSAGING_CLOSE_MS = 2_000;
/** From the signal to the end of the process, whatever is still under way. Longer than all of the above. */
export const STOP_MS = DRAIN_MS + MARGIN_MS;
/** gRPC connections are renewed at this age (± 10 %), so that callers find new instances. */
export const CONNECTION_AGE_MS = 600_000;
/** A connection that is renewed because of its age stays open this long for its calls. */
export const CONNECTION_GRACE_MS = 3 * LONGEST_CALL_MS;
/** A connection without a call. Longer than load balancers keep idle ones, 60 s as a rule: they close them, not we. */
export const KEEP_ALIVE_MS = 65_000;
/** The same for gRPC, where clients keep connections for later. */
export const GRPC_IDLE_MS = 900_000;

/** For the first bytes of a connection to arrive. Clients connect when they have something to say. */
export const SILENT_MS = 2_000;
/** For the message of a gRPC call to arrive, after its headers. Clients send both at once. */
export const GRPC_REQUEST_MS = 2_000;
/** For headers and body of an HTTP request to arrive: vendors send their reports across the internet. */
export const HTTP_REQUEST_MS = 5_000;
/** For all questions of a client that reads the schema by server reflection. */
export const REFLECTION_MS = 60_000;

/** The command `healthcheck`. Shorter than the time-out of Docker's HEALTHCHECK, so that the output says why. */
export const HEALTHCHECK_MS = 2_000;
/** The command `send-test`: a vendor that is too slow for a SendCode still shows what it says. */
export const SEND_TEST_MS = 3 * SEND_CODE_MS;

/** Between two beats by which the event loop shows that it turns. */
export const HEARTBEAT_MS = 1_000;
/** Without a beat for so long, the process is taken for dead, and /livez says so. No collection or rush takes as long. */
export const DEAD_LOOP_MS = 30_000;
/** For the event loop to say whether it is ready; after that the last known answer counts. Probes wait for 2 s. */
export const READY_ANSWER_MS = 500;
/** For it to render its metrics. */
export const METRICS_ANSWER_MS = 10_000;
