/** What Redis holds: every key expires, and neither a phone nor a code can be read from any of it. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import type { Reports } from '../../src/sms/provider.ts';
import type { RunningApp } from '../support/app.ts';
import { ok, PROTOCOLS } from '../support/clients.ts';
import { createInbox } from '../support/inbox.ts';
import { keysUnder } from '../support/keys.ts';
import { readPacked } from '../support/packed.ts';
import type { VirtualOptions } from '../support/virtual-redis.ts';
import { createStage, figure, ownRedis, without } from './stage.ts';
import { createUser } from './user.ts';

const { cancelVerification } = VerificationService.method;
const DAY = 24 * 3_600_000;

// Not the shared one: other files' keys are none of these tests' business.
const redis = await ownRedis();
const stage = createStage(redis);
const { clock } = stage;

/** Every way in which a call can leave something behind. */
async function everything(app: RunningApp): Promise<void> {
  for (const protocol of PROTOCOLS) {
    const user = createUser(app, { protocol, phone: stage.phone() });
    const mine = { client: { sessionId: 'mine', deviceId: 'd', ip: '192.0.2.1', userAgent: 'u' } };
    ok(await user.send({ requestId: 'a-send', variables: { name: 'Ann' }, ...mine }));
    await user.verdict(user.wrong(1), { requestId: 'a-guess', ...mine });
    await user.verdict(user.wrong(2), { verificationId: '', phone: user.phone, ...mine });
    await user.verdict(user.code(), { requestId: 'right', ...mine });
    clock.pass(60_000);
    // A code that another replaces, one that was refunded, one that is canceled, one that is maybe sent.
    ok(await user.send(mine));
    clock.pass(4 * 60_000);
    ok(await user.send({ requestId: 'b-send' }));
    clock.pass(10 * 60_000);
    app.inbox.answer(async () => ({ kind: 'unavailable', category: 'transient', vendorCode: '503' }));
    await user.send({ requestId: 'not-sent' });
    app.inbox.answer(async () => ({ kind: 'unknown', category: 'timeout', vendorCode: '' }));
    ok(await user.send({ requestId: 'maybe' }));
    app.inbox.answer(async () => ({ kind: 'accepted', messageId: 'm', segments: 1 }));
    await user.status();
    await user.verdict(user.wrong(3), mine);
    const canceled = { verificationId: user.id, purpose: 'login' };
    ok(await app.client(protocol).call(cancelVerification, canceled));
  }
}

async function allKeys(): Promise<string[]> {
  const keys: string[] = [];
  for await (const key of keysUnder(redis.client, '')) keys.push(key);
  return keys;
}

