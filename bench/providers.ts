/**
 * `npm run bench:providers [-- --rounds 5]`: a vendor that hangs, connections and memory. Writes its part of
 * the page, or fails, and writes nothing, when a promise is broken. Takes 4 minutes.
 */
import { parseArgs } from 'node:util';
import { startRedis } from '../test/support/redis-server.ts';
import { keepFigures } from './figures.ts';
import { measureIsolation } from './isolation.ts';
import { bounded } from './opened.ts';
import { thisMachine } from './page.ts';
import { writePages } from './pages.ts';
import { isolationLine, problemsOf, providersPart } from './providers-report.ts';
import { measureSends } from './sends.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' } },
});
const rounds = bounded(values.rounds, 1, 20);

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
  if (problems.length === 0) {
    await keepFigures('providers', results);
    await writePages();
  } else {
    process.exitCode = 1;
  }
} finally {
  await redis.stop();
}
