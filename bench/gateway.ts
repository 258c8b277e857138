/**
 * An SMS gateway as docs/webhook.md describes it that answers at once and checks nothing, a process of its own: `node bench/gateway.ts`.
 * GATEWAY_LISTEN is where it is posted to, and asked what it saw.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { fileURLToPath } from 'node:url';
import { addressOf } from '../src/config/address.ts';
import { startChild } from '../test/support/child.ts';
import { freePort } from '../test/support/port.ts';
import { eventually } from '../test/support/wait.ts';

export interface Gateway {
  readonly url: string;
  /** By phone, since it was asked last. */
  codes(): Promise<ReadonlyMap<string, string>>;
  /** Resolves when no more come; throws when one is missing. */
  approved(count: number): Promise<void>;
  stop(): Promise<void>;
}

interface Approved {
  told: number;
  singly: boolean;
}

/** Every 20 ms: longer than the service gathers approvals. */
const QUIET_LOOKS = 10;
/** Earlier checkouts tell of each by itself, of no more than so many at once, and drop the rest. */
const LEAST_TOLD_SINGLY = 0.75;
const ANSWER = '{"message_id":"m-1","segments":1}';

function serve(): void {
  let codes: [to: string, code: string][] = [];
  let approved: Approved = { told: 0, singly: false };
  const taken: Readonly<Record<string, () => unknown>> = {
    '/codes': () => codes.splice(0),
    '/approvals': () => approved,
    '/forget': () => {
      codes = [];
      approved = { told: 0, singly: false };
    },
  };
  const server = createServer((request, response) => {
    if (request.method === 'GET') return void response.end(JSON.stringify(taken[request.url ?? '']?.() ?? null));
    collect(request, (body) => {
      const { type, to, code, approvals } = JSON.parse(body);
      if (code !== undefined) codes.push([to, code]);
      if (type === 'verification.approved') {
        approved.told += approvals?.length ?? 1;
        approved.singly = approvals === undefined;
      }
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': ANSWER.length }).end(ANSWER);
    });
  });
  server.keepAliveTimeout = 120_000;
  const { host, port } = addressOf(process.env.GATEWAY_LISTEN ?? '');
  server.listen(port, host);
  process.on('SIGTERM', () => process.exit(0));
}

function collect(request: IncomingMessage, done: (body: string) => void): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => done(Buffer.concat(chunks).toString()));
}

export async function startGateway(): Promise<Gateway> {
  const address = `127.0.0.1:${await freePort()}`;
  const child = await startChild(process.execPath, [fileURLToPath(import.meta.url)], {
    env: { GATEWAY_LISTEN: address },
  });
  const ask = async (path: string) => (await fetch(`http://${address}${path}`)).json();
  await eventually('the gateway is there', async () => !child.running() || (await ask('/approvals')) !== null);
  return {
    url: `http://${address}/`,
    codes: async () => new Map((await ask('/codes')) as [string, string][]),
    approved: async (count) => {
      let [told, least, quiet] = [0, count, 0];
      await eventually('no more approvals come', async () => {
        const now = (await ask('/approvals')) as Approved;
        quiet = now.told === told ? quiet + 1 : 0;
        told = now.told;
        if (now.singly) least = LEAST_TOLD_SINGLY * count;
        return quiet >= QUIET_LOOKS;
      });
      await ask('/forget');
      if (told < least) throw new Error(`the gateway was told of ${told} approvals, not of ${count}`);
    },
    stop: async () => void (await child.stop()),
  };
}

if (import.meta.main) serve();
