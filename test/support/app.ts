/** The whole service inside the test process: real listeners on loopback, an inbox instead of a vendor. */
import { createApp, type Overrides } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Event } from '../../src/event.ts';
import type { Provider } from '../../src/sms/provider.ts';
import { type Addresses, openClient, type Protocol, type ServiceClient } from './clients.ts';
import { createInbox, type Inbox } from './inbox.ts';

export interface AppOptions extends Omit<Overrides, 'emit' | 'logDestination' | 'print'> {
  /** Environment variables; development defaults apply. */
  readonly env?: Readonly<Record<string, string>>;
  /** The YAML file. */
  readonly file?: string;
  /** Tried after the inbox. */
  readonly behind?: readonly Provider[];
  /** With the deadlines of production, for tests that are about them. Otherwise no busy machine comes near one. */
  readonly hurried?: boolean;
  /** Use the configured providers instead of the inbox. */
  readonly configured?: boolean;
}

export interface RunningApp extends Addresses {
  readonly ops: string;
  /** `http://host:port` of the listener for delivery reports; null when there is none. */
  readonly callbacks: string | null;
  /** What was sent, unless `providers` or `configured` replaced it. */
  readonly inbox: Inbox;
  readonly events: readonly Event[];
  /** Everything logged so far, one JSON record a line. */
  log(): string;
  /** A client, closed by `stop`. */
  client(protocol: Protocol): ServiceClient;
  stop(): Promise<void>;
}

const ANY_PORT = '127.0.0.1:0';
const UNHURRIED = { env: { REDIS_COMMAND_TIMEOUT_MS: '5000' }, deadlineMs: () => 120_000 };

export async function startApp({
  env = {},
  file,
  behind = [],
  configured = false,
  hurried = false,
  ...overrides
}: AppOptions = {}): Promise<RunningApp> {
  const inbox = createInbox();
  const events: Event[] = [];
  const clients: ServiceClient[] = [];
  let log = '';
  const config = loadConfig(
    {
      GRPC_LISTEN: ANY_PORT,
      HTTP_LISTEN: ANY_PORT,
      OPS_LISTEN: ANY_PORT,
      CALLBACK_LISTEN: ANY_PORT,
      LOG_FORMAT: 'json',
      ...(hurried ? {} : UNHURRIED.env),
      ...(file === undefined ? {} : { COUNTERSIGN_CONFIG: 'given.yaml' }),
      ...env,
    },
    () => file ?? '',
    { ownProviders: !configured },
  );
  const app = createApp(config, {
    ...(configured ? {} : { providers: [inbox.provider, ...behind] }),
    ...(hurried ? {} : { deadlineMs: UNHURRIED.deadlineMs }),
    ...overrides,
    emit: (event) => void events.push(event),
    logDestination: {
      write: (text: string) => {
        log += text;
      },
    },
  });
  const ports = await app.start();
  const addresses = { grpc: `127.0.0.1:${ports.grpc}`, http: `http://127.0.0.1:${ports.http}` };
  return {
    ...addresses,
    ops: `http://127.0.0.1:${ports.ops}`,
    callbacks: ports.callbacks === undefined ? null : `http://127.0.0.1:${ports.callbacks}`,
    inbox,
    events,
    log: () => log,
    client: (protocol) => {
      const client = openClient(protocol, addresses);
      clients.push(client);
      return client;
    },
    stop: async () => {
      for (const client of clients) client.close();
      await app.stop();
    },
  };
}
