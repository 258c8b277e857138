/** Somebody who can write to Redis, but does not have the secret. */
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { keysUnder } from '../support/keys.ts';
import { createStage, ownRedis, without } from './stage.ts';
import { createUser, type User } from './user.ts';

const redis = await ownRedis();
const stage = createStage(redis);
beforeEach(() => redis.clear());
afterAll(() => redis.close());

async function keyOf(kind: string): Promise<string> {
  for await (const key of keysUnder(redis.client, 'cs')) if (key.includes(`}:${kind}`)) return key;
  throw new Error(`there is no key of kind ${kind}`);
}

const REQUEST = { requestId: 'guess' };

/** Makes the stored verdict of a wrong guess an approval, with everything else that an approval has. */
async function forgeVerdict(): Promise<void> {
  const key = await keyOf('q');
  await redis.client.hset(key, 'verdict', 'APPROVED', 'value', String(stage.clock.now()));
  // A tag that is genuine, of another approval.
  await redis.client.hset(key, 'tag', 'AAAAAAAAAAAAAAAAAAAAAA');
}

async function wrongGuess(user: User): Promise<string> {
  await user.send();
  const guess = user.wrong();
  expect(await user.verdict(guess, REQUEST)).toBe('WRONG_CODE');
  return guess;
}

describe('who can write to Redis', () => {
  it('cannot turn the stored verdict of a wrong guess into an approval: INTERNAL, and a fault in the log', async () => {
    const app = await stage.startVirtual();
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    const guess = await wrongGuess(user);
    await forgeVerdict();
    expect(await user.verdict(guess, REQUEST)).toBe('INTERNAL');
    expect((await user.record()).approvedAt).toBeUndefined();
    expect(await user.verdict(user.code())).toBe('APPROVED');
  });

  it('negative control: a replay that believes the store approves a wrong guess', async () => {
    const app = await stage.startVirtual({ plant: without('check', { 'stored.tag ~= tag': 'false' }) });
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    const guess = await wrongGuess(user);
    await forgeVerdict();
    expect(await user.verdict(guess, REQUEST)).toBe('APPROVED');
  });

  it('cannot give the tag of one approval to another guess', async () => {
    const app = await stage.startVirtual({ file: 'limits: { resendIntervalSeconds: 0 }' });
    const user = createUser(app, { protocol: 'json', phone: stage.phone() });
    await user.send();
    expect(await user.verdict(user.code(), { requestId: 'right' })).toBe('APPROVED');
    const tag = (await redis.client.hget(await keyOf('q'), 'tag')) ?? '';
    expect(tag).not.toBe('');
    await redis.client.del(await keyOf('q'));
    const guess = await wrongGuess(user);
    await forgeVerdict();
    await redis.client.hset(await keyOf('q'), 'tag', tag);
    expect(await user.verdict(guess, REQUEST)).toBe('INTERNAL');
  });

  const moves = [
    ['by id', false],
    ['by phone', true],
  ] as const;
  it.each(moves)('cannot move a code that it knows to another verification of the phone: %s', async (_, byPhone) => {
    expect(await movedCode(byPhone)).toBe('WRONG_CODE');
  });

  it.each(moves)('negative control: without the nonce in what is stored it can: %s', async (_, byPhone) => {
    expect(await movedCode(byPhone, "return redis.sha1hex(mac .. ':')")).toBe('APPROVED');
  });

  /** What a code that was used answers, once its MAC stands in the record of the next code. */
  async function movedCode(byPhone: boolean, bound?: string): Promise<string> {
    const line = "return redis.sha1hex(mac .. ':' .. nonce)";
    const plant = (_: string, lua: string) => (bound === undefined ? lua : lua.replace(line, bound));
    const app = await stage.startVirtual({ file: 'limits: { resendIntervalSeconds: 0 }', plant });
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    await user.send();
    const known = user.code();
    const mac = (await redis.client.hget(await keyOf('v'), 'mac')) ?? '';
    expect(await user.verdict(known)).toBe('APPROVED');
    await user.send();
    await redis.client.hset(await keyOf('v'), 'mac', mac);
    const target = byPhone ? { verificationId: '', phone: user.phone } : {};
    const verdict = await user.verdict(known, target);
    return verdict;
  }
});
