/**
 * The operations listener, in a thread of its own: a probe is answered however busy the thread is that serves calls.
 * An instance that is only slow would otherwise be restarted, and its load would go to the others.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';
import { METRICS_ANSWER_MS, READY_ANSWER_MS } from '../domain/deadlines.ts';
import { closeServer, createHttpServer, listenOn } from '../http-server.ts';
import { createHeartbeat } from './heartbeat.ts';
import {
  type FromWorker,
  json,
  type OpsResponse,
  type Question,
  type ToWorker,
  type WorkerSettings,
} from './probe-messages.ts';

/** Probes and a Prometheus or two. */
const MAX_CONNECTIONS = 500;

const { heartbeat: memory, deadAfterMs } = workerData as WorkerSettings;
const heartbeat = createHeartbeat(memory);
const asked = new Map<number, (response: OpsResponse) => void>();
let questions = 0;
let lastKnown: { readonly ready: OpsResponse; readonly at: number } | null = null;

function say(message: FromWorker): void {
  parentPort?.postMessage(message);
}

/** Null when there is no answer in time. */
function ask(question: Question, ms: number): Promise<OpsResponse | null> {
  const id = questions++;
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      asked.delete(id);
      resolve(null);
    }, ms);
    asked.set(id, (response) => {
      clearTimeout(timer);
      asked.delete(id);
      resolve(response);
    });
    say({ type: 'ask', id, question });
  });
}

const ROUTES: Readonly<Record<string, () => Promise<OpsResponse>>> = {
  '/livez': async () => {
    const ageMs = heartbeat.ageMs();
    return ageMs < deadAfterMs ? json(200, { status: 'alive' }) : json(503, { status: 'dead', ...secondsOf(ageMs) });
  },
  '/readyz': async () => {
    const ready = await ask('/readyz', READY_ANSWER_MS);
    if (ready !== null) {
      lastKnown = { ready, at: performance.now() };
      return ready;
    }
    if (lastKnown === null) return json(503, { status: 'not ready', why: 'the process is too busy to say more' });
    const { ready: known, at } = lastKnown;
    return json(known.status, { ...JSON.parse(known.body), ...secondsOf(performance.now() - at) });
  },
  '/metrics': async () =>
    (await ask('/metrics', METRICS_ANSWER_MS)) ?? json(503, { status: 'the process is too busy to say more' }),
};

/** How old an answer is that could not be asked for anew. */
function secondsOf(ageMs: number): { age_seconds: number } {
  return { age_seconds: Math.round(ageMs / 100) / 10 };
}

async function respond(request: IncomingMessage): Promise<OpsResponse> {
  const path = request.url?.split('?', 1)[0] ?? '';
  const route = Object.hasOwn(ROUTES, path) ? ROUTES[path] : undefined;
  if (route === undefined) return json(404, { status: 'not found' });
  if (request.method !== 'GET' && request.method !== 'HEAD') return json(405, { status: 'method not allowed' });
  return route();
}

function write(response: ServerResponse, { status, type, body }: OpsResponse): void {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 && { allow: 'GET, HEAD' }),
  });
  response.end(body);
}

const { server } = createHttpServer(
  { max: MAX_CONNECTIONS, onCut: (why) => say({ type: 'cut', why }) },
  (request, response) => {
    request.resume();
    void respond(request).then((answer) => write(response, answer));
  },
);

parentPort?.on('message', (message: ToWorker) => {
  if (message.type === 'answer') return asked.get(message.id)?.(message.response);
  if (message.type === 'close') {
    return void closeServer(server, message.graceMs).then(() => say({ type: 'closed' }));
  }
  listenOn(server, message.address).then(
    (port) => say({ type: 'listening', port }),
    ({ message, code }: NodeJS.ErrnoException) => say({ type: 'failed', message, code }),
  );
});
