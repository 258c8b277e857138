/**
 * A vendor that hangs is no matter of those who check codes: CheckCode at a steady rate, by turns with nothing else to do and with
 * SendCodes waiting for Twilio. Service, Redis, vendor and load generator are processes of their own.
 */
import { hash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { type ServiceError, status } from '@grpc/grpc-js';
import {
  CheckCodeRequestSchema,
  CheckCodeResponseSchema,
  DeliveryStatus,
  SendCodeResponseSchema,
  VerificationService,
} from '../src/gen/countersign/v1/verification_pb.ts';
import { eventually } from '../test/support/wait.ts';
import { codesFor, guessesOf, phoneNumber, sendRequest, sentCode, verifyVerdicts } from './guesses.ts';
import { type Caller, grpcCaller, load, loadAtRate } from './load.ts';
import { type Server, startServer } from './server.ts';
import { startVendors, twilioAt, type VendorProcess } from './vendors.ts';

export interface IsolationPlan {
  readonly rounds: number;
  /** SendCodes that wait. */
  readonly hanging: number;
  /** For each of the two in each round; it must end before those that hang do. */
  readonly seconds: number;
  readonly checksPerSecond: number;
}

/** Latencies of CheckCode in one round, at the 99th percentile. */
export interface IsolationRound {
  readonly idleMs: number;
  readonly hangingMs: number;
}

const TOKEN = 'the-only-caller';
const { sendCode, checkCode } = VerificationService.method;
/** The most that may be set. */
const TIMEOUT_MS = 9_000;
/** More than a server allows streams on one connection. */
const CONNECTIONS = 8;

export async function measureIsolation(redisUrl: string, plan: IsolationPlan): Promise<IsolationRound[]> {
  const vendors = await startVendors();
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'));
  try {
    const file = join(folder, 'countersign.yaml');
    await writeFile(file, `twilio: { timeoutMs: ${TIMEOUT_MS}, maxConcurrent: ${2 * plan.hanging} }\n`);
    const server = await startServer(['src/main.ts'], {
      NODE_ENV: 'production',
      // Sends are made as fast as they can be; what admission makes of those that hang is in bench:overload.
      ADMISSION: 'off',
      SMS_BRAND: 'Countersign',
      COUNTERSIGN_CONFIG: file,
      COUNTERSIGN_SECRET: 'a secret of this benchmark, 32 bytes or more',
      COUNTERSIGN_CALLERS: JSON.stringify({ bench: { tokens: [hash('sha256', TOKEN)] } }),
      REDIS_URL: redisUrl,
      REDIS_COMMAND_TIMEOUT_MS: '5000',
      ...twilioAt((await vendors.seen()).twilio.url),
      // It would be one more call of the vendor for every second CheckCode while it does not hang.
      TWILIO_FEEDBACK: 'false',
    });
    try {
      return await inTurns(server, vendors, plan);
    } finally {
      await server.stop();
    }
  } finally {
    await vendors.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function inTurns(server: Server, vendors: VendorProcess, plan: IsolationPlan): Promise<IsolationRound[]> {
  const callers = {
    send: grpcCaller(server.grpc, { method: sendCode, connections: CONNECTIONS, token: TOKEN }),
    check: grpcCaller(server.grpc, { method: checkCode, connections: 1, token: TOKEN }),
  };
  let phones = 0;
  const requests = (count: number) => Array.from({ length: count }, () => sendRequest(phones++));

  /** Guesses for one stretch of time, half of them right. */
  async function guesses(): Promise<Buffer[]> {
    const count = Math.round((plan.checksPerSecond * plan.seconds) / 2) * 2;
    const first = phones;
    const { answers } = await load(requests(codesFor(count)), 32, callers.send.call);
    const codes = await vendors.codes();
    const sent = answers.map((answer, index) => {
      return { ...sentCode(answer), code: codes.get(phoneNumber(first + index)) ?? '' };
    });
    return guessesOf(sent, { count, requestIds: false }).map((guess) =>
      Buffer.from(toBinary(CheckCodeRequestSchema, guess)),
    );
  }

  async function round(): Promise<IsolationRound> {
    const [idle, busy] = [await guesses(), await guesses()];
    const idleMs = await p99(callers.check, idle, plan);
    await vendors.hang(true);
    const { requests: before } = (await vendors.seen()).twilio;
    const waiting = Promise.all(requests(plan.hanging).map((request) => callers.send.call(request).catch(tooLate)));
    const underWay = async () => {
      const { requests: now, open } = (await vendors.seen()).twilio;
      return now - before === plan.hanging && open >= plan.hanging;
    };
    await eventually('all are at the vendor', underWay);
    const hangingMs = await p99(callers.check, busy, plan);
    if (!(await underWay())) throw new Error('the vendor did not hang for so long');
    for (const answer of await waiting) {
      if (answer === null) continue;
      const { delivery } = fromBinary(SendCodeResponseSchema, answer);
      if (delivery?.status !== DeliveryStatus.UNKNOWN) throw new Error('a SendCode that hung does not say so');
    }
    await vendors.hang(false);
    // The vendor was left alone, and is tried again.
    const healed = async () => (await callers.send.call(requests(1)[0] as Buffer)).length > 0;
    await eventually('the vendor is used again', healed, { timeoutMs: 60_000, everyMs: 250 });
    return { idleMs, hangingMs };
  }

  const rounds: IsolationRound[] = [];
  await p99(callers.check, await guesses(), plan);
  for (let n = 0; n < plan.rounds; n++) rounds.push(await round());
  for (const caller of Object.values(callers)) caller.close();
  return rounds;
}

/** All of them end at once, and the last ones a little too late. */
function tooLate(error: ServiceError): null {
  if (error.code !== status.DEADLINE_EXCEEDED) throw error;
  return null;
}

async function p99(caller: Caller, requests: readonly Buffer[], { checksPerSecond }: IsolationPlan): Promise<number> {
  const { load: made, answers } = await loadAtRate(requests, checksPerSecond, caller.call);
  verifyVerdicts(answers.map((answer) => fromBinary(CheckCodeResponseSchema, answer)));
  return made.p99Ms;
}
