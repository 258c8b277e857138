import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';
import type { Config } from '../../src/config/schema.ts';
import { freePort } from '../support/port.ts';

async function run(args: string[], env: Record<string, string> = {}, yaml = '') {
  const output = { out: '', err: '' };
  const served: Config[] = [];
  const exitCode = await runCli(args, {
    env,
    readFile: () => yaml,
    out: (text) => {
      output.out += text;
    },
    err: (text) => {
      output.err += text;
    },
    serve: async (config) => void served.push(config),
  });
  return { exitCode, served, ...output };
}

test.each([[[]], [['serve']]])('%j serves with the configuration, and runs on', async (args) => {
  const { exitCode, served, out } = await run(args, { SMS_CODE_DIGITS: '8' });
  expect(exitCode).toBeNull();
  expect(served).toMatchObject([{ codes: { digits: 8 } }]);
  expect(out).toBe('');
});

test.each(['--help', '-h'])('%s explains the commands', async (flag) => {
  const { exitCode, out, served } = await run([flag]);
  expect(exitCode).toBe(0);
  expect(out).toMatch(/serve.*\n.*config.*\n.*healthcheck.*\n.*send-test/);
  expect(served).toEqual([]);
});

test('--version prints the version and nothing else', async () => {
  expect(await run(['--version'])).toMatchObject({
    exitCode: 0,
    out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    err: '',
  });
});

test.each([
  [['srve']],
  [['serve', 'config']],
  [['--port=1']],
  [['-x']],
  [['config', '--force']],
  [['send-test']],
  [['send-test', '+14155550123']],
  [['send-test', '--phone']],
  [['send-test', '--provider', 'twilio']],
  [['send-test', '--phone', '+14155550123', '--to', 'x']],
  [['serve', '--phone', '+14155550123']],
])('%j is answered with the help and exit code 2', async (args) => {
  const { exitCode, out, err, served } = await run(args);
  expect({ exitCode, out, served }).toEqual({ exitCode: 2, out: '', served: [] });
  expect(err).toContain('Usage:');
});

describe('config', () => {
  test('prints the effective configuration without its secrets', async () => {
    const secret = 'a root secret that only tests use';
    const env = { COUNTERSIGN_CONFIG: 'f', COUNTERSIGN_SECRET: secret, LOG_LEVEL: 'warn' };
    const { exitCode, out, err } = await run(['config'], env, 'codes: { digits: 5 }');
    expect(exitCode).toBe(0);
    expect(out).toContain('level: warn');
    expect(out).toContain('digits: 5');
    expect(out).not.toContain(secret);
    expect(err).toBe('');
  });

  test('puts warnings beside it, not into it', async () => {
    const { out, err } = await run(['config'], { REDIS_URL: 'redis://localhost' });
    expect(err).toMatch(/^warning: COUNTERSIGN_SECRET is not set/);
    expect(out).not.toContain('warning');
  });
});

test.each(['serve', 'config', 'healthcheck', 'send-test'])(
  '%s with a faulty configuration lists every mistake',
  async (command) => {
    const { exitCode, err, served } = await run(argsOf(command), { SMS_CODE_DIGITS: 'six', LOG_LEVEL: 'loud' });
    expect({ exitCode, served }).toEqual({ exitCode: 1, served: [] });
    expect(err).toBe(
      [
        'the configuration is not usable:',
        '  SMS_CODE_DIGITS: must be a whole number',
        '  LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent',
        '',
      ].join('\n'),
    );
  },
);

function argsOf(command: string): string[] {
  return command === 'send-test' ? [command, '--phone', '+14155550123'] : [command];
}

describe('healthcheck', () => {
  const asked: (string | undefined)[] = [];
  let status = 200;
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.writeHead(status).end();
  });
  let port: number;
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => server.close());

  test.each([
    [200, 0],
    [500, 1],
  ])('of a service whose /livez answers %d exits with %d', async (answer, exitCode) => {
    status = answer;
    expect((await run(['healthcheck'], { OPS_LISTEN: `127.0.0.1:${port}` })).exitCode).toBe(exitCode);
    expect(asked.splice(0)).toEqual(['/livez']);
  });

  test('finds a service that listens on every address', async () => {
    status = 200;
    expect((await run(['healthcheck'], { OPS_LISTEN: `0.0.0.0:${port}` })).exitCode).toBe(0);
  });

  test('of a service that is not there exits with 1 and says where it looked', async () => {
    const nobody = await freePort();
    const { exitCode, err } = await run(['healthcheck'], { OPS_LISTEN: `127.0.0.1:${nobody}` });
    expect(exitCode).toBe(1);
    expect(err).toBe(`http://127.0.0.1:${nobody}/livez does not answer\n`);
  });
});