describe('after every kind of call', () => {
  it('every key is one of the documented kinds, expires within 30 days, and tells nothing', async () => {
    await everything(await stage.startVirtual());
    const keys = await allKeys();
    const kinds = new Set(keys.map((key) => GRAMMAR.exec(key)?.[1] ?? key));
    expect([...kinds].sort()).toEqual(['a', 'f', 'q', 'r', 's', 'v']);
    const lives = await Promise.all(keys.map((key) => redis.client.pttl(key)));
    expect(Math.min(...lives)).toBeGreaterThan(0);
    expect(Math.max(...lives)).toBeLessThanOrEqual(30 * DAY);
    expect(await stage.checkKeys()).toBe(keys.length);
    figure(`${keys.length} keys of 6 kinds, the longest lives ${(Math.max(...lives) / DAY).toFixed(1)} days`);
  });

  it('where a vendor reports by its own ids there is one kind more: 3 days, an hour while the send is unknown', async () => {
    const reports: Reports = {
      byMessageId: true,
      read: ({ body }) => {
        const report = {
          token: '',
          messageId: body.toString(),
          status: 'delivered',
          category: '',
          vendorCode: '',
        } as const;
        return { kind: 'reports', reports: [report], answer: { status: 204, body: '' } };
      },
    };
    const vendor = createInbox('vendor');
    const app = await stage.startVirtual({
      providers: [{ ...vendor.provider, reports }],
      env: { CALLBACK_PUBLIC_URL: 'https://sms.example.com' },
    });
    const user = createUser({ ...app, inbox: vendor }, { protocol: 'grpc', phone: stage.phone() });
    ok(await user.send());
    for (const id of [`message-${vendor.messages[0]?.sendId}`, 'a message that is not known yet']) {
      const { status } = await fetch(`${app.callbacks}/vendor`, { method: 'POST', body: id });
      expect(status).toBe(204);
    }
    expect(await user.verdict(user.code())).toBe('APPROVED');
    const keys = await allKeys();
    const kinds = keys.map((key) => GRAMMAR.exec(key)?.[1] ?? MESSAGE.exec(key)?.[1] ?? key);
    expect(kinds.sort()).toEqual(['a', 'm', 'm', 's', 'v']);
    const lives = await Promise.all(keys.filter((key) => MESSAGE.test(key)).map((key) => redis.client.pttl(key)));
    expect(lives.map((ms) => Math.round(ms / 3_600_000)).sort()).toEqual([1, 72]);
    expect(await stage.checkKeys()).toBe(keys.length);
  });

  /** Sends a code, ends its verification, and returns the fields of its record that the code derives from. */
  async function secretsAfter(end: 'approved' | 'canceled', plant?: VirtualOptions['plant']): Promise<string[]> {
    const app = await stage.startVirtual(plant && { plant });
    const user = createUser(app, { protocol: 'grpc', phone: stage.phone() });
    ok(await user.send());
    const [record = ''] = (await allKeys()).filter((key) => key.includes(':v:'));
    const secrets = async () =>
      Object.keys(await readPacked(redis.client, record, 'record')).filter((field) => /^(mac|seed|undo)$/.test(field));
    expect((await secrets()).sort()).toEqual(['mac', 'seed']);
    if (end === 'approved') expect(await user.verdict(user.code())).toBe('APPROVED');
    else ok(await app.client('grpc').call(cancelVerification, { verificationId: user.id, purpose: 'login' }));
    return await secrets();
  }

  it.each(['approved', 'canceled'] as const)(
    'a verification that was %s keeps neither seed nor MAC of its code',
    async (end) => {
      expect(await secretsAfter(end)).toEqual([]);
    },
  );

  it.each([
    ['approved', 'check'],
    ['canceled', 'cancel'],
  ] as const)('negative control: one that was %s keeps them when %s.lua does not delete them', async (end, script) => {
    const plant = without(script, {
      'record.seed, record.mac, record.replication_id, record.undo = nil, nil, nil, nil': '',
    });
    expect(await secretsAfter(end, plant)).not.toEqual([]);
  });

  it('the same phone has other keys under another secret', async () => {
    const phone = stage.phone();
    const names: string[][] = [];
    for (const secret of [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')]) {
      const app = await stage.startVirtual({ env: { COUNTERSIGN_SECRET: secret } });
      ok(await createUser(app, { protocol: 'grpc', phone }).send());
      names.push((await allKeys()).filter((key) => !names.flat().includes(key)));
    }
    expect(names.map((keys) => keys.length)).toEqual([2, 2]);
  });
});

const GRAMMAR = /^cs:3:\{[0-9a-f]{2}\.[\w-]{22}\}:([vsfaqr])(?::anonymous:[\w-]+)?$/;
/** No phone's tag begins like this one. */
const MESSAGE = /^cs:3:\{(m)\.[0-9a-f]{2}-[\w-]{2}\}(?::[\w-]{20})?$/;

describe('negative controls: the check after each test finds', () => {
  it.each([
    ['send', 'write(sends_key, cmsgpack.pack(sends), keep_sends_ms)'],
    ['check', "write(failures_key, cmsgpack.pack(failures), '2592000000')"],
  ])('a key that %s.lua leaves without a TTL', async (script, line) => {
    const [call = ''] = line.split(/, (?:keep|')/);
    const plant = without(script, { [line]: `${call.replace('write(', "redis.call('SET', ")})` });
    const user = createUser(await stage.startVirtual({ plant }), { protocol: 'grpc', phone: stage.phone() });
    ok(await user.send());
    await user.verdict(user.wrong());
    await expect(stage.checkKeys()).rejects.toThrow('never expires');
    await redis.clear();
  });

  const leaks: [what: string, found: string, leak: (phone: string, code: string) => [key: string, value: string]][] = [
    ['an outbox with the text of the SMS', 'shows a code', (_, code) => ['cs:outbox', `${code} is your login code.`]],
    ['a cache by phone', 'shows a phone', (phone) => [`cs:last:${phone}`, 'sent']],
    ['a phone in a value', 'shows a phone', (phone) => ['cs:queue', JSON.stringify({ to: phone })]],
    ['a phone in base64', 'shows a phone', (phone) => ['cs:job', Buffer.from(`to=${phone}`).toString('base64')]],
  ];
  it.each(leaks)('%s', async (_, found, leak) => {
    const app = await stage.startVirtual();
    app.inbox.answer(async ({ to, code }) => {
      const [key, value] = leak(to, code);
      await redis.client.set(key, value, 'PX', 60_000);
      return { kind: 'accepted', messageId: 'm', segments: 1 };
    });
    ok(await createUser(app, { protocol: 'json', phone: stage.phone() }).send());
    await expect(stage.checkKeys()).rejects.toThrow(found);
    await redis.clear();
  });

  it('a wrong code, too: it is as good as the right one of somebody else', async () => {
    const app = await stage.startVirtual();
    const user = createUser(app, { protocol: 'json', phone: stage.phone() });
    ok(await user.send());
    await user.verdict(user.wrong());
    await redis.client.set('cs:last-guess', user.wrong(), 'PX', 60_000);
    await expect(stage.checkKeys()).rejects.toThrow('shows a code');
    await redis.clear();
  });
});
