/** Calls in a bounded closed loop or at a steady rate, and callers that cost as little as they can: they send and return bytes. */
import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { setInterval } from 'node:timers/promises';
import type { DescMethodUnary } from '@bufbuild/protobuf';
import { Client, credentials, Metadata } from '@grpc/grpc-js';

export interface Load {
  readonly calls: number;
  readonly seconds: number;
  /** In a closed loop calls wait for each other: about concurrency / throughput. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Loaded<Answer> {
  readonly load: Load;
  /** In the order of the requests. */
  readonly answers: readonly Answer[];
}

/** Makes every request once, `concurrency` at a time, in this order. Ends at the first call that fails. */
export async function load<Request, Answer>(
  requests: readonly Request[],
  concurrency: number,
  call: (request: Request) => Promise<Answer>,
): Promise<Loaded<Answer>> {
  const latencies = new Float64Array(requests.length);
  const answers = new Array<Answer>(requests.length);
  const queue = requests.entries();
  const startedAt = performance.now();
  const drain = async () => {
    for (const [index, request] of queue) {
      const sentAt = performance.now();
      answers[index] = await call(request);
      latencies[index] = performance.now() - sentAt;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, drain));
  return { load: loadOf(latencies, startedAt), answers };
}

/**
 * Makes every request at its time, whether or not earlier ones have been answered. A call that had to wait to be made is late: its
 * latency counts from when it was due.
 */
export async function loadAtRate<Request, Answer>(
  requests: readonly Request[],
  callsPerSecond: number,
  call: (request: Request) => Promise<Answer>,
): Promise<Loaded<Answer>> {
  const latencies = new Float64Array(requests.length);
  const answers: Promise<Answer>[] = [];
  const startedAt = performance.now();
  const make = async (request: Request, index: number) => {
    const answer = await call(request);
    latencies[index] = performance.now() - startedAt - (index * 1000) / callsPerSecond;
    return answer;
  };
  for await (const _ of setInterval(1)) {
    const due = Math.min(requests.length, 1 + Math.floor(((performance.now() - startedAt) * callsPerSecond) / 1000));
    for (let n = answers.length; n < due; n++) answers.push(make(requests[n] as Request, n));
    if (answers.length === requests.length) break;
  }
  const all = await Promise.all(answers);
  return { load: loadOf(latencies, startedAt), answers: all };
}

function loadOf(latencies: Float64Array, startedAt: number): Load {
  const seconds = (performance.now() - startedAt) / 1000;
  latencies.sort();
  const quantile = (q: number) => latencies[Math.floor(q * (latencies.length - 1))] ?? Number.NaN;
  return { calls: latencies.length, seconds, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

export interface Caller {
  /** Rejects unless the status is OK. */
  call(request: Buffer): Promise<Buffer>;
  close(): void;
}

export interface CallerOptions {
  readonly method: DescMethodUnary;
  readonly connections: number;
  /** Sent as a bearer token. */
  readonly token?: string | undefined;
}

/** No call takes longer, so that a benchmark ends. */
const DEADLINE_MS = 10_000;

/** `target` is `host:port`. */
export function grpcCaller(target: string, { method, connections, token }: CallerOptions): Caller {
  const path = `/${method.parent.typeName}/${method.name}`;
  const clients = Array.from(
    { length: connections },
    () => new Client(target, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  const asIs = (bytes: Buffer) => bytes;
  const metadata = new Metadata();
  if (token !== undefined) metadata.set('authorization', `Bearer ${token}`);
  let turn = 0;
  return {
    call: (request) =>
      new Promise((resolve, reject) => {
        const client = clients[turn++ % clients.length] as Client;
        const deadline = Date.now() + DEADLINE_MS;
        client.makeUnaryRequest(path, asIs, asIs, request, metadata, { deadline }, (error, answer) => {
          if (error === null && answer !== undefined) resolve(answer);
          else reject(error);
        });
      }),
    close: () => {
      for (const client of clients) client.close();
    },
  };
}

/** Connect with JSON bodies, as `curl` speaks it. `base` is `http://host:port`. */
export function jsonCaller(base: string, { method, connections, token }: CallerOptions): Caller {
  const url = `${base}/${method.parent.typeName}/${method.name}`;
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  return {
    call: async (body) => {
      const sent = httpRequest(url, {
        method: 'POST',
        agent,
        headers: { ...headers, 'content-length': body.length },
        timeout: DEADLINE_MS,
      });
      sent.on('timeout', () => sent.destroy(new Error('timeout')));
      sent.end(body);
      const [response] = await once(sent, 'response');
      const answer = await buffer(response);
      if (response.statusCode !== 200) throw new Error(`HTTP ${response.statusCode}: ${answer}`);
      return answer;
    },
    close: () => agent.destroy(),
  };
}
