/** All wiring, from top to bottom. Production and tests run this same composition; tests override its edges. */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { DestinationStream } from 'pino';
import { createScheduler } from './background.ts';
import { addressOf } from './config/address.ts';
import { callerConfigs, limitPolicy, phonePolicy, purposePolicies, testCodes } from './config/policies.ts';
import type { Config } from './config/schema.ts';
import { createKeyring } from './domain/keyring.ts';
import type { Emit } from './event.ts';
import { VerificationService } from './gen/countersign/v1/verification_pb.ts';
import { logEvents } from './ops/event-log.ts';
import { createLogger } from './ops/logger.ts';
import { createMetrics } from './ops/metrics.ts';
import { createReadiness, type Phase } from './ops/readiness.ts';
import { createOpsServer } from './ops/server.ts';
import { createAuthenticator } from './rpc/auth.ts';
import { createConnectEdge } from './rpc/connect.ts';
import { createGrpcEdge } from './rpc/grpc.ts';
import { createHandlers } from './rpc/service.ts';
import { openMessaging } from './sms/messaging.ts';
import type { Provider } from './sms/provider.ts';
import type { Store } from './store/store.ts';
import { createVerifier } from './verification/verifier.ts';

export interface App {
  /** Resolves with the bound ports once calls are served. Redis may still be away then: see /readyz. */
  start(): Promise<Ports>;
  /** Finishes the calls under way, refuses new ones, and resolves when everything is closed. */
  stop(): Promise<void>;
  /** Puts a fault that no call can be blamed for into the log and the metrics. */
  report(where: string, error: unknown): void;
}

export interface Ports {
  readonly grpc: number;
  readonly http: number;
  readonly ops: number;
  /** Only where delivery reports are received. */
  readonly callbacks?: number;
}

export interface Overrides {
  readonly store?: Store;
  readonly providers?: readonly Provider[];
  /** Milliseconds since the epoch: the clock of the memory store. */
  readonly now?: () => number;
  readonly random?: (bytes: number) => Buffer;
  /** Hears every event after the log and the metrics. */
  readonly emit?: Emit;
  readonly logDestination?: DestinationStream;
  /** Where the console provider prints. */
  readonly print?: (line: string) => void;
}

/** The longest message that is read, a request of every field at its limit included. */
const MAX_MESSAGE_BYTES = 16 * 1024;
/** The most a call may take, whatever deadline its caller set. Sending waits for a vendor. */
const DEADLINES_MS = Object.fromEntries(
  VerificationService.methods.map(({ name }) => [name, name === 'SendCode' ? 10_000 : 2_000]),
);
/** As long as the longest call, so that each that was accepted can finish. */
const DRAIN_MS = 10_000;
/** For refunds that were waiting for the store. */
const FLUSH_MS = 1_000;

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
  const clock = () => performance.now();
  let phase: Phase = 'starting';

  const logger = await createLogger({
    level: config.log.level,
    pretty: config.log.format === 'pretty',
    ...(overrides.logDestination && { destination: overrides.logDestination }),
  });
  const metrics = createMetrics(VerificationService.methods.map(({ name }) => name));
  const log = logEvents(logger, clock);
  const emit: Emit = (event) => {
    log(event);
    metrics.observe(event);
    overrides.emit?.(event);
  };
  for (const warning of config.warnings) logger.warn(warning);

  const random = overrides.random ?? randomBytes;
  const keyring = createKeyring({
    current: config.secret.current === undefined ? random(32) : Buffer.from(config.secret.current),
    previous: config.secret.previous === undefined ? null : Buffer.from(config.secret.previous),
  });
  const now = overrides.now ?? Date.now;
  const store = overrides.store ?? (await openStore(config, { emit, clock, now }));
  if (overrides.store === undefined && config.redis.url === undefined) logger.warn(MEMORY_NOTICE);
  const { providers, print = printLine } = overrides;
  const messaging = await openMessaging(config, { store, keyring, emit, clock, now, print, providers }).catch(
    async (error: unknown) => {
      await store.close();
      throw error;
    },
  );
  const testCode = testCodes(config);
  const scheduler = createScheduler();
  const verifier = createVerifier({
    store,
    dispatch: messaging.dispatch,
    link: messaging.link,
    feedback: messaging.feedback,
    testCode: (e164) => testCode(e164, now()),
    keyring,
    purposes: purposePolicies(config),
    limits: limitPolicy(config),
    phones: phonePolicy(config),
    brand: config.sms.brand,
    random,
    emit,
    schedule: scheduler.schedule,
    discloseCodes: config.mode !== 'production',
  });

  const edge = {
    // A send goes on when its caller has given up: what became of it must be recorded.
    handlers: createHandlers({ ...verifier, sendCode: (...send) => scheduler.track(verifier.sendCode(...send)) }),
    authenticate: createAuthenticator(callerConfigs(config)),
    emit,
    clock,
    maxMessageBytes: MAX_MESSAGE_BYTES,
    deadlinesMs: DEADLINES_MS,
  };
  const grpc = createGrpcEdge({ ...edge, reflection: config.reflection });
  const http = createConnectEdge(edge);
  const ops = createOpsServer({
    metrics,
    readiness: createReadiness({ ready: () => store.ready(), phase: () => phase, clock, emit }),
    onFault: (error) => emit({ type: 'fault', where: 'ops', error }),
  });

  async function stop(): Promise<void> {
    phase = 'draining';
    grpc.setServing(false);
    await Promise.all([
      grpc.close(DRAIN_MS),
      http.close(DRAIN_MS),
      messaging.stopReports(DRAIN_MS),
      scheduler.settled(DRAIN_MS),
    ]);
    scheduler.flush();
    await Promise.all([scheduler.settled(FLUSH_MS), messaging.close()]);
    await store.close();
    logger.info('stopped');
    await ops.close(0);
  }

  try {
    const ports: Ports = {
      ops: await ops.listen(addressOf(config.listen.ops)),
      grpc: await grpc.listen(addressOf(config.listen.grpc)),
      http: await http.listen(addressOf(config.listen.http)),
      ...(messaging.callbacks && { callbacks: await messaging.callbacks.listen(addressOf(config.listen.callbacks)) }),
    };
    phase = 'serving';
    grpc.setServing(true);
    logger.info(ports, 'serving');
    return { ports, emit, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const MEMORY_NOTICE = 'STATE IS KEPT IN MEMORY: it ends with this process and no other one sees it. Set REDIS_URL.';

/** The Redis client is loaded only when it is used. */
async function openStore(
  config: Config,
  parts: { emit: Emit; clock: () => number; now: () => number },
): Promise<Store> {
  const { url, caFile, ...redis } = config.redis;
  if (url === undefined) {
    const { createMemoryStore } = await import('./store/memory.ts');
    return createMemoryStore({ now: parts.now });
  }
  const { createRedisStore } = await import('./store/redis.ts');
  const urls = url.split(',').map((part) => part.trim());
  const ca = caFile === undefined ? undefined : readFileSync(caFile, 'utf8');
  const { emit, clock } = parts;
  return createRedisStore({ ...redis, urls, ca, emit, clock });
}

function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}
