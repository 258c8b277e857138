/** What the image runs: the bundle, with plain node, where nothing else of this repository is. */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../scripts/bundle.ts';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { CALLER, PRODUCTION, type ProviderName, startVendorFakes, type VendorFakes } from '../e2e/vendor-fakes.ts';
import { type Child, startChild } from '../support/child.ts';
import { ok, openClient } from '../support/clients.ts';
import { freePort } from '../support/port.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { eventually } from '../support/wait.ts';

const redis = sharedRedis();
const { sendCode, checkCode } = VerificationService.method;
let folder: string;
let server: Server;

interface Server {
  readonly child: Child;
  readonly env: Readonly<Record<string, string>>;
  readonly grpc: string;
  readonly http: string;
}

/** Node's own arguments in the image. */
async function imageArguments(): Promise<string[]> {
  const dockerfile = await readFile(join(import.meta.dirname, '../../Dockerfile'), 'utf8');
  const entrypoint: string[] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)?.[1] ?? '[]');
  return entrypoint.slice(1, -1);
}

/** Starts a bundle that may read its own folder and nothing else, and write nowhere: as on a read-only root file system. */
async function startBundle(app: string, settings: Readonly<Record<string, string>>): Promise<Server> {
  const [grpc, http, ops] = [await freePort(), await freePort(), await freePort()].map((port) => `127.0.0.1:${port}`);
  const env = {
    GRPC_LISTEN: `${grpc}`,
    HTTP_LISTEN: `${http}`,
    OPS_LISTEN: `${ops}`,
    REDIS_URL: redis.url,
    REDIS_KEY_PREFIX: redis.prefix,
    COUNTERSIGN_SECRET: 'a secret of this test, 32 bytes or more',
    ...settings,
  };
  // Node warns that what a worker does could be more than is allowed here; ours only listens.
  const worker = ['--allow-worker', '--disable-warning=SecurityWarning'];
  const confined = [...(await imageArguments()), '--permission', ...worker, `--allow-fs-read=${app}`];
  const main = join(app, 'countersign.mjs');
  const child = await startChild(process.execPath, [...confined, main, 'serve'], { env, cwd: app });
  await eventually('the bundle is ready', async () => (await fetch(`http://${ops}/readyz`)).ok);
  return { child, env, grpc: `${grpc}`, http: `http://${http}` };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-bundle-'));
  await bundle(join(folder, 'app'));
  server = await startBundle(join(folder, 'app'), { LOG_FORMAT: 'pretty' });
});

afterAll(async () => {
  await server?.child.stop();
  await redis.close();
  await rm(folder, { recursive: true, force: true });
});

test('a code is sent over JSON and checked over gRPC, with the scripts that came along', async () => {
  const request = { phone: '+14155550132', purpose: 'login' };
  const http = openClient('json', server);
  const grpc = openClient('grpc', server);
  const { code } = ok(await http.call(sendCode, request));
  const { result } = ok(await grpc.call(checkCode, { ...request, code }));
  expect(result).toBe(CheckResult.APPROVED);
  grpc.close();
  http.close();
});

test('reflection and health answer from the protos that came along', async () => {
  const buf = join(import.meta.dirname, '../../node_modules/.bin/buf');
  const url = `http://${server.grpc}`;
  const grpc = ['curl', '--protocol', 'grpc', '--http2-prior-knowledge'];
  const services = await promisify(execFile)(buf, [...grpc, '--list-services', url]);
  expect(services.stdout).toContain('countersign.v1.VerificationService');
  const health = await promisify(execFile)(buf, [...grpc, `${url}/grpc.health.v1.Health/Check`]);
  expect(JSON.parse(health.stdout)).toEqual({ status: 'SERVING' });
});

test('the health check of the image passes while it serves, and fails once it has stopped', async () => {
  const check = () =>
    startChild(process.execPath, [join(folder, 'app/countersign.mjs'), 'healthcheck'], {
      env: server.env,
      cwd: folder,
    });
  expect(await (await check()).exited).toBe(0);
  expect(await server.child.stop()).toBe(0);
  expect(await (await check()).exited).not.toBe(0);
});

describe('in production, with one vendor', () => {
  const PHONES: Readonly<Record<ProviderName, string>> = {
    twilio: '+14155550133',
    tencent: '+8613800138000',
    'twilio-verify': '+14155550135',
    webhook: '+14155550134',
  };
  const VENDORS = Object.keys(PHONES) as ProviderName[];
  let vendors: VendorFakes;
  beforeAll(async () => {
    vendors = await startVendorFakes();
  });
  afterAll(() => vendors?.stop());

  /** A bundled file names the sources that went into it, each in a comment. */
  async function filesOfOthers(app: string, vendor: ProviderName): Promise<string[]> {
    const sources = VENDORS.filter((name) => name !== vendor).map((name) => `// src/sms/${name}/provider.ts\n`);
    const files = (await readdir(app)).filter((file) => file.endsWith('.mjs'));
    const texts = await Promise.all(files.map((file) => readFile(join(app, file), 'utf8')));
    return files.filter((_, index) => sources.some((source) => texts[index]?.includes(source)));
  }

  test.each(VENDORS)(
    '%s: a real code goes out and is right, the others are not even there, Node warns of nothing',
    async (vendor) => {
      const app = join(folder, vendor);
      await cp(join(folder, 'app'), app, { recursive: true });
      const others = await filesOfOthers(app, vendor);
      expect(others).toHaveLength(VENDORS.length - 1);
      for (const file of others) await rm(join(app, file));

      const production = await startBundle(app, { ...PRODUCTION, ...vendors.env(vendor) });
      const client = openClient('json', production);
      const request = { phone: PHONES[vendor], purpose: 'login' };
      const sent = ok(await client.call(sendCode, request, CALLER));
      expect(sent).toMatchObject({ code: '', delivery: { provider: vendor } });
      const { result } = ok(await client.call(checkCode, { ...request, code: vendors.codeTo(request.phone) }, CALLER));
      expect(result).toBe(CheckResult.APPROVED);
      client.close();
      expect(await production.child.stop()).toBe(0);
      expect(production.child.stderr()).toBe('');
    },
  );
});
