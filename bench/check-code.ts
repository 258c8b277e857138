/**
 * CheckCode, from the wire to Redis and back, against handlers that do nothing. Each server is a process of its own.
 * The subjects take turns, so that whatever else the machine does meets all of them alike.
 */
import { hash } from 'node:crypto';
import { fromBinary, fromJsonString, toBinary, toJsonString } from '@bufbuild/protobuf';
import type { Redis } from 'ioredis';
import {
  CheckCodeRequestSchema,
  CheckCodeResponseSchema,
  VerificationService,
} from '../src/gen/countersign/v1/verification_pb.ts';
import { codesFor, guessesOf, NO_CODE, type SentCode, sendRequest, sentCode, verifyVerdicts } from './guesses.ts';
import { type Caller, grpcCaller, jsonCaller, type Load, load } from './load.ts';
import { type Server, startServer } from './server.ts';

export interface Plan {
  readonly rounds: number;
  /** Per subject and round over gRPC, a multiple of 8; over Connect a quarter of it. */
  readonly calls: number;
  /** Calls under way at any time. */
  readonly concurrency: number;
  /** gRPC connections. Over HTTP/1.1 every call under way has its own. */
  readonly connections: number;
}

/** What one subject did in one round. */
export interface Turn extends Load {
  /** Processor time of the server. */
  readonly cpuMicrosPerCall: number;
}

export interface Subject {
  readonly name: string;
  readonly edge: 'grpc' | 'connect';
  readonly server: 'library' | 'empty' | 'service' | 'service with callers';
  /** Sent as a bearer token. */
  readonly token?: string;
  /** Whether each guess has a `request_id`. */
  readonly requestIds?: boolean;
}

const TOKEN = 'the-only-caller';
const method = VerificationService.method.checkCode;

export const SUBJECTS: readonly Subject[] = [
  { name: 'grpc-js by itself, empty handler', edge: 'grpc', server: 'library' },
  { name: 'gRPC edge, empty handler', edge: 'grpc', server: 'empty' },
  { name: 'CheckCode', edge: 'grpc', server: 'service' },
  { name: 'CheckCode with a bearer token', edge: 'grpc', server: 'service with callers', token: TOKEN },
  { name: 'CheckCode with a `request_id`', edge: 'grpc', server: 'service', requestIds: true },
  { name: 'Connect edge, empty handler', edge: 'connect', server: 'empty' },
  { name: 'CheckCode as JSON', edge: 'connect', server: 'service' },
];

/** The turns of every subject, by its name, one a round; a round before them warms everything up. */
export async function measureCheckCode(redis: Redis, redisUrl: string, plan: Plan): Promise<Map<string, Turn[]>> {
  const env = { REDIS_URL: redisUrl, REDIS_COMMAND_TIMEOUT_MS: '5000', LOG_FORMAT: 'json' };
  const callers = JSON.stringify({ bench: { tokens: [hash('sha256', TOKEN)] } });
  const servers: Record<Subject['server'], Server> = {
    library: await startServer(['bench/empty.ts', 'library']),
    empty: await startServer(['bench/empty.ts', 'edges']),
    service: await startServer(['src/main.ts'], env),
    'service with callers': await startServer(['src/main.ts'], { ...env, COUNTERSIGN_CALLERS: callers }),
  };
  const turns = new Map<string, Turn[]>(SUBJECTS.map(({ name }) => [name, []]));
  try {
    for (let round = 0; round <= plan.rounds; round++) {
      for (const subject of SUBJECTS) {
        await redis.flushall();
        const turn = await takeTurn(subject, servers[subject.server], plan);
        if (round > 0) turns.get(subject.name)?.push(turn);
      }
    }
  } finally {
    await Promise.all(Object.values(servers).map((server) => server.stop()));
  }
  return turns;
}

async function takeTurn({ edge, server: kind, token, requestIds = false }: Subject, server: Server, plan: Plan) {
  const { concurrency, connections } = plan;
  const real = kind === 'service' || kind === 'service with callers';
  const calls = edge === 'grpc' ? plan.calls : plan.calls / 4;
  const needed = codesFor(calls);
  const codes = real ? await sendCodes(server, needed, { plan, token }) : new Array<SentCode>(needed).fill(NO_CODE);
  const guesses = guessesOf(codes, { count: calls, requestIds });
  const requests = guesses.map((guess) =>
    Buffer.from(
      edge === 'grpc' ? toBinary(CheckCodeRequestSchema, guess) : toJsonString(CheckCodeRequestSchema, guess),
    ),
  );
  const caller =
    edge === 'grpc'
      ? grpcCaller(server.grpc, { method, connections, token })
      : jsonCaller(server.http, { method, connections: concurrency, token });
  const { turn, answers } = await measured(server, requests, { caller, concurrency });
  caller.close();
  if (real) {
    verifyVerdicts(
      answers.map((answer) =>
        edge === 'grpc'
          ? fromBinary(CheckCodeResponseSchema, answer)
          : fromJsonString(CheckCodeResponseSchema, `${answer}`),
      ),
    );
  }
  return turn;
}

async function sendCodes(server: Server, count: number, { plan, token }: { plan: Plan; token: string | undefined }) {
  const { concurrency, connections } = plan;
  const caller = grpcCaller(server.grpc, { method: VerificationService.method.sendCode, connections, token });
  const requests = Array.from({ length: count }, (_, index) => sendRequest(index));
  const { answers } = await load(requests, concurrency, caller.call);
  caller.close();
  return answers.map(sentCode);
}

async function measured(
  server: Server,
  requests: readonly Buffer[],
  { caller, concurrency }: { caller: Caller; concurrency: number },
) {
  const cpuSeconds = async () => (await server.metrics())('process_cpu_seconds_total');
  const before = await cpuSeconds();
  const { load: made, answers } = await load(requests, concurrency, caller.call);
  const cpuMicrosPerCall = (((await cpuSeconds()) - before) * 1e6) / made.calls;
  const turn: Turn = { ...made, cpuMicrosPerCall };
  return { turn, answers };
}
