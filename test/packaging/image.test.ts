import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** Instructions of the Dockerfile, comments and line continuations resolved. */
const dockerfile = read('Dockerfile')
  .replace(/^\s*#.*\n/gm, '')
  .replace(/\\\n/g, ' ')
  .split('\n')
  .flatMap((line) => {
    const match = /^([A-Z]+)\s+(.*)$/.exec(line.trim());
    return match?.[1] && match[2] ? [{ name: match[1], value: match[2] }] : [];
  });
const lastStage = dockerfile.slice(dockerfile.findLastIndex(({ name }) => name === 'FROM'));
const inLastStage = (name: string) => lastStage.filter((row) => row.name === name).map((row) => row.value);

describe('the image', () => {
  test('runs as a numeric user that is not root', () => {
    expect(inLastStage('USER')).toEqual([expect.stringMatching(/^[1-9]\d*:[1-9]\d*$/)]);
  });

  test('has its health checked by its own binary', () => {
    const [check = ''] = inLastStage('HEALTHCHECK');
    const entrypoint: string[] = JSON.parse(inLastStage('ENTRYPOINT')[0] ?? '[]');
    expect(check).toContain(`CMD ${JSON.stringify([...entrypoint, 'healthcheck']).replaceAll(',', ', ')}`);
  });

  test('serves in production mode on the documented ports', () => {
    expect(inLastStage('EXPOSE')).toEqual(['50051 8080 9090 8090']);
    expect(inLastStage('ENV')).toEqual(['NODE_ENV=production']);
    expect(inLastStage('CMD')).toEqual(['["serve"]']);
  });

  test('is given no secret, in any layer', () => {
    const settings = dockerfile.filter(({ name }) => name === 'ARG' || name === 'ENV').map(({ value }) => value);
    expect(settings.filter((value) => /secret|token|password|_key/i.test(value))).toEqual([]);
  });

  test('is built from files that exist and that .dockerignore lets through', () => {
    const allowed = read('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1).replace(/\/$/, '{,/**}'));
    const copied = dockerfile
      .filter(({ name, value }) => name === 'COPY' && !value.includes('--from='))
      .flatMap(({ value }) => value.split(/\s+/).slice(0, -1));
    expect(copied.length).toBeGreaterThan(3);
    for (const path of copied) {
      expect(existsSync(join(ROOT, path)), `${path} exists`).toBe(true);
      expect(
        allowed.some((glob) => matchesGlob(path.replace(/\/$/, ''), glob)),
        `${path} is in the context`,
      ).toBe(true);
    }
  });

  test('runs npm scripts that exist', () => {
    const scripts = dockerfile.flatMap(({ value }) => [...value.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name));
    expect(scripts).toEqual(['bundle']);
    expect(JSON.parse(read('package.json')).scripts).toHaveProperty('bundle');
  });

  test('keeps secrets and tests out of the build context', () => {
    expect(read('.dockerignore').split('\n')).toContain('*');
    expect(read('.dockerignore')).not.toMatch(/^!.*(\.env|test|\.git)/m);
  });
});

describe('the compose file', () => {
  const { services } = parse(read('compose.yaml'));

  test('publishes nothing beyond loopback, and Redis not at all', () => {
    const published: string[] = Object.values<{ ports?: string[] }>(services).flatMap(({ ports }) => ports ?? []);
    expect(published.length).toBe(4);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(services.redis.ports).toBeUndefined();
  });

  test('configures a service that starts, with the token that its comment names', () => {
    const { COUNTERSIGN_SECRET: _, ...env } = services.countersign.environment;
    const config = loadConfig(env, () => '');
    const token = /Bearer (\S+?)'/.exec(read('compose.yaml'))?.[1] ?? '';
    expect(config).toMatchObject({ mode: 'development', redis: { url: 'redis://redis:6379' } });
    expect(config.callers.developer?.tokens).toEqual([createHash('sha256').update(token).digest('hex')]);
  });

  test('takes a vendor from a file that git ignores, and sends by it with what its comment shows', () => {
    expect(services.countersign.env_file).toEqual([{ path: 'vendor.env', required: false }]);
    expect(read('.gitignore').split('\n')).toContain('*.env');
    const comment = read('compose.yaml').replace(/^# ?/gm, '');
    const shown = [...comment.matchAll(/^ +([A-Z_]+)=(.*)$/gm)].map(([, name = '', value = '']) => [name, value]);
    const { COUNTERSIGN_SECRET: _, ...env } = services.countersign.environment;
    const own = { TWILIO_ACCOUNT_SID: `AC${'0'.repeat(32)}`, TWILIO_PHONE_NUMBER: '+15005550006' };
    const config = loadConfig({ ...Object.fromEntries(shown), ...own, ...env }, () => '');
    expect(config.sms.mockMode).toBe(false);
    expect(config.twilio).toMatchObject({ authToken: '...', phoneNumber: '+15005550006' });
    expect(Object.fromEntries(shown)).toMatchObject({ TWILIO_ACCOUNT_SID: 'AC...', TWILIO_PHONE_NUMBER: '+1...' });
  });

  test('never lets Redis evict, lose its history or start empty', () => {
    expect(services.redis.command.join(' ')).toMatch(
      /--maxmemory-policy noeviction .*--repl-backlog-ttl 0 .*--appendonly yes .*--appendfsync everysec/,
    );
  });

  test('starts the service when Redis answers, with a read-only root and no capability', () => {
    expect(services.countersign.depends_on.redis.condition).toBe('service_healthy');
    expect(services.redis.healthcheck.test).toEqual(['CMD', 'redis-cli', 'ping']);
    expect(services.countersign).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  });
});
