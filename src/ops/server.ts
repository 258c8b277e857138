/** The operations listener. A thread of its own answers (probe-worker.ts) and asks here for what only this one knows. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DEAD_LOOP_MS, HEARTBEAT_MS } from '../domain/deadlines.ts';
import type { Emit } from '../event.ts';
import { createHeartbeat } from './heartbeat.ts';
import type { Metrics } from './metrics.ts';
import {
  type FromWorker,
  json,
  type OpsResponse,
  type Question,
  type ToWorker,
  type WorkerSettings,
} from './probe-messages.ts';
import type { Readiness } from './readiness.ts';

export interface OpsServerOptions {
  readonly metrics: Pick<Metrics, 'render' | 'contentType'>;
  readonly readiness: () => Promise<Readiness>;
  readonly emit: Emit;
  /** `/livez` fails when this event loop has not turned for so long. */
  readonly deadAfterMs?: number;
}

export interface OpsServer {
  /** Resolves with the bound port. */
  listen(address: { host: string; port: number }): Promise<number>;
  close(graceMs: number): Promise<void>;
}

/** `/livez` says only that the process turns. It does not ask Redis: a restart would not bring Redis back. */
export function createOpsServer({ metrics, readiness, emit, deadAfterMs = DEAD_LOOP_MS }: OpsServerOptions): OpsServer {
  let worker: Worker | null = null;

  async function answer(question: Question): Promise<OpsResponse> {
    try {
      if (question === '/metrics') return { status: 200, type: metrics.contentType, body: await metrics.render() };
      const { ready, ...found } = await readiness();
      return json(ready ? 200 : 503, { status: ready ? 'ready' : 'not ready', ...found });
    } catch (error) {
      emit({ type: 'fault', where: 'ops', error });
      return json(500, { status: 'fault' });
    }
  }

  function start(): Worker {
    const heartbeat = createHeartbeat();
    const beating = setInterval(heartbeat.beat, Math.min(HEARTBEAT_MS, deadAfterMs / 3)).unref();
    const workerData: WorkerSettings = { heartbeat: heartbeat.memory, deadAfterMs };
    // Beside this file: a source, or a file of the bundle.
    const file = new URL(`./probe-worker${extname(import.meta.url)}`, import.meta.url);
    const started = new Worker(file, { name: 'ops', workerData, execArgv: [], env: {} });
    started.on('error', (error) => emit({ type: 'fault', where: 'ops', error }));
    started.once('exit', () => clearInterval(beating));
    started.on('message', (message: FromWorker) => {
      if (message.type === 'cut') emit({ type: 'cut', listener: 'ops', why: message.why });
      if (message.type !== 'ask') return;
      const { id, question } = message;
      void answer(question).then((response) => say(started, { type: 'answer', id, response }));
    });
    return started;
  }

  return {
    async listen(address) {
      worker = start();
      const listening = until(worker, 'listening');
      say(worker, { type: 'listen', address });
      const { port } = await listening;
      return port;
    },
    async close(graceMs) {
      if (worker === null) return;
      const closed = until(worker, 'closed');
      say(worker, { type: 'close', graceMs });
      await closed;
      await worker.terminate();
      worker = null;
    },
  };
}

function say(worker: Worker, message: ToWorker): void {
  worker.postMessage(message);
}

/** Resolves with the first message of this type; rejects when the thread says that it failed, or ends. */
function until<Type extends FromWorker['type']>(worker: Worker, type: Type): Promise<FromWorker & { type: Type }> {
  return new Promise((resolve, reject) => {
    worker.on('message', (message: FromWorker) => {
      if (message.type === type) resolve(message as FromWorker & { type: Type });
      if (message.type === 'failed') reject(Object.assign(new Error(message.message), { code: message.code }));
    });
    worker.once('exit', () => reject(new Error('the thread of the operations listener has ended')));
  });
}
