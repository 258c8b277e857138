/**
 * `npm run bench:providers [-- --rounds 5 --out docs/benchmarks.md]`: a vendor that hangs, connections and memory. Writes its part of
 * the page, or fails, and writes nothing, when a promise is broken. Takes 4 minutes.
 */
import { parseArgs } from 'node:util';
import { startRedis } from '../test/support/redis-server.ts';
import { measureIsolation } from './isolation.ts';
import { thisMachine, writePart } from './page.ts';
import { isolationLine, problemsOf, providersPart } from './providers-report.ts';
import { measureSends } from './sends.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, out: { type: 'string', default: 'docs/benchmarks.md' } },
});
const rounds = Number(values.rounds);
if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 20)) throw new Error('--rounds must be from 1 to 20');

const redis = await startRedis();
try {
  const isolationPlan = { rounds, hanging: 500, seconds: 6, checksPerSecond: 100 };
  const sendsPlan = { concurrency: 50, sends: 1_000, idleSeconds: 31, moreSends: 20_000, every: 2_000 };
  const results = {
    machine: await thisMachine(redis.connect()),
    isolationPlan,
    isolation: await measureIsolation(redis.url, isolationPlan),
    sendsPlan,
    sends: await measureSends(sendsPlan),
  };
  const part = providersPart(results);
  const problems = problemsOf(results);
  process.stdout.write(`${part}\n${isolationLine(results)}\n${problems.map((what) => `FAILED: ${what}\n`).join('')}`);
  if (problems.length === 0) await writePart(values.out, 'providers', part);
  else process.exitCode = 1;
} finally {
  await redis.stop();
}
