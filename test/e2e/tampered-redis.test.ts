/** Somebody who can write to Redis, but does not have the secret. */
import { createHash } from 'node:crypto';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import { deliveryText } from '../../src/store/delivery-text.ts';
import { ok } from '../support/clients.ts';
import { keysUnder } from '../support/keys.ts';
import { changePacked, readPacked, writeList } from '../support/packed.ts';
import { eventually } from '../support/wait.ts';
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

const DELIVERY: Delivery = { provider: 'inbox', messageId: 'm-1', status: 'delivered', attempts: [] };
const REQUEST = { requestId: 'guess' };

/** Makes the stored verdict of a wrong guess an approval, with everything else that an approval has. */
async function forgeVerdict(): Promise<void> {
  const key = await keyOf('q');
  // A tag that has its form.
  const tag = 'A'.repeat(32);
  await changePacked(redis.client, key, 'verdict', { verdict: 'APPROVED', value: stage.clock.now(), tag });
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
    const app = await stage.startVirtual({
      plant: without('check', { "proof ~= bound(tag .. ':' .. verified)": 'false' }),
    });
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
    const { tag = '' } = await readPacked(redis.client, await keyOf('q'), 'verdict');
    expect(tag).not.toBe('');
    await redis.client.del(await keyOf('q'));
    const guess = await wrongGuess(user);
    await forgeVerdict();
    await changePacked(redis.client, await keyOf('q'), 'verdict', { tag });
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
    expect(await movedCode(byPhone, 'bound(mac)')).toBe('APPROVED');
  });

  it.each([
    ['session', ''],
    ['content', ''],
    ['expires', '9999999999999'],
  ])('cannot change the %s of a live code and have it approved', async (field, value) => {
    const app = await stage.startVirtual();
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    await user.send({ client: { sessionId: 'session' }, variables: { shop: 'Alice' } });
    await changePacked(redis.client, await keyOf('v'), 'record', { [field]: value });
    expect(await user.verdict(user.code(), { client: { sessionId: 'session' } })).toBe('WRONG_CODE');
  });

  it('cannot name another verification in the stored verdict of a guess by phone', async () => {
    const app = await stage.startVirtual({ file: 'limits: { resendIntervalSeconds: 0 }' });
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    await user.send();
    const byPhone = { verificationId: '', phone: user.phone, requestId: 'right' };
    const code = user.code();
    expect(await user.verdict(code, byPhone)).toBe('APPROVED');
    await user.send();
    const { nonce = '' } = await readPacked(redis.client, await keyOf('v'), 'record');
    await changePacked(redis.client, await keyOf('q'), 'verdict', { nonce });
    expect(await user.verdict(code, byPhone)).toBe('INTERNAL');
    expect((await user.record()).approvedAt).toBeUndefined();
  });

  /** What a code that was used answers, once its MAC stands in the record of the next code. */
  async function movedCode(byPhone: boolean, bound?: string): Promise<string> {
    const line =
      "bound(mac .. ':' .. record.nonce .. ':' .. record.session .. ':' .. record.content .. ':' .. record.expires)";
    const plant = (_: string, lua: string) => (bound === undefined ? lua : lua.replace(line, bound));
    const app = await stage.startVirtual({ file: 'limits: { resendIntervalSeconds: 0 }', plant });
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    await user.send();
    const known = user.code();
    const { mac = '' } = await readPacked(redis.client, await keyOf('v'), 'record');
    expect(await user.verdict(known)).toBe('APPROVED');
    await user.send();
    await changePacked(redis.client, await keyOf('v'), 'record', { mac });
    const target = byPhone ? { verificationId: '', phone: user.phone } : {};
    const verdict = await user.verdict(known, target);
    return verdict;
  }
});

/** What docs/security.md admits: it is as bad as it says. */
describe('who can write to Redis can', () => {
  const start = async () =>
    createUser(await stage.startVirtual(), { protocol: 'grpc', phone: stage.phone(), purpose: 'login' });

  it('restore an old record as a whole and so have a used code accepted again', async () => {
    const user = await start();
    await user.send();
    const old = await redis.client.dumpBuffer(await keyOf('v'));
    expect(await user.verdict(user.code())).toBe('APPROVED');
    expect(await user.verdict(user.code())).toBe('NOT_FOUND');
    await redis.client.restore(await keyOf('v'), 600_000, old, 'REPLACE');
    expect(await user.verdict(user.code())).toBe('APPROVED');
  });

  it('reset guess budgets and limits and so guess a code', async () => {
    const user = await start();
    await user.send();
    for (let n = 1; n <= 50; n++) {
      expect(await user.verdict(user.wrong(n))).toBe('WRONG_CODE');
      await changePacked(redis.client, await keyOf('v'), 'record', { attempts: 0 });
      await redis.client.del(await keyOf('f'));
    }
    expect((await user.status()).guessBudget).toMatchObject({ used: 0, remaining: 20 });
    expect(await user.verdict(user.code())).toBe('APPROVED');

    expect((await user.send()).status).toBe('RESOURCE_EXHAUSTED');
    await redis.client.del(await keyOf('s'));
    expect((await user.send()).status).toBe('OK');
  });

  it('change what GetVerification, a repeated SendCode and verified_at say', async () => {
    const user = await start();
    const request = { requestId: 'sent' };
    await user.send(request);
    const delivery = deliveryText({ ...DELIVERY, messageId: 'forged' });
    await changePacked(redis.client, await keyOf('v'), 'record', { delivery });
    expect(ok(await user.send(request)).delivery).toMatchObject({ messageId: 'forged' });
    const seconds = Math.floor(stage.clock.now() / 1_000) - 3_600;
    const anHourAgo = seconds * 1_000;
    const check = () => user.check(user.code(), { requestId: 'right' });
    expect((await check()).status).toBe('OK');
    await changePacked(redis.client, await keyOf('v'), 'record', { approved: anHourAgo });
    await writeList(redis.client, await keyOf('a'), ['anonymous:login', anHourAgo]);
    await changePacked(redis.client, await keyOf('q'), 'verdict', { value: anHourAgo });
    const said = { seconds: BigInt(seconds) };
    expect(await user.record()).toMatchObject({ approvedAt: said, phoneVerifiedAt: said });
    expect(ok(await check())).toMatchObject({ verifiedAt: said });
  });
});

it('who can watch its commands (MONITOR) can do more: with the MAC of a known code it has the next one accepted', async () => {
  const app = await stage.startVirtual({ file: 'limits: { resendIntervalSeconds: 0 }' });
  const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
  await user.send();
  const known = user.wrong();
  const monitor = await redis.client.monitor();
  const checks: string[][] = [];
  monitor.on('monitor', (_: string, args: string[]) => void (args[2] === '4' && checks.push(args)));
  expect(await user.verdict(known)).toBe('WRONG_CODE');
  const [seen] = await eventually('the monitor tells', () => checks.length > 0 && checks);
  monitor.disconnect();

  // evalsha <script> 4 <keys> nonce session content mac ...
  const mac = seen?.[3 + 4 + 3];
  const { nonce, session, content, expires } = await readPacked(redis.client, await keyOf('v'), 'record');
  const bound = createHash('sha1').update([mac, nonce, session, content, expires].join(':')).digest('hex').slice(0, 32);
  await changePacked(redis.client, await keyOf('v'), 'record', { mac: bound });
  expect(await user.verdict(known)).toBe('APPROVED');
});
