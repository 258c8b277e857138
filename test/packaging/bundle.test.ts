/** What the image runs: the bundle, with plain node, where nothing else of this repository is. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from '../../scripts/bundle.ts';
import { CheckResult, VerificationService } from '../../src/gen/verification/v1/verification_pb.ts';
import { type Child, startChild } from '../support/child.ts';
import { ok, openClient } from '../support/clients.ts';
import { freePort } from '../support/port.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { eventually } from '../support/wait.ts';

const redis = sharedRedis();
const ports: Record<'grpc' | 'http' | 'ops', number> = { grpc: 0, http: 0, ops: 0 };
let folder: string;
let server: Child;
let env: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-bundle-'));
  await bundle(join(folder, 'app'));
  for (const name of ['grpc', 'http', 'ops'] as const) ports[name] = await freePort();
  env = {
    GRPC_LISTEN: `127.0.0.1:${ports.grpc}`,
    HTTP_LISTEN: `127.0.0.1:${ports.http}`,
    OPS_LISTEN: `127.0.0.1:${ports.ops}`,
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    COUNTERSIGN_SECRET: 'a secret of this test, 32 bytes or more',
    LOG_FORMAT: 'pretty',
  };
  // May read the bundle's folder and nothing else, and write nowhere: as on a read-only root file system.
  const confined = ['--permission', `--allow-fs-read=${folder}`, join(folder, 'app/countersign.mjs')];
  server = await startChild(process.execPath, [...confined, 'serve'], { env, cwd: folder });
  await eventually('the bundle is ready', async () => (await fetch(`http://127.0.0.1:${ports.ops}/readyz`)).ok);
});

afterAll(async () => {
  await server?.stop();
  await redis.close();
  await rm(folder, { recursive: true, force: true });
});

test('a code is sent over JSON and checked over gRPC, with the scripts that came along', async () => {
  const request = { phone: '+14155550132', purpose: 'login' };
  const addresses = { grpc: `127.0.0.1:${ports.grpc}`, http: `http://127.0.0.1:${ports.http}` };
  const http = openClient('json', addresses);
  const grpc = openClient('grpc', addresses);
  const { code } = ok(await http.call(VerificationService.method.sendCode, request));
  const { result } = ok(await grpc.call(VerificationService.method.checkCode, { ...request, code }));
  expect(result).toBe(CheckResult.APPROVED);
  grpc.close();
  http.close();
});

test('reflection and health answer from the protos that came along', async () => {
  const buf = join(import.meta.dirname, '../../node_modules/.bin/buf');
  const url = `http://127.0.0.1:${ports.grpc}`;
  const grpc = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge'];
  const services = await promisify(execFile)(buf, [...grpc, '--list-services', url]);
  expect(services.stdout).toContain('verification.v1.VerificationService');
  const health = await promisify(execFile)(buf, [...grpc, `${url}/grpc.health.v1.Health/Check`]);
  expect(JSON.parse(health.stdout)).toEqual({ status: 'SERVING' });
});

test('the health check of the image passes while it serves, and fails once it has stopped', async () => {
  const check = () =>
    startChild(process.execPath, [join(folder, 'app/countersign.mjs'), 'healthcheck'], { env, cwd: folder });
  expect(await (await check()).exited).toBe(0);
  expect(await server.stop()).toBe(0);
  expect(await (await check()).exited).not.toBe(0);
});
