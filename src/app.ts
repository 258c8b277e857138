/** All wiring, from top to bottom. Production and tests run this same composition; tests override its edges. */
import { randomBytes } from 'node:crypto';
import type { DestinationStream } from 'pino';
import { createBackground } from './background.ts';
import { addressOf } from './config/address.ts';
import {
  callCeilings,
  callerConfigs,
  limitPolicy,
  peerBound,
  phonePolicy,
  purposePolicies,
  testCodes,
} from './config/policies.ts';
import type { Config } from './config/schema.ts';
import { cannotListen } from './config/settings.ts';
import { DRAIN_MS, FLUSH_MS, rpcDeadlineMs } from './domain/deadlines.ts';
import { createKeyring, type Keyring } from './domain/keyring.ts';
import type { Emit } from './event.ts';
import { observe } from './ops/observe.ts';
import { createReadiness, type Phase } from './ops/readiness.ts';
import { createOpsServer } from './ops/server.ts';
import { createAdmission } from './rpc/admission.ts';
import { createAuthenticator } from './rpc/auth.ts';
import { createConnectEdge } from './rpc/connect.ts';
import { type Edge, type EdgeOptions, METHODS } from './rpc/edge.ts';
import { createGrpcEdge } from './rpc/grpc.ts';
import { createHandlers } from './rpc/service.ts';
import { openMessaging } from './sms/messaging.ts';
import type { Provider } from './sms/provider.ts';
import { openStore } from './store/open.ts';
import type { Store } from './store/store.ts';
import { createVerifier, type Verifier } from './verification/verifier.ts';

export interface App {
  /** Resolves with the bound ports once calls are served. Redis may still be away then: see /readyz. */
  start(): Promise<Ports>;
  /** Lets the calls under way end and refuses new ones. Resolves when everything is closed. */
  stop(): Promise<void>;
  /** Logs and counts a fault that happened outside of any call. */
  report(where: string, error: unknown): void;
}

export interface Ports {
  readonly grpc: number;
  readonly http: number;
  readonly ops: number;
  /** Set only if delivery reports are received. */
  readonly callbacks?: number;
}

export interface Overrides {
  readonly store?: Store;
  readonly providers?: readonly Provider[];
  /** Milliseconds since the epoch: the clock of the memory store and of test numbers. */
  readonly now?: () => number;
  readonly random?: (bytes: number) => Buffer;
  /** The most that an RPC may take, in milliseconds. */
  readonly deadlineMs?: (rpc: string) => number;
  /** Gets every event, after the log and the metrics. */
  readonly emit?: Emit;
  readonly logDestination?: DestinationStream;
  /** Where the console provider prints. */
  readonly print?: (line: string) => void;
}

/** The largest request: every field at its limit. */
const MAX_MESSAGE_BYTES = 16 * 1024;

export function createApp(config: Config, overrides: Overrides = {}): App {
  let running: Awaited<ReturnType<typeof run>> | null = null;
  return {
    async start() {
      running = await run(config, overrides);
      return running.ports;
    },
    async stop() {
      await running?.stop();
      running = null;
    },
    report: (where, error) => running?.emit({ type: 'fault', where, error }),
  };
}

async function run(config: Config, overrides: Overrides) {
  const { random = randomBytes, now = Date.now, print = printLine, providers } = overrides;
  const clock = () => performance.now();
  let phase: Phase = 'starting';

  const { logger, metrics, emit } = await observe({
    log: config.log,
    logDestination: overrides.logDestination,
    methods: METHODS,
    clock,
    listener: overrides.emit,
  });
  for (const warning of config.warnings) logger.warn(warning);
  const keyring = openKeyring(config, random);
  const store =
    overrides.store ?? (await openStore(config.redis, { warn: (text) => logger.warn(text), emit, clock, now }));
  const messaging = await openMessaging(config, { store, keyring, emit, clock, now, print, providers }).catch(
    async (error: unknown) => {
      await store.close();
      throw error;
    },
  );
  metrics.expect(messaging.expected);
  const background = createBackground();
  const verifier = createVerifier({
    store,
    ...messaging.sending,
    keyring,
    ...policiesOf(config),
    disclosesCode: (provider) => config.mode !== 'production' && messaging.prints(provider),
    random,
    now,
    emit,
    background,
  });
  const { deadlineMs = rpcDeadlineMs } = overrides;
  const admission = createAdmission({ clock, ceilings: callCeilings(config) });
  metrics.sample(admission.state);
  const { grpc, http } = openEdges(config, { verifier, emit, clock, deadlineMs, admission });
  const ops = createOpsServer({
    metrics,
    readiness: createReadiness({ ready: () => store.ready(), phase: () => phase, clock, emit }),
    emit,
  });

  async function stop(): Promise<void> {
    phase = 'draining';
    grpc.setServing(false);
    await Promise.all([
      grpc.close(DRAIN_MS),
      http.close(DRAIN_MS),
      messaging.stopReports(DRAIN_MS),
      background.idle(DRAIN_MS),
    ]);
    background.flush();
    await Promise.all([background.idle(FLUSH_MS), messaging.close()]);
    await store.close();
    logger.info('stopped');
    await ops.close(0);
  }

  try {
    const ports = await listen(config, { ops, grpc, http, callbacks: messaging.callbacks });
    phase = 'serving';
    grpc.setServing(true);
    logger.info(ports, 'serving');
    return { ports, emit, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function openKeyring({ secret: { current, previous } }: Config, random: (bytes: number) => Buffer): Keyring {
  return createKeyring({
    current: current === undefined ? random(32) : Buffer.from(current),
    previous: previous === undefined ? null : Buffer.from(previous),
  });
}

/** What the operator decided, in the domain's terms. */
function policiesOf(config: Config) {
  return {
    purposes: purposePolicies(config),
    limits: limitPolicy(config),
    phones: phonePolicy(config),
    testCode: testCodes(config),
    brand: config.sms.brand,
  };
}

function openEdges(
  config: Config,
  { verifier, ...parts }: Pick<EdgeOptions, 'emit' | 'clock' | 'deadlineMs' | 'admission'> & { verifier: Verifier },
) {
  const edge = {
    handlers: createHandlers(verifier),
    authenticate: createAuthenticator(callerConfigs(config)),
    localNamesOnly: Object.keys(config.callers).length === 0,
    ...parts,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    perPeer: peerBound(config),
  };
  return { grpc: createGrpcEdge({ ...edge, reflection: config.reflection }), http: createConnectEdge(edge) };
}

type Listener = Pick<Edge, 'listen'>;

/** The operations listener comes first: probes are answered while the others start. */
async function listen(
  { listen: addresses }: Config,
  { ops, grpc, http, callbacks }: { ops: Listener; grpc: Listener; http: Listener; callbacks: Listener | null },
): Promise<Ports> {
  const open = (name: keyof typeof addresses, listener: Listener) =>
    listener.listen(addressOf(addresses[name])).catch((cause: Error) => {
      throw cannotListen(name, addresses[name], cause);
    });
  return {
    ops: await open('ops', ops),
    grpc: await open('grpc', grpc),
    http: await open('http', http),
    ...(callbacks && { callbacks: await open('callbacks', callbacks) }),
  };
}

const printLine = (line: string): void => void process.stdout.write(`${line}\n`);
