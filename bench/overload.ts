/**
 * What becomes of a service that is asked for more than it can do: checks at half, once, twice and three times its
 * capacity, over few and many connections and as JSON, and while sends hang at their vendor. Service on one core; load,
 * Redis and vendor on the other. Arguments name rows (`grpc-40 json sends`) and further servers to compare
 * (`before=/elsewhere/src/main.ts`). OVERLOAD_SECONDS sets the time of each step.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from '../test/support/child.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { keepFigures } from './figures.ts';
import type { OpenLoopPlan, OpenLoopResult } from './open-loop.ts';
import { thisMachine } from './page.ts';
import { writePages } from './pages.ts';
import { type Server, startServer } from './server.ts';

const DRIVER = fileURLToPath(new URL('open-loop.ts', import.meta.url));
const TOKEN = 'the-only-caller';
const SECONDS = Number(process.env.OVERLOAD_SECONDS ?? 30);
const WARM_UP_SECONDS = 6;
const ROWS = {
  'grpc-4': { edge: 'grpc', connections: 4 },
  'grpc-40': { edge: 'grpc', connections: 40 },
  'grpc-400': { edge: 'grpc', connections: 400 },
  json: { edge: 'json', connections: 100 },
} as const;
const LOADS = (process.env.OVERLOAD_LOADS ?? '0.5,1,2,3').split(',').map(Number);
/** At once, in the closed loop that finds the capacity. */
const AT_ONCE = 64;
/** As the image gives it to the service where the limit of memory is 512 MiB. */
const HEAP = '--max-old-space-size=205';
const HANGING = { here: 100, elsewhere: 400 };

const args = process.argv.slice(2);
const others = args.filter((arg) => arg.includes('=')).map((arg) => arg.split('='));
const wanted = args.filter((arg) => !arg.includes('='));
const SERVERS: readonly { name: string; main: string; env: Record<string, string> }[] = [
  ...others.map(([name = '', main = '']) => ({ name, main, env: {} })),
  { name: 'service', main: 'src/main.ts', env: {} },
  ...(process.env.OVERLOAD_CONTROL === undefined
    ? []
    : [{ name: 'control', main: 'src/main.ts', env: { ADMISSION: 'off' } }]),
];

const lines: string[] = [];
print(`${SECONDS} s each; p50 and p99 in ms from the time that a call was due`);
pin(process.pid, 1);
const redis = await startRedis();
const admin = redis.connect();
const vendor = createServer(() => undefined);
const vendorPort = await new Promise<number>((resolve) => {
  vendor.listen(0, '127.0.0.1', () => resolve((vendor.address() as AddressInfo).port));
});
try {
  for (const row of Object.keys(ROWS) as (keyof typeof ROWS)[]) {
    if (wanted.length === 0 || wanted.includes(row)) for (const server of SERVERS) await overload(row, server);
  }
  if (wanted.length === 0 || wanted.includes('sends')) for (const server of SERVERS) await hangingSends(server);
  // The page has all rows.
  if (wanted.length === 0) await keepFigures('overload', { machine: await thisMachine(admin), lines });
  await writePages();
} finally {
  vendor.close();
  vendor.closeAllConnections();
  await redis.stop();
}

async function overload(row: keyof typeof ROWS, { name, main, env }: (typeof SERVERS)[number]): Promise<void> {
  const server = await start(main, env);
  try {
    const plan = { ...ROWS[row], port: portOf(ROWS[row].edge, server), token: TOKEN, rate: 0, atOnce: AT_ONCE };
    await drive({ ...plan, seconds: WARM_UP_SECONDS });
    const idleMb = memory(server);
    const capacity = await capacityOf(plan);
    print(`${row.padEnd(9)} ${name}: capacity ${capacity.toFixed(0)}/s, ${idleMb} MB`);
    let peak = capacity;
    let quietMs = Number.NaN;
    for (const load of LOADS) {
      const watch = watchProcess(server);
      const before = await refusals(server);
      const result = await drive({ ...plan, rate: Math.round(load * capacity), seconds: SECONDS });
      const seen = await watch();
      const reasons = sinceThen(before, await refusals(server));
      if (load <= 1) peak = Math.max(peak, result.goodput);
      if (load === LOADS[0]) quietMs = result.p99Ms;
      print(line(load, result, { peak, quietMs, reasons, ...seen }));
    }
    const { p99Ms } = await drive({ ...plan, rate: Math.round(capacity / 2), seconds: 5 });
    print(`  after it, at 0.5: p99 ${p99Ms.toFixed(1)} (${(p99Ms / quietMs).toFixed(1)}x), ${memory(server)} MB`);
  } finally {
    await server.stop();
  }
}

/**
 * The most goodput: a closed loop waits for the load's own core as well, so it is followed by rates of a fifth more each
 * until that brings no more.
 */
async function capacityOf(plan: Omit<OpenLoopPlan, 'seconds'>): Promise<number> {
  const seconds = WARM_UP_SECONDS / 2;
  let { goodput: best } = await drive({ ...plan, seconds });
  for (let rate = best * 1.2; ; rate *= 1.2) {
    const { goodput } = await drive({ ...plan, rate: Math.round(rate), seconds });
    if (goodput < best * 1.05) return Math.max(best, goodput);
    best = goodput;
  }
}

