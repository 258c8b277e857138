import { Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { type RedisServer, type RedisServerOptions, startRedis } from './redis-server.ts';
import { eventually } from './wait.ts';

const started: RedisServer[] = [];
async function start(options?: RedisServerOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  started.push(server);
  return server;
}
afterEach(async () => {
  await Promise.all(started.splice(0).map((server) => server.stop()));
});

test('a server keeps nothing on disk and evicts nothing, unless told otherwise', async () => {
  const client = (await start()).connect();
  const settings = await client.config('GET', 'save', 'appendonly', 'maxmemory-policy');
  expect(settings).toEqual(expect.arrayContaining(['save', '', 'appendonly', 'no', 'maxmemory-policy', 'noeviction']));
});

test('a password is needed, and the url carries it', async () => {
  const server = await start({ password: 'p@ss:word' });
  const stranger = server.connect({ password: undefined, enableReadyCheck: false });
  await expect(stranger.ping()).rejects.toThrow('NOAUTH');
  const client = new Redis(server.url);
  expect(await client.ping()).toBe('PONG');
  client.disconnect();
});

test('an ACL user may do what its rules say', async () => {
  const server = await start({ user: { name: 'app', password: 'secret', rules: ['~app:*', '+get', '+info'] } });
  const client = new Redis(server.url, { disableClientInfo: true });
  expect(await client.get('app:a')).toBeNull();
  await expect(client.get('other')).rejects.toThrow('NOPERM');
  await expect(client.set('app:a', '1')).rejects.toThrow('NOPERM');
  client.disconnect();
});

test('TLS is verified against the certificate handed out', async () => {
  const server = await start({ tls: true });
  expect(await server.connect().ping()).toBe('PONG');
  const errors: Error[] = [];
  const distrustful = new Redis(server.url, { retryStrategy: null });
  distrustful.on('error', (error) => errors.push(error));
  await expect(distrustful.ping()).rejects.toThrow();
  expect(String(errors[0])).toMatch(/self-signed/);
});

test('SIGSTOP freezes a server and SIGCONT lets it answer what it was asked meanwhile', async () => {
  const server = await start();
  const client = server.connect();
  await client.set('a', '1');
  await server.kill('SIGSTOP');
  const answer = client.get('a');
  await expect(server.connect({ commandTimeout: 50, enableReadyCheck: false }).ping()).rejects.toThrow('timed out');
  await server.kill('SIGCONT');
  expect(await answer).toBe('1');
});

test('after kill -9 a server with an append-only file comes back on its port with its data', async () => {
  const server = await start({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
  const client = server.connect();
  await client.set('a', '1');
  await server.kill('SIGKILL');
  await server.restart();
  expect(await eventually('the data is back', () => client.get('a'))).toBe('1');
});

test('a server without persistence comes back empty', async () => {
  const server = await start();
  const client = server.connect();
  await client.set('a', '1');
  await server.restart();
  expect(await client.exists('a')).toBe(0);
});
