/**
 * `npm run bench:profile [-- --calls 10000]`: where the processor's time of a send and of a check goes, by part of the path.
 * Takes a minute.
 */
import { parseArgs } from 'node:util';
import { freePort } from '../test/support/port.ts';
import { keepFigures, keptFigures } from './figures.ts';
import { startGateway } from './gateway.ts';
import { inspect } from './inspector.ts';
import { bounded, stoppingAll } from './opened.ts';
import { thisMachine } from './page.ts';
import { writePages } from './pages.ts';
import { partsOf } from './profile-parts.ts';
import { type ProfileFigures, profilePart } from './profile-report.ts';
import { CONSOLE, type Service, startService, webhookTo } from './service.ts';
import { type How, serviceCalls } from './service-calls.ts';

const { values } = parseArgs({ options: { calls: { type: 'string', default: '10000' } } });
const count = bounded(values.calls, 64, 100_000);
const PACE = { concurrency: 64, connections: 4 };

type Shares = Readonly<Record<string, number>>;

/** A send and a check, each after as many calls that are not looked at. */
async function profilesOf(service: Service, address: string, how: How): Promise<{ send: Shares; check: Shares }> {
  const calls = serviceCalls(service, how);
  await calls.check((await calls.send({ first: 0, count }, PACE)).sent, true, PACE);
  const inspector = await inspect(address);
  const sharesOf = async (): Promise<Shares> => Object.fromEntries(partsOf(await inspector.stop()));
  await inspector.start();
  const { sent } = await calls.send({ first: count, count }, PACE);
  const send = await sharesOf();
  await inspector.start();
  await calls.check(sent, true, PACE);
  const check = await sharesOf();
  inspector.close();
  return { send, check };
}

await stoppingAll(async (open) => {
  const gateway = open(await startGateway());
  const addresses = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`] as const;
  const inspected = (address: string) => ({ NODE_OPTIONS: `--inspect=${address}` });
  const console = open(await startService({ ...CONSOLE, ...inspected(addresses[0]) }));
  const webhook = open(await startService({ ...webhookTo(gateway.url), ...inspected(addresses[1]) }));
  const byConsole = await profilesOf(console, addresses[0], {});
  const byWebhook = await profilesOf(webhook, addresses[1], { inbox: gateway });
  await keepFigures('profile', {
    machine: await thisMachine(console.stores[0] as Service['stores'][0]),
    calls: count,
    shares: {
      'CheckCode, console': byConsole.check,
      'CheckCode, webhook': byWebhook.check,
      'SendCode, webhook': byWebhook.send,
    },
  });
});
await writePages();
process.stdout.write(profilePart(keptFigures().profile as ProfileFigures));
