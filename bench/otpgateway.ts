/**
 * knadh/otpgateway, the closest open-source service: a send posts the message to the gateway, a check deletes what was right. It is
 * built from its source by whoever wants to compare; its `static/` folder must be beside the binary.
 */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { startChild } from '../test/support/child.ts';
import { freePort } from '../test/support/port.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { eventually } from '../test/support/wait.ts';
import { type Calls, type Cost, costOf } from './cost.ts';
import { phoneNumber } from './guesses.ts';
import type { Stoppable } from './opened.ts';
import type { Stand } from './stand.ts';

export const OTPGATEWAY = 'otpgateway';

const SECRET = 'the-only-caller';
const CODE = '123456';

/** Its limits are those of ours. */
const config = (port: number, redisPort: number, gateway: string) => `[app]
address = "127.0.0.1:${port}"
server_timeout = "5s"
enable_debug_logs = false
otp_ttl = 300
otp_max_attempts = 5
otp_max_resends = 3
otp_max_generate = 3
root_url = "http://localhost:${port}"
logo_url = ""
favicon_url = ""
[store.redis]
host = "127.0.0.1"
port = "${redisPort}"
user = ""
password = ""
publish_key = ""
[auth.bench]
namespace = "bench"
secret = "${SECRET}"
[webhooks.gateway]
enabled = true
url = "${gateway}"
max_conns = 100
timeout = "5s"
username = ""
password = ""
subject = "x"
template = "static/sms.txt"
channel_name = "SMS"
address_name = "Mobile number"
max_address_len = 20
max_otp_len = 6
`;

export async function otpgatewayStand(binary: string, gateway: string): Promise<Stand & Stoppable> {
  const store = await startRedis();
  const redis = store.connect();
  const port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'));
  const file = join(folder, 'otpgateway.toml');
  await writeFile(file, config(port, store.port, gateway));
  const child = await startChild('/bin/sh', ['-c', 'exec "$@" > /dev/null', 'sh', resolve(binary), '--config', file], {
    env: {},
    cwd: dirname(resolve(binary)),
    scratch: folder,
  });
  await eventually('otpgateway answers', async () => {
    return !child.running() || (await fetch(`http://127.0.0.1:${port}/api/health`)).ok;
  });
  if (!child.running()) throw new Error(`otpgateway ended:\n${child.stderr()}`);

  const authorization = `Basic ${Buffer.from(`bench:${SECRET}`).toString('base64')}`;
  const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' };
  return {
    name: OTPGATEWAY,
    turn: async ({ calls, concurrency }) => {
      await redis.flushall();
      const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
      const step = async (method: string, form: (index: number) => Record<string, string>): Promise<Cost> => {
        const requests = Array.from({ length: calls }, (_, index) =>
          Buffer.from(`${new URLSearchParams(form(index))}`),
        );
        let next = 0;
        const call: Calls['call'] = async (body) => {
          const path = `/api/otp/user${1_000_000 + next++}`;
          const length = { 'content-length': body.length };
          const sent = httpRequest({ port, path, method, agent, headers: { ...headers, ...length } });
          sent.end(body);
          const [response] = await once(sent, 'response');
          const answer = await buffer(response);
          if (response.statusCode !== 200) throw new Error(`otpgateway: HTTP ${response.statusCode}: ${answer}`);
          return answer;
        };
        return (await costOf({ pids: [child.pid], stores: [redis] }, { requests, concurrency, call })).cost;
      };
      const send = await step('PUT', (index) => ({ to: phoneNumber(index), provider: 'gateway', otp: CODE }));
      const check = await step('POST', () => ({ otp: CODE }));
      agent.destroy();
      return new Map([
        ['send', send],
        ['check', check],
      ]);
    },
    stop: async () => {
      await child.stop();
      await store.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
