/**
 * `OTPGATEWAY=/path/of/its/binary npm run bench:peer [-- --rounds 5 --calls 5000 --against /path/of/another/checkout]`: what a send and
 * a check cost here, in otpgateway and in a checkout from before, in one run. What is not given is not measured.
 */
import { parseArgs } from 'node:util';
import { emptyServer, emptyStand } from './empty-stand.ts';
import { startGateway } from './gateway.ts';
import { otpgatewayStand } from './otpgateway.ts';
import { peerPart } from './peer-report.ts';
import { CONSOLE, startService, webhookTo } from './service.ts';
import { serviceStand } from './service-stand.ts';
import { inTurns, type Stand } from './stand.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    calls: { type: 'string', default: '5000' },
    against: { type: 'string' },
  },
});
const plan = { rounds: Number(values.rounds), calls: Number(values.calls), concurrency: 64, connections: 4 };
const steps = ['SendCode', 'CheckCode'] as const;
const { OTPGATEWAY: binary } = process.env;

const gateway = await startGateway();
const stands: Stand[] = [];
try {
  stands.push(emptyStand('node:http2', await emptyServer('http2')));
  stands.push(emptyStand('grpc-js', await emptyServer('library')));
  for (const [prefix, root] of [['', undefined], ...(values.against ? [['before, ', values.against] as const] : [])]) {
    stands.push(serviceStand({ name: `${prefix}console`, service: await startService(CONSOLE, root), steps }));
    const service = await startService(webhookTo(gateway.url), root);
    stands.push(serviceStand({ name: `${prefix}webhook`, service, steps, inbox: gateway }));
  }
  if (binary !== undefined) stands.push(await otpgatewayStand(binary, gateway.url));
  process.stdout.write(peerPart({ plan, costs: await inTurns(stands, plan) }));
} finally {
  await Promise.all(stands.map((stand) => stand.stop()));
  await gateway.stop();
}
