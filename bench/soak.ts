/**
 * `npm run soak [-- --minutes 10 --rate 1000 --out docs/soak.md]`: one server process under mixed load. Fails, and writes
 * no page, when an answer is not the one that was due, when memory grows or when the load could not be made.
 */
import { writeFile } from 'node:fs/promises';
import { setInterval } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openClient } from '../test/support/clients.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { thisMachine } from './page.ts';
import { type Server, startServer } from './server.ts';
import { problemsOf, SEPARATOR, type Soaked, soakPage } from './soak-report.ts';
import { traffic } from './traffic.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '1000' },
    out: { type: 'string', default: 'docs/soak.md' },
  },
});
const seconds = Number(values.minutes) * 60;
const callsPerSecond = Number(values.rate);
if (!(seconds >= 20 && seconds <= 86_400 && callsPerSecond >= 1 && callsPerSecond <= 10_000)) {
  throw new Error('--minutes must be from 1/3 to 1440, --rate from 1 to 10000');
}
/** A phone gets its second SMS long after the soak has forgotten it, and codes outlive the soak's interest in them. */
const SETTINGS = { SMS_RESEND_INTERVAL_SECONDS: '3600', SMS_CODE_EXPIRY_MINUTES: '10', LOG_FORMAT: 'json' };
/** One call in five is made over Connect. */
const PROTOCOLS = ['grpc', 'grpc', 'grpc', 'grpc', 'json'] as const;

async function soak(server: Server): Promise<Omit<Soaked, 'machine'>> {
  const clients = PROTOCOLS.map((protocol) => openClient(protocol, server));
  const counts = new Map<string, number>();
  const unexpected = new Map<string, number>();
  const count = (map: Map<string, number>, what: string) => map.set(what, (map.get(what) ?? 0) + 1);

  const cpuBefore = (await server.metrics())('process_cpu_seconds_total');
  const ended = new AbortController();
  const startedAt = performance.now();
  const load = traffic({
    clients,
    callsPerSecond,
    seconds,
    random: Math.random,
    told: (kind, { answer, expected }) => {
      count(counts, `${kind}${SEPARATOR}${answer}`);
      if (answer !== expected) count(unexpected, `${kind}: ${answer} instead of ${expected}`);
    },
  });
  const timed = load.then(() => (performance.now() - startedAt) / 1000).finally(() => ended.abort());
  const [took, memory] = await Promise.all([timed, watchMemory(server, ended.signal)]);
  for (const client of clients) client.close();
  const metrics = await server.metrics();
  return {
    seconds: took,
    callsPerSecond,
    counts,
    unexpected,
    memory,
    cpuSeconds: metrics('process_cpu_seconds_total') - cpuBefore,
    faults: metrics('countersign_faults_total') + metrics('countersign_settle_failures_total'),
    exitCode: await server.stop(),
    stderr: server.process.stderr(),
  };
}

/** Looks every second, so that the soak's report can take the lowest of ten. */
async function watchMemory(server: Server, signal: AbortSignal): Promise<Soaked['memory']> {
  const startedAt = performance.now();
  const rss: Soaked['memory']['rss'][number][] = [];
  const heap: Soaked['memory']['heap'][number][] = [];
  for await (const _ of setInterval(1_000)) {
    if (signal.aborted) break;
    const at = (performance.now() - startedAt) / 1000;
    const metrics = await server.metrics();
    rss.push({ at, bytes: metrics('process_resident_memory_bytes') });
    heap.push({ at, bytes: metrics('nodejs_heap_size_used_bytes') });
  }
  return { rss, heap };
}

const redis = await startRedis();
try {
  const machine = await thisMachine(redis.connect());
  const server = await startServer(['src/main.ts'], { REDIS_URL: redis.url, ...SETTINGS });
  const soaked = { machine, ...(await soak(server)) };
  const page = soakPage(soaked);
  const problems = problemsOf(soaked);
  process.stdout.write(`${page}\n${problems.map((problem) => `FAILED: ${problem}\n`).join('')}`);
  if (problems.length === 0) await writeFile(values.out, page);
  else process.exitCode = 1;
} finally {
  await redis.stop();
}
