/** The program as a process: what an operator sees in a terminal. */
import { exec } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Child, startChild } from './support/child.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PATH = [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter);
const ANY_PORT = { GRPC_LISTEN: '127.0.0.1:0', HTTP_LISTEN: '127.0.0.1:0', OPS_LISTEN: '127.0.0.1:0' };

const program = (env: Record<string, string>) => startChild(process.execPath, ['src/main.ts'], { env, cwd: ROOT });

async function shell(command: string): Promise<string> {
  const { stdout } = await promisify(exec)(command, { cwd: ROOT, env: { ...process.env, PATH } });
  return stdout;
}

const installed = async (tool: string) =>
  shell(`command -v ${tool}`).then(
    () => true,
    () => false,
  );

describe('in development', () => {
  let child: Child;
  let calls: string[];
  beforeAll(async () => {
    child = await program(ANY_PORT);
    await child.printed(/Ask what is allowed[\s\S]*RateStatus\n\n/);
    calls = child.stdout().match(/(?<=^ {2})(curl|grpcurl|npx) .*/gm) ?? [];
  });
  afterAll(() => child.stop());

  const call = (tool: string, rpc: string) => {
    const found = calls.find((line) => line.startsWith(tool) && line.endsWith(rpc));
    if (found === undefined) throw new Error(`no ${tool} call of ${rpc} in ${calls.join('\n')}`);
    return found.replace(/^curl /, 'curl -sS ').replace(/^npx buf/, 'buf');
  };

  test('it prints three calls with three tools each', () => {
    expect(calls).toHaveLength(9);
  });

  test('it checks by verification_id, and says where that comes from', () => {
    const checks = calls.filter((line) => line.includes('CheckCode'));
    expect(
      checks.filter((line) => /"verification_id":"<the one you got>"/.test(line) && !line.includes('phone')),
    ).toEqual(checks);
    expect(child.stdout()).toContain('Check it (put in verificationId and code from that answer):');
  });

  test.for(['curl', 'grpcurl', 'npx buf'])(
    'the calls it prints for %s work, with what the answer of SendCode puts into CheckCode',
    async (tool, context) => {
      if (tool !== 'npx buf' && !(await installed(tool))) context.skip(`${tool} is not installed`);
      const phone = `+1415555010${['curl', 'grpcurl', 'npx buf'].indexOf(tool)}`;
      const as = (line: string) => line.replace('+14155550123', phone);
      const sent = JSON.parse(await shell(as(call(tool, 'SendCode'))));
      expect(sent.code).toMatch(/^\d{6}$/);
      await child.printed(new RegExp(`SMS to \\${phone}: .*${sent.code}`));
      const status = JSON.parse(await shell(call(tool, 'RateStatus').replace('+14155550123', phone)));
      expect(status.blockedBy).toBe('cooldown');
      const right = call(tool, 'CheckCode')
        .replace('<the one you got>', sent.verificationId)
        .replace('123456', sent.code);
      expect(JSON.parse(await shell(right)).result).toBe('CHECK_RESULT_APPROVED');
      expect(JSON.parse(await shell(right)).result).toBe('CHECK_RESULT_NOT_FOUND');
    },
  );

  test('its log is for people, on standard output, and standard error is empty', () => {
    expect(child.stdout()).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: serving /m);
    expect(child.stderr()).toBe('');
  });

  test('SIGTERM ends it with exit code 0', async () => {
    child.signal('SIGTERM');
    expect(await child.exited).toBe(0);
    expect(child.stdout()).toMatch(/INFO: stopped\n$/);
  });
});

test('SIGINT ends it with exit code 0 too', async () => {
  const child = await program(ANY_PORT);
  await child.printed(/Countersign is ready/);
  child.signal('SIGINT');
  expect(await child.exited).toBe(0);
});

test('in production with nothing configured it names everything that is missing, and exits with 1', async () => {
  const child = await program({ NODE_ENV: 'production' });
  expect(await child.exited).toBe(1);
  expect(child.stdout()).toBe('');
  expect(child.stderr().match(/^ {2}\w+/gm)).toEqual([
    '  REDIS_URL',
    '  COUNTERSIGN_SECRET',
    '  sms',
    '  SMS_BRAND',
    '  COUNTERSIGN_CALLERS',
  ]);
});

test('a port that is taken is one line and exit code 1', async () => {
  const first = await program(ANY_PORT);
  const [, port] = await first.printed(/HTTP on 127\.0\.0\.1:(\d+)/);
  const second = await program({ ...ANY_PORT, HTTP_LISTEN: `127.0.0.1:${port}` });
  expect(await second.exited).toBe(1);
  const setting = 'HTTP_LISTEN (listen.http)';
  expect(second.stderr()).toBe(
    `countersign: ${setting}: cannot listen on 127.0.0.1:${port}: EADDRINUSE: address already in use\n`,
  );
  await first.stop();
});
