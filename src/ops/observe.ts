/** What an operator sees of the service: the log and the metrics, which listen to the same events. */
import type { DestinationStream, Logger } from 'pino';
import type { Emit } from '../event.ts';
import { logEvents } from './event-log.ts';
import { createLogger } from './logger.ts';
import { createMetrics, type Metrics } from './metrics.ts';

export interface ObserveOptions {
  readonly log: { readonly level: string; readonly format: string };
  /** Standard output when unset. */
  readonly logDestination: DestinationStream | undefined;
  /** The RPCs of the service. */
  readonly methods: readonly string[];
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Gets every event, after the log and the metrics. */
  readonly listener: Emit | undefined;
}

export async function observe(options: ObserveOptions): Promise<{ logger: Logger; metrics: Metrics; emit: Emit }> {
  const { log, logDestination, methods, clock, listener } = options;
  const logger = await createLogger({
    level: log.level,
    pretty: log.format === 'pretty',
    ...(logDestination && { destination: logDestination }),
  });
  const metrics = createMetrics(methods);
  const write = logEvents(logger, clock);
  const emit: Emit = (event) => {
    write(event);
    metrics.observe(event);
    listener?.(event);
  };
  return { logger, metrics, emit };
}
