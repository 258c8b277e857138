/** Figures as runs keep them, made up: round numbers, the same in both rounds. */
import { STAGES } from '../../bench/bytes-report.ts';
import { CALLS_STEPS, type CallsFigures } from '../../bench/calls-report.ts';
import type { Cost } from '../../bench/cost.ts';
import type { Figures } from '../../bench/figures.ts';
import type { PeerFigures } from '../../bench/peer-report.ts';
import { type Costs, keyOf } from '../../bench/stand.ts';

const machine = { date: '2026-01-01', node: 'v24', redis: '7', cores: 2, processor: 'any' };
const plan = { rounds: 2, calls: 1_000, concurrency: 64, connections: 4 };
const load = { calls: 1_000, seconds: 2, p50Ms: 3, p99Ms: 9 };

/** A cost a round: microseconds of the server and of Redis. */
const cost = (serverMicros: number, redisMicros = 0): Cost[] => Array(2).fill({ ...load, serverMicros, redisMicros });

const STEP_COSTS = {
  SendCode: cost(600, 100),
  RateStatus: cost(300, 50),
  'CheckCode, wrong': cost(200, 50),
  CheckCode: cost(200, 50),
};

const stand = (name: string, steps: readonly (keyof typeof STEP_COSTS)[]): Costs =>
  Object.fromEntries(steps.map((step) => [keyOf(name, step), STEP_COSTS[step]]));

const EMPTY = { 'node:http2: empty handler': cost(50), 'grpc-js: empty handler': cost(100) };

export const BYTES = {
  [STAGES.live]: 1_000,
  [STAGES.today]: 800,
  [STAGES.later]: 250,
};

export const CALLS: CallsFigures = {
  machine,
  plan,
  costs: {
    ...EMPTY,
    'gRPC edge: empty handler': cost(120),
    ...stand('gRPC, console', CALLS_STEPS.all),
    ...stand('gRPC, webhook', CALLS_STEPS.sendAndCheck),
    ...stand('gRPC, Twilio', CALLS_STEPS.send),
    ...stand('gRPC, Tencent', CALLS_STEPS.send),
    'JSON edge: empty handler': cost(150),
    ...stand('JSON, console', CALLS_STEPS.all),
  },
  storePlan: plan,
  storeTurns: [{ ...load, redisCpuMicrosPerCall: 30 }],
  starts: [
    {
      subject: 'no vendor',
      cold: { ms: 900, busyMs: 800, residentMb: 150, peakMb: 160 },
      warm: [{ ms: 500, busyMs: 400, residentMb: 130, peakMb: 140 }],
    },
  ],
};

export const PEER: PeerFigures = {
  machine,
  plan,
  costs: {
    ...EMPTY,
    ...stand('console', ['SendCode', 'CheckCode']),
    ...stand('webhook', ['SendCode', 'CheckCode']),
    'otpgateway: send': cost(300, 60),
    'otpgateway: check': cost(200, 40),
  },
};

export function figures(): Figures {
  const both = Array(2).fill({ full: cost(200, 50)[0], half: cost(250, 60)[0] });
  const steps = ['SendCode', 'CheckCode'] as const;
  return {
    calls: CALLS,
    peer: PEER,
    scale: {
      machine,
      plan,
      halfLoad: { SendCode: both, CheckCode: both },
      layouts: {
        ...stand('one process, one Redis', steps),
        ...stand('three processes, one Redis', steps),
        ...stand('one process, Cluster of 3', steps),
      },
      populations: [
        { phones: 1_000, bytesPerPhone: null },
        { phones: 5_000_000, bytesPerPhone: 700 },
      ],
      checks: {
        ...stand('1000', ['CheckCode, wrong', 'CheckCode']),
        ...stand('5000000', ['CheckCode, wrong', 'CheckCode']),
      },
    },
    scripts: { machine, now: { 'send, fresh': 50 }, before: { 'send, fresh': 100 } },
    overload: { machine, lines: ['grpc-4 at 2x: goodput 80 % of the peak'] },
    bytes: { machine, phones: 1_000_000, now: BYTES },
    profile: {
      machine,
      calls: 1_000,
      shares: { 'CheckCode, console': { 'grpc-js': 0.6, log: 0.4 }, 'SendCode, webhook': { log: 1 } },
    },
    providers: {
      machine,
      isolationPlan: { rounds: 1, hanging: 500, seconds: 7, checksPerSecond: 250 },
      isolation: [{ idleMs: 2, hangingMs: 3 }],
      sendsPlan: { concurrency: 50, sends: 1_000, idleSeconds: 31, moreSends: 20_000, every: 2_000 },
      sends: [
        {
          vendor: 'twilio',
          perSecond: 900,
          connections: 50,
          afterIdle: 0,
          heap: [
            { at: 4_000, bytes: 40e6 },
            { at: 20_000, bytes: 40e6 },
          ],
        },
      ],
    },
  };
}
