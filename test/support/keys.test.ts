import { createHash } from 'node:crypto';
import { afterAll, afterEach, expect, test } from 'vitest';
import { assertKeysClean } from './keys.ts';
import { sharedRedis } from './shared-redis.ts';

const redis = sharedRedis();
afterEach(redis.clear);
afterAll(redis.close);

const SECRETS = { phones: ['+14155550123', '+8613800138000'], codes: ['123456', '004217'] };
const base64 = (text: string) => Buffer.from(text).toString('base64');
const hash = (text: string) => createHash('sha256').update(text).digest();

const check = () => assertKeysClean(redis.client, redis.prefix, SECRETS);
async function put(value: string, key = 'v'): Promise<void> {
  await redis.client.set(`${redis.prefix}:${key}`, value, 'PX', 60_000);
}

test('innocent keys are counted and pass', async () => {
  await put(
    JSON.stringify({ at: 1763690000123456, masked: '********0123', seed: hash('x').toString('base64url') }),
    'a',
  );
  await redis.client.zadd(`${redis.prefix}:b`, 1763690123456, 'send');
  await redis.client.pexpire(`${redis.prefix}:b`, 60_000);
  expect(await check()).toBe(2);
});

test('other prefixes are not looked at', async () => {
  const foreign = `other-${redis.prefix}`;
  await redis.client.set(foreign, '123456');
  expect(await check()).toBe(0);
  await redis.client.del(foreign);
});

test('a key that never expires is named', async () => {
  await redis.client.set(`${redis.prefix}:forever`, 'x');
  await expect(check()).rejects.toThrow(`${redis.prefix}:forever never expires`);
});

test.each([
  ['in E.164', '+14155550123'],
  ['as digits within others', '9914155550123000'],
  ['in national digits', '4155550123'],
  ['in a national spelling', '(415) 555-0123'],
  ['in an international spelling', '+86 138 0013 8000'],
  ['URL-encoded', '%2B14155550123'],
  ['URL-encoded digit by digit', '%34155550123'],
  ['in base64', base64('+14155550123')],
  ['in base64 inside something else', base64('{"to":"+14155550123"}')],
  ['in base64 behind a word', `id_${base64('phone:14155550123')}`],
  ['in hex', Buffer.from('+14155550123').toString('hex')],
  ['in nested JSON', JSON.stringify({ a: JSON.stringify({ phone: '+14155550123' }) })],
])('a phone %s is found', async (_, value) => {
  await put(value);
  await expect(check()).rejects.toThrow('shows a phone');
});

test.each([
  ['alone', '123456'],
  ['with leading zeros', 'code=004217;'],
  ['in JSON', '{"code":"123456"}'],
  ['as a number', '[1,123456]'],
  ['in base64', base64('123456')],
  ['in base64 inside something else', base64('a:004217')],
  ['in hex', Buffer.from('123456').toString('hex')],
])('a code %s is found', async (_, value) => {
  await put(value);
  await expect(check()).rejects.toThrow('shows a code');
});

test.each([
  ['phone', 'hex', hash('+14155550123').toString('hex')],
  ['phone', 'base64', hash('14155550123').toString('base64url')],
  ['code', 'hex', hash('123456').toString('hex')],
])('an unkeyed hash of a %s in %s is found', async (what, _, value) => {
  await put(`x:${value}`);
  await expect(check()).rejects.toThrow(`shows an unkeyed hash of a ${what}`);
});

test('six digits between the letters of a digest are chance, and no code', async () => {
  const digest = `ab${'123456'}${'cd'.repeat(16)}`;
  await put(digest);
  expect(await check()).toBe(1);
  await put(digest.slice(1));
  await expect(check()).rejects.toThrow('shows a code');
});

test('every place of every type is read', async () => {
  const { client, prefix } = redis;
  const places: [name: string, write: (key: string) => Promise<unknown>][] = [
    ['name-123456', (key) => client.set(key, 'x')],
    ['field', (key) => client.hset(key, '123456', 'x')],
    ['value', (key) => client.hset(key, 'x', '123456')],
    ['member', (key) => client.zadd(key, 1, '123456')],
    ['score', (key) => client.zadd(key, 123456, 'x')],
    ['set', (key) => client.sadd(key, '123456')],
    ['list', (key) => client.rpush(key, 'x', '123456')],
  ];
  for (const [name, write] of places) {
    const key = `${prefix}:${name}`;
    await write(key);
    await client.pexpire(key, 60_000);
    await expect(check(), name).rejects.toThrow(`${key} shows a code`);
    await redis.clear();
  }
});

test('a type that cannot be read is refused, not skipped', async () => {
  await redis.client.xadd(`${redis.prefix}:stream`, '*', 'a', 'b');
  await expect(check()).rejects.toThrow('is a stream');
});