/** A server of its own for each round: by the next one, the breaker leaves the vendor alone. */
async function hangingSends({ name, main, env }: (typeof SERVERS)[number]): Promise<void> {
  const config = join(mkdtempSync(join(tmpdir(), 'countersign-')), 'overload.yaml');
  writeFileSync(config, `webhook: {url: "http://127.0.0.1:${vendorPort}/", maxConcurrent: 1000, timeoutMs: 9000}\n`);
  const webhook = { SMS_MOCK_MODE: 'off', SMS_WEBHOOK_SECRET: 's'.repeat(40), COUNTERSIGN_CONFIG: config };
  for (const round of [1, 2, 3]) {
    const server = await start(main, { ...env, ...webhook });
    try {
      const plan = { edge: 'grpc', connections: 1, port: portOf('grpc', server), token: TOKEN, atOnce: 16 } as const;
      await drive({ ...plan, rate: 0, seconds: WARM_UP_SECONDS });
      const quiet = await drive({ ...plan, rate: 500, seconds: 5 });
      const busy = await drive({ ...plan, rate: 500, seconds: 5, hanging: HANGING });
      const ratio = (busy.p99Ms / quiet.p99Ms).toFixed(2);
      const p99s = `p99 ${quiet.p99Ms.toFixed(1)} -> ${busy.p99Ms.toFixed(1)} ms (${ratio}x)`;
      print(
        `sends ${name} ${round}: ${p99s}, ok ${busy.ok} of ${busy.made}, hanging ${busy.hanging}, ${memory(server)} MB, ${sinceThen(new Map(), await refusals(server))}`,
      );
    } finally {
      await server.stop();
    }
  }
}

async function start(main: string, env: Record<string, string>): Promise<Server> {
  await admin.flushall();
  const server = await startServer([main], {
    NODE_ENV: 'test',
    LOG_FORMAT: 'json',
    REDIS_URL: redis.url,
    NODE_OPTIONS: HEAP,
    COUNTERSIGN_CALLERS: JSON.stringify({ bench: { tokens: [hash('sha256', TOKEN)] } }),
    ...env,
  });
  pin(server.process.pid, 0);
  return server;
}

async function drive(plan: OpenLoopPlan): Promise<OpenLoopResult> {
  const driver = await startChild(process.execPath, [DRIVER, JSON.stringify(plan)], { env: {} });
  const [json] = await driver.printed(/^\{.*\}$/m);
  await driver.stop();
  return JSON.parse(json) as OpenLoopResult;
}

/** All threads of a process, and what it starts. Before others on this machine, where we may. */
function pin(pid: number, core: number): void {
  execFileSync('taskset', ['-acp', String(core), String(pid)]);
  spawnSync('renice', ['-n', '-10', '-p', ...readdirSync(`/proc/${pid}/task`)]);
}

function portOf(edge: 'grpc' | 'json', server: Server): number {
  return Number((edge === 'grpc' ? server.grpc : server.http).split(':').at(-1));
}

function print(text: string): void {
  lines.push(text);
  process.stdout.write(`${text}\n`);
}

function memory({ process: { pid } }: Server): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Math.round(Number(kilobytes) / 1_024);
}

/** How many calls were refused so far, by reason. */
async function refusals(server: Server): Promise<ReadonlyMap<string, number>> {
  const response = await fetch(`${server.ops}/metrics`, { signal: AbortSignal.timeout(60_000) });
  const lines = (await response.text()).matchAll(/^countersign_refusals_total\{reason="(\w+)"\} (\d+)$/gm);
  return new Map([...lines].map(([, reason = '', count]) => [reason, Number(count)]));
}

function sinceThen(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): string {
  const grown = [...after].map(([reason, count]) => [reason, count - (before.get(reason) ?? 0)] as const);
  return grown.flatMap(([reason, count]) => (count > 0 ? [`${reason} ${count}`] : [])).join(', ');
}

interface Seen {
  /** Shares of a core: of the service, and of the load. */
  readonly busy: number;
  readonly peakMb: number;
  readonly liveMs: number;
}

/** Processor time in seconds, of all threads. */
function processorSeconds({ process: { pid } }: Server): number {
  const [, , , , , , , , , , , user, system] = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/\(.*\)/, '')
    .split(/ +/);
  return (Number(user) + Number(system)) / 100;
}

/** Its memory, and how long /livez takes to answer, until it is told to stop. */
function watchProcess(server: Server): () => Promise<Seen> {
  const stop = new AbortController();
  const watch = async (): Promise<Seen> => {
    const [usedBefore, begunAt] = [processorSeconds(server), performance.now()];
    let [peakMb, liveMs] = [0, 0];
    while (!stop.signal.aborted) {
      const startedAt = performance.now();
      await fetch(`${server.ops}/livez`, { signal: AbortSignal.timeout(10_000) }).catch(() => undefined);
      liveMs = Math.max(liveMs, performance.now() - startedAt);
      peakMb = Math.max(peakMb, memory(server));
      await setTimeout(100);
    }
    const busy = (processorSeconds(server) - usedBefore) / ((performance.now() - begunAt) / 1_000);
    return { busy, peakMb, liveMs };
  };
  const watching = watch();
  return () => {
    stop.abort();
    return watching;
  };
}

function line(
  load: number,
  { made, goodput, refused, expired, p50Ms, p99Ms }: OpenLoopResult,
  { peak, quietMs, reasons, busy, peakMb, liveMs }: Seen & { peak: number; quietMs: number; reasons: string },
): string {
  const share = (part: number) => `${((100 * part) / made).toFixed(0)} %`;
  return [
    `  ${load}x`.padEnd(7),
    `goodput ${goodput.toFixed(0)} (${((100 * goodput) / peak).toFixed(0)} % of peak)`.padEnd(30),
    `p50 ${p50Ms.toFixed(1)} p99 ${p99Ms.toFixed(1)} (${(p99Ms / quietMs).toFixed(1)}x)`.padEnd(30),
    `refused ${share(refused)} expired ${share(expired)}`.padEnd(28),
    `busy ${(100 * busy).toFixed(0)} %, ${peakMb} MB, /livez ${liveMs.toFixed(0)} ms`,
    reasons,
  ].join(' ');
}
