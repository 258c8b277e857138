/** Real Redis servers for tests: on loopback, in a directory of their own, without persistence unless asked for. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis, type RedisOptions } from 'ioredis';
import { selfSignedCertificate } from './certificate.ts';
import { freePort } from './port.ts';
import { type Fault, launchRedis, type RedisProcess } from './redis-process.ts';
import { findServer, type ServerSource, thisMachine } from './redis-source.ts';

export interface RedisServerOptions {
  /** Further directives of redis.conf, `['--appendonly', 'yes']`. */
  readonly args?: readonly string[];
  /** `requirepass`. */
  readonly password?: string;
  /** An ACL user beside the default one; `url` then names it. `rules` as in redis.conf, `['~*', '+@all']`. */
  readonly user?: { readonly name: string; readonly password: string; readonly rules: readonly string[] };
  /** TLS only, with a self-signed certificate. */
  readonly tls?: boolean;
  /** What starts it; whatever this machine has when left out. */
  readonly source?: ServerSource;
}

/** Replies keep the shapes of RESP2, as in the service. */
export type ClientOptions = Omit<RedisOptions, 'replyMapping'>;

export interface RedisServer {
  readonly host: '127.0.0.1';
  readonly port: number;
  /** With the scheme and credentials a client needs. */
  readonly url: string;
  /** PEM of the certificate to trust; null without TLS. */
  readonly ca: string | null;
  /** A client of the default user, closed by `stop`. */
  connect(options?: ClientOptions): Redis;
  /** SIGKILL resolves when the server is gone. A stopped server (SIGSTOP) keeps its connections and answers nothing. */
  kill(signal: Fault): Promise<void>;
  /** Starts it again on the same port and directory, after SIGKILL or from running (which it ends with SIGTERM). */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const source = options.source ?? (await findServer(thisMachine));
  const dir = await mkdtemp(join(tmpdir(), 'countersign-redis-'));
  const ca = options.tls ? await writeCertificate(dir) : null;
  const port = await freePort();
  const launch = { args: directives(options, port), dir };
  let running: RedisProcess | null = await launchRedis(source, launch).catch(async (error: unknown) => {
    await rm(dir, { recursive: true, force: true });
    throw error;
  });
  const clients = new Set<Redis>();

  const end = async () => {
    await running?.stop();
    running = null;
  };
  return {
    host: '127.0.0.1',
    port,
    ca,
    url: url(options, port),
    connect: (overrides = {}) => {
      const client = new Redis({ ...clientOptions(options, port, ca), ...overrides });
      // A command's error rejects its promise; connection errors are what these tests are made of.
      client.on('error', () => undefined);
      clients.add(client);
      return client;
    },
    kill: async (signal) => {
      if (running === null) throw new Error(`${signal} to a Redis that is not running`);
      await running.kill(signal);
      if (signal === 'SIGKILL') running = null;
    },
    restart: async () => {
      await end();
      running = await launchRedis(source, launch);
    },
    stop: async () => {
      for (const client of clients) client.disconnect();
      await end();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function directives({ args = [], password, user, tls }: RedisServerOptions, port: number) {
  const all = [tls ? '--tls-port' : '--port', String(port), '--bind', '127.0.0.1'];
  all.push('--protected-mode', 'no', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction');
  // Replicas of tests are in sync at once, and a backlog once made is kept (freeing it would end the history).
  all.push('--repl-diskless-sync', 'yes', '--repl-diskless-sync-delay', '0', '--repl-backlog-ttl', '0');
  if (tls) all.push('--port', '0', '--tls-cert-file', 'cert.pem', '--tls-key-file', 'key.pem');
  if (tls) all.push('--tls-ca-cert-file', 'cert.pem', '--tls-auth-clients', 'no');
  if (password !== undefined) all.push('--requirepass', password);
  if (user !== undefined) all.push('--user', user.name, 'on', `>${user.password}`, ...user.rules);
  return [...all, ...args];
}

function url({ password, user, tls }: RedisServerOptions, port: number): string {
  const credentials = user ?? (password === undefined ? null : { name: '', password });
  const userinfo = credentials === null ? '' : `${credentials.name}:${encodeURIComponent(credentials.password)}@`;
  return `${tls ? 'rediss' : 'redis'}://${userinfo}127.0.0.1:${port}`;
}

function clientOptions({ password }: RedisServerOptions, port: number, ca: string | null): ClientOptions {
  return {
    host: '127.0.0.1',
    port,
    retryStrategy: () => 50,
    ...(password === undefined ? {} : { password }),
    ...(ca === null ? {} : { tls: { ca } }),
  };
}

async function writeCertificate(dir: string): Promise<string> {
  const { cert, key } = selfSignedCertificate();
  await writeFile(join(dir, 'cert.pem'), cert);
  await writeFile(join(dir, 'key.pem'), key, { mode: 0o600 });
  return cert;
}
