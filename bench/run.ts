/** `npm run bench [-- --rounds 5 --calls 20000 --out docs/benchmarks.md]`: measures RPCs, store and start-up, and writes their part of the page. */
import { parseArgs } from 'node:util';
import { startRedis } from '../test/support/redis-server.ts';
import { measureCheckCode } from './check-code.ts';
import { thisMachine, writePart } from './page.ts';
import { benchmarksPage } from './report.ts';
import { measureStarts } from './start-up.ts';
import { measureStore } from './store.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '20000' },
    out: { type: 'string', default: 'docs/benchmarks.md' },
  },
});
const rounds = bounded(values.rounds, 1, 50);
// Over Connect a quarter is made, half of it right.
const calls = Math.ceil(bounded(values.calls, 80, 200_000) / 8) * 8;

function bounded(text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Error(`${text} is not a whole number from ${least} to ${most}`);
}

const STARTS = 9;

const server = await startRedis();
try {
  const redis = server.connect();
  const plan = { rounds, calls, concurrency: 64, connections: 4 };
  const storePlan = { rounds, calls, concurrency: 64 };
  const page = benchmarksPage({
    machine: await thisMachine(redis),
    plan,
    storePlan,
    starts: await measureStarts(server.url, STARTS),
    storeTurns: await measureStore(redis, server.url, storePlan),
    turns: await measureCheckCode(redis, server.url, plan),
  });
  await writePart(values.out, 'rpc', page);
  process.stdout.write(page);
} finally {
  await server.stop();
}
