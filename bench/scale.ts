/**
 * `npm run bench:scale [-- --rounds 5 --calls 2000 --phones 1000,100000,1000000,5000000]`: CheckCode among more and more phones, by more
 * processes on one Redis, on a Cluster, and latencies at half load. Takes 8 minutes, and 1 KB of memory for each phone.
 */
import { parseArgs } from 'node:util';
import { startCluster } from '../test/support/redis-cluster.ts';
import { eventually } from '../test/support/wait.ts';
import { keepFigures, keptFigures } from './figures.ts';
import { measureHalfLoad } from './half-load.ts';
import { bounded, stoppingAll } from './opened.ts';
import { thisMachine } from './page.ts';
import { writePages } from './pages.ts';
import { type Population, populate } from './population.ts';
import { type ScaleFigures, scalePart } from './scale-report.ts';
import { CONSOLE, type Service, serviceOn, startService } from './service.ts';
import { serviceCalls } from './service-calls.ts';
import { serviceStand } from './service-stand.ts';
import { inTurns, type Stand } from './stand.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '2000' },
    phones: { type: 'string', default: '1000,100000,1000000,5000000' },
  },
});
const plan = {
  rounds: bounded(values.rounds, 1, 50),
  calls: bounded(values.calls, 64, 20_000),
  concurrency: 64,
  connections: 4,
};
const populations = values.phones.split(',').map((phones) => bounded(phones, 100, 20_000_000));
/** Codes outlive the run. */
const ENV = { ...CONSOLE, SMS_CODE_EXPIRY_MINUTES: '10' };

async function onCluster(): Promise<Service> {
  const cluster = await startCluster({ primaries: 3, replicas: 0 });
  const env = { ...ENV, REDIS_URL: cluster.urls.join(','), REDIS_CLUSTER: 'true' };
  const stores = cluster.nodes.map((node) => node.connect());
  const service = await serviceOn(env, { stores, stop: cluster.stop, processes: 1 });
  // It is ready when one node answers, and opens the connections to the others with the first calls that need them.
  const some = { first: 0, count: plan.concurrency };
  await eventually('every node is connected', () => serviceCalls(service).rateStatus(some, plan));
  return service;
}

let figures: ScaleFigures | undefined;
await stoppingAll(async (open) => {
  const among: Population[] = [];
  const steps = ['SendCode', 'CheckCode'] as const;
  const alone = open(await startService(ENV));
  const halfLoad = await measureHalfLoad(alone, plan);
  const stands: Stand[] = [serviceStand({ name: 'one process, one Redis', service: alone, steps })];
  for (const [name, processes] of [['two', 2] as const, ['three', 3] as const]) {
    const service = open(await startService(ENV, { processes }));
    const { turn } = serviceStand({ name: '', service, steps });
    // As many calls for each process, so that each is warm.
    const more: Stand['turn'] = (its) => turn({ ...its, calls: its.calls * processes });
    stands.push({ name: `${name} processes, one Redis`, turn: more });
  }
  stands.push(serviceStand({ name: 'one process, Cluster of 3', service: open(await onCluster()), steps }));
  const layouts = await inTurns(stands, plan);
  for (const phones of populations) among.push(await populate(open(await startService(ENV)), phones, plan));
  figures = {
    machine: await thisMachine(alone.stores[0] as Service['stores'][0]),
    plan,
    halfLoad,
    layouts,
    populations: among.map(({ phones, bytesPerPhone }) => ({ phones, bytesPerPhone })),
    checks: await inTurns(
      among.map(({ stand }) => stand),
      plan,
    ),
  };
});
if (figures !== undefined) await keepFigures('scale', figures);
await writePages();
process.stdout.write(scalePart(keptFigures().scale as ScaleFigures));
