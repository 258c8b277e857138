/**
 * `OTPGATEWAY=/path/of/its/binary npm run bench:peer [-- --rounds 7 --calls 3000 --against /path/of/another/checkout]`: what a send and
 * a check cost here, in otpgateway and in a checkout from before, in one run. What is not given is not measured. Takes 5 minutes.
 */
import { parseArgs } from 'node:util';
import { startRedis } from '../test/support/redis-server.ts';
import { emptyServer, emptyStand } from './empty-stand.ts';
import { keepFigures, keptFigures } from './figures.ts';
import { startGateway } from './gateway.ts';
import { bounded, stoppingAll } from './opened.ts';
import { otpgatewayStand } from './otpgateway.ts';
import { thisMachine } from './page.ts';
import { writePages } from './pages.ts';
import { BEFORE, type PeerFigures, peerPart } from './peer-report.ts';
import { CONSOLE, startService, webhookTo } from './service.ts';
import { serviceStand } from './service-stand.ts';
import { inTurns, type Stand } from './stand.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    calls: { type: 'string', default: '3000' },
    against: { type: 'string' },
  },
});
const plan = {
  rounds: bounded(values.rounds, 1, 50),
  calls: bounded(values.calls, 64, 200_000),
  concurrency: 64,
  connections: 4,
};
const { OTPGATEWAY: binary } = process.env;

await stoppingAll(async (open) => {
  const gateway = open(await startGateway());
  const stands: Stand[] = [
    emptyStand('node:http2', open(await emptyServer('http2'))),
    emptyStand('grpc-js', open(await emptyServer('library'))),
  ];
  const steps = ['SendCode', 'CheckCode'] as const;
  async function standsOf(prefix: string, at: { root?: string }): Promise<void> {
    const console = open(await startService(CONSOLE, at));
    const webhook = open(await startService(webhookTo(gateway.url), at));
    stands.push(serviceStand({ name: `${prefix}console`, service: console, steps }));
    stands.push(serviceStand({ name: `${prefix}webhook`, service: webhook, steps, inbox: gateway }));
  }
  await standsOf('', {});
  if (values.against !== undefined) await standsOf(BEFORE, { root: values.against });
  if (binary !== undefined) stands.push(open(await otpgatewayStand(binary, gateway.url)));

  const redis = open(await startRedis());
  await keepFigures('peer', { machine: await thisMachine(redis.connect()), plan, costs: await inTurns(stands, plan) });
});
await writePages();
process.stdout.write(peerPart(keptFigures().peer as PeerFigures));
