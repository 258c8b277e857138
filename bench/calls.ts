/**
 * `npm run bench [-- --rounds 5 --calls 3000]`: what each call costs over both edges and by each vendor, beside servers that do nothing,
 * the store by itself, and starting. Takes 8 minutes.
 */
import { parseArgs } from 'node:util';
import { CALLS_STEPS } from './calls-report.ts';
import { emptyServer, emptyStand } from './empty-stand.ts';
import { keepFigures } from './figures.ts';
import { startGateway } from './gateway.ts';
import { bounded, stoppingAll } from './opened.ts';
import { thisMachine } from './page.ts';
import { writePages } from './pages.ts';
import { CONSOLE, PRODUCTION, type Service, startService, webhookTo } from './service.ts';
import { serviceStand } from './service-stand.ts';
import { inTurns, type Stand } from './stand.ts';
import { measureStarts } from './start-up.ts';
import { measureStore } from './store.ts';
import { startVendors, tencentAt, twilioAt } from './vendors.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, calls: { type: 'string', default: '3000' } },
});
const plan = {
  rounds: bounded(values.rounds, 1, 50),
  calls: bounded(values.calls, 64, 200_000),
  concurrency: 64,
  connections: 4,
};
const STORE_CALLS = 20_000;
const STARTS = 9;

await stoppingAll(async (open) => {
  const gateway = open(await startGateway());
  const vendors = open(await startVendors());
  const seen = await vendors.seen();
  const edges = open(await emptyServer('edges'));
  const console = open(await startService(CONSOLE));
  const webhook = open(await startService(webhookTo(gateway.url)));
  const twilio = open(await startService({ ...PRODUCTION, ...twilioAt(seen.twilio.url) }));
  const tencent = open(await startService({ ...PRODUCTION, ...tencentAt(seen.tencent.url) }));

  const { all, sendAndCheck, send } = CALLS_STEPS;
  const stands: Stand[] = [
    emptyStand('node:http2', open(await emptyServer('http2'))),
    emptyStand('grpc-js', open(await emptyServer('library'))),
    emptyStand('gRPC edge', edges),
    serviceStand({ name: 'gRPC, console', service: console, steps: all }),
    serviceStand({ name: 'gRPC, console, `request_id`', service: console, steps: sendAndCheck, requestIds: true }),
    serviceStand({ name: 'gRPC, webhook', service: webhook, steps: sendAndCheck, inbox: gateway }),
    serviceStand({ name: 'gRPC, Twilio', service: twilio, steps: send }),
    serviceStand({ name: 'gRPC, Tencent', service: tencent, steps: send }),
    emptyStand('JSON edge', edges, 'JSON'),
    serviceStand({ name: 'JSON, console', service: console, edge: 'JSON', steps: all }),
    serviceStand({ name: 'JSON, webhook', service: webhook, edge: 'JSON', steps: sendAndCheck, inbox: gateway }),
  ];
  const [redis] = (console satisfies Service).stores;
  if (redis === undefined) throw new Error('the service has no Redis');
  const { host, port } = redis.options;
  const storePlan = { rounds: plan.rounds, calls: STORE_CALLS, concurrency: plan.concurrency };
  await keepFigures('calls', {
    machine: await thisMachine(redis),
    plan,
    costs: await inTurns(stands, plan),
    storePlan,
    storeTurns: await measureStore(redis, `redis://${host}:${port}`, storePlan),
    starts: await measureStarts(`redis://${host}:${port}`, STARTS),
  });
});
process.stdout.write((await writePages()).benchmarks);
