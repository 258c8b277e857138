/**
 * A load that does not wait for its answers, as users do not: calls are due at their times, each with a deadline of a
 * second. A process of its own: `node bench/open-loop.ts '<plan as JSON>'` prints what came of it as JSON.
 */
import { setInterval as every, setTimeout } from 'node:timers/promises';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { CheckCodeRequestSchema, SendCodeRequestSchema } from '../src/gen/countersign/v1/verification_pb.ts';
import type { Ending, OpenCall } from './open-loop-call.ts';
import { grpcLine } from './open-loop-grpc.ts';
import { jsonLine } from './open-loop-json.ts';

export interface OpenLoopPlan {
  readonly edge: 'grpc' | 'json';
  readonly port: number;
  readonly token: string;
  readonly connections: number;
  /** Calls a second; 0: as many as are answered, with `atOnce` under way. */
  readonly rate: number;
  readonly atOnce: number;
  readonly seconds: number;
  /** Sends that are made before, and wait for their vendor: on the first connection, and on others. */
  readonly hanging?: { readonly here: number; readonly elsewhere: number };
}

export interface OpenLoopResult {
  readonly made: number;
  readonly ok: number;
  readonly refused: number;
  /** Not answered within their deadline. */
  readonly expired: number;
  /** Sends that wait for their vendor, at the end. */
  readonly hanging: number;
  /** Answers that are no refusals, a second. */
  readonly goodput: number;
  /** From the time that a call was due; of answers that are no refusals. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const DEADLINE_MS = 1_000;
const HANGING_PACE_MS = 2;
/** After the last of them: what is measured is that they hang, and not that they are made. */
const SETTLED_MS = 1_500;
/** New connections have to show a token first, at the pace of strangers. */
const GREETINGS_PER_SECOND = 200;

const framed = (message: Uint8Array) => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
};

/** A check of a phone that nobody sent to: one script, the answer of every stage of a verification costs about as much. */
function checkBodies(edge: OpenLoopPlan['edge']): () => Buffer {
  const request = create(CheckCodeRequestSchema, { phone: '+14152000000', code: '000000', purpose: 'login' });
  const template =
    edge === 'grpc'
      ? framed(toBinary(CheckCodeRequestSchema, request))
      : Buffer.from(toJsonString(CheckCodeRequestSchema, request));
  const at = template.indexOf('2000000');
  let count = 0;
  return () => {
    const body = Buffer.from(template);
    count = (count + 7_919) % 7_000_000;
    body.write(String(2_000_000 + count), at, 'latin1');
    return body;
  };
}

export async function openLoop(plan: OpenLoopPlan): Promise<OpenLoopResult> {
  const { edge, port, token, connections, rate, atOnce, seconds } = plan;
  const body = checkBodies(edge);
  const latencies: number[] = [];
  const counts = { ok: 0, refused: 0, expired: 0 };
  let measuring = false;
  let ended = 0;
  let made = 0;
  let sendsOpen = 0;
  let onTurn: () => void = () => undefined;

  const onEnd = (call: OpenCall, ending: Ending) => {
    if (call.method === 'SendCode') {
      sendsOpen -= 1;
      return;
    }
    ended += 1;
    if (measuring) {
      counts[ending] += 1;
      if (ending === 'ok') latencies.push(performance.now() - call.dueAt);
    }
    onTurn();
  };
  const waiting: OpenCall[] = [];
  const free = new Set<() => void>();
  const lines = Array.from({ length: connections }, () =>
    edge === 'grpc' ? grpcLine({ port, token, onEnd }) : jsonLine({ port, token, onEnd, waiting, free }),
  );
  const make = (dueAt: number, line = made) => {
    lines[line % lines.length]?.make({ method: 'CheckCode', body: body(), dueAt, expiresAt: dueAt + DEADLINE_MS });
    made += 1;
  };
  const ticking = setInterval(() => {
    for (const line of lines) line.expire(performance.now());
  }, 10);

  for (const [index] of lines.entries()) {
    make(performance.now(), index);
    await setTimeout(1_000 / GREETINGS_PER_SECOND);
  }
  while (ended < made) await setTimeout(10);
  const closeSends = await hang(plan);
  made = 0;
  measuring = true;
  const startedAt = performance.now();
  if (rate > 0) {
    for await (const _ of every(1)) {
      const due = Math.min(rate * seconds, Math.floor(((performance.now() - startedAt) * rate) / 1_000));
      while (made < due) make(startedAt + (made * 1_000) / rate);
      if (due >= rate * seconds) break;
    }
    await setTimeout(DEADLINE_MS + 100);
  } else {
    onTurn = () => void make(performance.now());
    for (let n = 0; n < atOnce; n++) make(performance.now());
    await setTimeout(seconds * 1_000);
    onTurn = () => undefined;
  }
  measuring = false;
  const stillHanging = sendsOpen;
  clearInterval(ticking);
  for (const line of lines) line.close();
  closeSends();
  latencies.sort((a, b) => a - b);
  const quantile = (q: number) => latencies[Math.floor(q * (latencies.length - 1))] ?? Number.NaN;
  return {
    made,
    ...counts,
    hanging: stillHanging,
    goodput: counts.ok / seconds,
    p50Ms: quantile(0.5),
    p99Ms: quantile(0.99),
  };

  async function hang({ hanging }: OpenLoopPlan): Promise<() => void> {
    if (hanging === undefined) return () => undefined;
    let sends = 0;
    const send = (phone: number): OpenCall => {
      sendsOpen += 1;
      const request = create(SendCodeRequestSchema, { phone: `+1415${phone}`, purpose: 'login' });
      const dueAt = performance.now();
      return {
        method: 'SendCode',
        body: framed(toBinary(SendCodeRequestSchema, request)),
        dueAt,
        expiresAt: dueAt + 60_000,
      };
    };
    const others = grpcLine({ port, token, onEnd });
    for (let n = 0; n < hanging.elsewhere; n++) {
      others.make(send(2_000_000 + sends++));
      await setTimeout(HANGING_PACE_MS);
    }
    for (let n = 0; n < hanging.here; n++) {
      lines[0]?.make(send(2_000_000 + sends++));
      await setTimeout(HANGING_PACE_MS);
    }
    await setTimeout(SETTLED_MS);
    return () => others.close();
  }
}

if (import.meta.main) {
  // Of errors of its sockets it needs no traces, and many of them cost much.
  Error.stackTraceLimit = 0;
  const result = await openLoop(JSON.parse(process.argv[2] ?? '{}') as OpenLoopPlan);
  process.stdout.write(`${JSON.stringify(result)}\n`);
  process.exit(0);
}
