/** What the scripts leave in Redis: which keys with which fields, how many members, and for how long. */

import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import { SHARED_GRID_MS } from '../../src/domain/policy.ts';
import type { Slot } from '../../src/domain/slot.ts';
import type { CheckCommand, Store } from '../../src/store/store.ts';
import { readPacked, valuesOf } from '../support/packed.ts';
import type { SharedRedis } from '../support/shared-redis.ts';
import { openStore } from '../support/store.ts';
import { connected, virtualRedisStore } from '../support/virtual-redis.ts';
import { rulesOf, WINDOWS } from './commands.ts';
import { DAY, DELIVERY, HOUR, MINUTE, RIGHT, type SendChanges } from './contract-world.ts';

export function keyContract(shared: SharedRedis): void {
  const { client, prefix } = shared;
  let store: Store;
  let time = 1_800_000_000_000;
  let slot: Slot;
  let serial = 0;

  beforeAll(async () => {
    store = await connected(virtualRedisStore({ now: () => time, keyPrefix: prefix }));
  });
  beforeEach(() => {
    slot = { phoneKey: `00.${randomBytes(16).toString('base64url')}`, caller: 'auth', purpose: 'login' };
  });
  afterEach(() => shared.clear());
  afterAll(() => store.close());

  const REQUEST = { hash: 'hash', content: 'content' };

  /** Returns the send id. */
  async function send({ rules, ...changes }: SendChanges = {}): Promise<string> {
    serial += 1;
    const sendId = `send-${serial}`;
    const candidate = { nonce: `nonce-${serial}`, seed: `seed-${serial}`, codeMac: RIGHT };
    const command = { slot, sendId, candidate, session: '', content: '', request: null, ...changes };
    const reply = await store.send({ ...command, rules: { ...rulesOf('same'), ...rules } });
    expect(reply.kind).toBe('reserved');
    return sendId;
  }
  const settle = (sendId: string, delivery: Delivery | null, requestHash: string | null = null) =>
    store.settle({ slot, sendId, requestHash, delivery });
  const check = (codeMac: string, changes: Partial<CheckCommand> = {}) =>
    store.check({
      slot,
      nonce: null,
      session: '',
      content: '',
      codeMac,
      request: null,
      approvedTag: '',
      guessesByPhone: 5,
      ...changes,
    });
  const report = (sendId: string) =>
    store.report({ slot, sendId, provider: 'fake', messageId: '', status: 'delivered', category: '' });
  const cancel = async () => {
    const { nonce = '' } = await readPacked(client, key('v'), 'record');
    await store.cancel({ slot, nonce });
  };
  const status = () => store.status({ slot, nonce: null, cooldownMs: MINUTE, windows: WINDOWS });

  type Kind = 'v' | 's' | 'f' | 'a' | 'r' | 'q';
  const key = (kind: Kind) => {
    const phone = `${prefix}:3:{${slot.phoneKey}}:${kind}`;
    if (kind === 's' || kind === 'a') return phone;
    return kind === 'v' || kind === 'f' ? `${phone}:auth:login` : `${phone}:auth:${REQUEST.hash}`;
  };
  const KINDS = { v: 'record', r: 'answer', q: 'verdict' } as const;
  const read = (kind: keyof typeof KINDS) => readPacked(client, key(kind), KINDS[kind]);
  const fields = async (kind: keyof typeof KINDS) => Object.keys(await read(kind)).sort();
  /** Every key of the phone by its kind, and how long it lives, in whole minutes: the server's own clock goes on. */
  async function lives(): Promise<Partial<Record<Kind, number>>> {
    const keys = (await client.keys(`${prefix}:*`)).sort();
    const found = await Promise.all(
      keys.map(async (name) => [
        name.split('}:')[1]?.[0] ?? name,
        Math.ceil((await client.pttl(name)) / MINUTE) * MINUTE,
      ]),
    );
    return Object.fromEntries(found);
  }

  /** Other callers see a send leave its window at the next ten seconds; `lives` rounds that up to a minute. */
  const SENDS_DAY = DAY + SHARED_GRID_MS;

  describe('how long keys live', () => {
    const SENT = { v: 5 * MINUTE + DAY, s: DAY + MINUTE };
    const steps: [what: string, () => Promise<unknown>, Partial<Record<Kind, number>>][] = [
      ['a send', () => send(), SENT],
      ['a send with a request id', () => send({ request: REQUEST }), { ...SENT, r: 10 * MINUTE }],
      [
        'a send of a code that lives longer',
        () => send({ rules: { lifeMs: 10 * MINUTE } }),
        { ...SENT, v: 10 * MINUTE + DAY },
      ],
      [
        'a send under a long window',
        () => send({ rules: { windows: [{ name: 'w', limit: 5, windowMs: 7 * DAY }] } }),
        { ...SENT, s: 7 * DAY + MINUTE },
      ],
      [
        'a send under short limits',
        () => send({ rules: { cooldownMs: 0, windows: [{ name: 'w', limit: 5, windowMs: 1_000 }] } }),
        { ...SENT, s: HOUR + MINUTE },
      ],
      ['a send with a long cooldown', () => send({ rules: { cooldownMs: DAY } }), { ...SENT, s: 10 * DAY + MINUTE }],
      ['a send to a test number', () => send({ rules: { test: true } }), { v: SENT.v }],
      [
        'a resend: the record no longer than its code',
        async () => {
          await send();
          time += MINUTE;
          await send();
        },
        { v: 4 * MINUTE + DAY, s: DAY + MINUTE },
      ],
      [
        'a settled send',
        async () => settle(await send({ request: REQUEST }), DELIVERY, REQUEST.hash),
        { ...SENT, r: 10 * MINUTE },
      ],
      ['a refunded send', async () => settle(await send({ request: REQUEST }), null, REQUEST.hash), {}],
      [
        'a send that was charged twice',
        async () => {
          const attempt = { provider: 'a', result: 'unknown', category: 'timeout', latencyMs: 1 } as const;
          await settle(await send(), { ...DELIVERY, attempts: [attempt, attempt] });
        },
        SENT,
      ],
      [
        'a refund that brings back the code before',
        async () => {
          await send();
          time += MINUTE;
          await settle(await send({ rules: { resend: 'new' } }), null);
        },
        { v: 4 * MINUTE + DAY, s: DAY + MINUTE },
      ],
      [
        'a refund that brings back an expired code: from now on, since it is shown again',
        async () => {
          await send();
          time += 6 * MINUTE;
          await settle(await send(), null);
        },
        { v: DAY, s: DAY + MINUTE },
      ],
      [
        'a report',
        async () => {
          const sendId = await send();
          await settle(sendId, DELIVERY);
          await report(sendId);
        },
        SENT,
      ],
      ['a report that comes early', async () => report(await send()), SENT],
      [
        'a wrong guess',
        async () => {
          await send();
          await check('wrong');
        },
        { ...SENT, f: 30 * DAY },
      ],
      [
        'a wrong guess with a request id',
        async () => {
          await send();
          await check('wrong', { request: REQUEST });
        },
        { ...SENT, f: 30 * DAY, q: 10 * MINUTE },
      ],
      [
        'an approval after a wrong guess',
        async () => {
          await send();
          await check('wrong');
          await check(RIGHT, { request: REQUEST });
        },
        { v: DAY, s: DAY + MINUTE, a: 30 * DAY, q: 10 * MINUTE },
      ],
      [
        'a cancellation',
        async () => {
          await send();
          await cancel();
        },
        SENT,
      ],
      ['a status', status, {}],
      ['a guess at nothing', () => check('wrong', { request: REQUEST }), {}],
      ['a cancellation of nothing', cancel, {}],
      ['a refund of nothing', () => settle('unknown', null, REQUEST.hash), {}],
      ['a settle of nothing', () => settle('unknown', DELIVERY, REQUEST.hash), {}],
      ['a report of nothing', () => report('unknown'), {}],
    ];
    it.each(steps)('after %s', async (_, act, expected) => {
      await act();
      expect(await lives()).toEqual(expected);
    });
  });

  describe('how many members lists have', () => {
    const members = async (kind: 's' | 'f') => (await valuesOf(client, key(kind))).length / (kind === 's' ? 3 : 1);

    it('sends that no limit counts any more are deleted, to the millisecond', async () => {
      await send();
      time += SENDS_DAY - 1;
      await send();
      expect(await members('s')).toBe(2);
      time += 1;
      const rules = { cooldownMs: 0 };
      await send({ rules });
      expect(await members('s')).toBe(2);
      time += SENDS_DAY;
      await send({ rules });
      expect(await members('s')).toBe(1);
    });

    it('sends are kept as long as the cooldown counts them, however short the windows', async () => {
      const rules = { cooldownMs: 0, windows: [{ name: 'second', limit: 100, windowMs: 1_000 }] };
      await send({ rules });
      time += HOUR + SHARED_GRID_MS - 1;
      await send({ rules });
      expect(await members('s')).toBe(2);
      time += 1;
      await send({ rules });
      expect(await members('s')).toBe(2);
    });

    it('sends to a test number have none', async () => {
      await send({ rules: { test: true } });
      expect(await members('s')).toBe(0);
    });

    it('failed guesses that no budget counts any more are deleted, to the millisecond', async () => {
      await send();
      await check('wrong');
      time += 30 * DAY - 1;
      await send();
      await check('wrong');
      expect(await members('f')).toBe(2);
      time += 1;
      await check('wrong');
      expect(await members('f')).toBe(2);
      time += 30 * DAY;
      await send();
      await check('wrong');
      expect(await members('f')).toBe(1);
    });

    it('approvals that are past their retention are deleted with the next one, to the millisecond', async () => {
      const approve = async (purpose: string) => {
        slot = { ...slot, purpose };
        await send({ rules: { cooldownMs: 0 } });
        expect((await check(RIGHT)).kind).toBe('approved');
        return (await valuesOf(client, key('a'))).filter((value) => value.startsWith('auth:')).sort();
      };
      expect(await approve('login')).toEqual(['auth:login']);
      time += 30 * DAY - 1;
      expect(await approve('register')).toEqual(['auth:login', 'auth:register']);
      time += 1;
      expect(await approve('pay')).toEqual(['auth:pay', 'auth:register']);
      expect(await approve('register')).toEqual(['auth:pay', 'auth:register']);
    });

    it('failed guesses are one member each, and those of a test number none', async () => {
      await send();
      for (let i = 0; i < 5; i++) await check('wrong');
      expect(await members('f')).toBe(5);
      await send({ rules: { test: true } });
      await check('wrong');
      expect(await members('f')).toBe(5);
    });
  });

  describe('which fields are there', () => {
    const CODE = ['mac', 'replication_id', 'seed'];
    const RECORD = [
      ...['attempts', 'by_phone', 'content', 'created', 'digits', 'expires', 'guesses', 'nonce', 'send_id'],
      ...['sends', 'sent', 'session', 'state', 'test'],
    ];
    const recordOf = (...more: string[]) => [...RECORD, ...more].sort();

    it('a record that is not settled: what a refund puts back, and reports that came early', async () => {
      await send();
      expect(await fields('v')).toEqual(recordOf(...CODE));
      time += MINUTE;
      await report(await send());
      expect(await fields('v')).toEqual(recordOf(...CODE, 'undo', 'early'));
    });

    it.each(['same', 'new'] as const)(
      'what a refund puts back is three steps, not all before them: %s',
      async (resend) => {
        const rules = { resend, cooldownMs: 0, windows: [{ name: 'w', limit: 10, windowMs: MINUTE }] };
        const lengths: number[] = [];
        for (let i = 0; i < 6; i++) {
          await send({ rules, candidate: { nonce: `nonce-${i}`, seed: 'seed', codeMac: RIGHT }, sendId: `id-${i}` });
          lengths.push((await read('v')).undo?.length ?? 0);
        }
        const [none, one = 0, two = 0, three = 0, ...more] = lengths;
        expect(none).toBe(0);
        expect(one < two && two < three).toBe(true);
        expect(more).toEqual([three, three]);
      },
    );

    it('of reports that come early, each provider’s word once, however often it comes', async () => {
      const sendId = await send();
      const lengths = new Set<number | undefined>();
      for (let i = 0; i < 5; i++) {
        await report(sendId);
        lengths.add((await read('v')).early?.length);
      }
      expect(lengths.size).toBe(1);
    });

    it('a settled one: its delivery in place of both', async () => {
      await send();
      time += MINUTE;
      const sendId = await send();
      await report(sendId);
      await settle(sendId, DELIVERY);
      expect(await fields('v')).toEqual(recordOf(...CODE, 'delivery'));
    });

    it('one whose resend is refunded: as before it', async () => {
      const first = await send();
      await settle(first, DELIVERY);
      time += MINUTE;
      const second = await send();
      expect(await fields('v')).toEqual(recordOf(...CODE, 'undo'));
      await report(second);
      await store.report({ slot, sendId: second, provider: 'fake', messageId: '', status: 'failed', category: '' });
      time += MINUTE;
      await settle(await send({ rules: { resend: 'new' } }), null);
      // What a refund of the second send would put back is still there.
      expect(await fields('v')).toEqual(recordOf(...CODE, 'early', 'undo'));
    });

    it('an approved or canceled one: nothing of the code, nothing to put back', async () => {
      await send();
      time += MINUTE;
      const approved = await send();
      await check(RIGHT);
      expect(await fields('v')).toEqual(recordOf('approved'));
      await report(approved);
      await settle(approved, null);
      expect(await fields('v')).toEqual(recordOf('approved', 'delivery'));
      time += MINUTE;
      const canceled = await send();
      await report(canceled);
      await cancel();
      expect(await fields('v')).toEqual(recordOf('early'));
      await store.report({ slot, sendId: canceled, provider: 'fake', messageId: '', status: 'failed', category: '' });
      await settle(canceled, DELIVERY);
      expect(await fields('v')).toEqual(recordOf('delivery'));
    });

    it('a canceled one that is refunded keeps no report of a message that was never sent', async () => {
      const sendId = await send();
      await store.report({ slot, sendId, provider: 'fake', messageId: '', status: 'failed', category: '' });
      await cancel();
      await settle(sendId, null);
      expect(await fields('v')).toEqual(recordOf());
    });

    it('one of a test number says so', async () => {
      await send({ rules: { test: true } });
      expect((await read('v')).test).toBe('true');
      expect(await fields('v')).toEqual(recordOf(...CODE));
    });

    it('a stored answer, a stored verdict, approvals', async () => {
      const sendId = await send({ request: REQUEST });
      const answer = ['expires', 'fingerprint', 'nonce', 'remaining', 'resend', 'send_id', 'sent'];
      expect(await fields('r')).toEqual(answer);
      await settle(sendId, DELIVERY, REQUEST.hash);
      expect(await fields('r')).toEqual([...answer, 'delivery'].sort());
      await check(RIGHT, { request: REQUEST });
      expect(await fields('q')).toEqual(['at', 'fingerprint', 'nonce', 'tag', 'value', 'verdict']);
      expect((await read('v')).approved_by).toBe((await read('q')).tag?.slice(0, 16));
      expect(await valuesOf(client, key('a'))).toEqual(['auth:login', String(time)]);
    });

    it('an answer that is stored anew keeps nothing of the one before it', async () => {
      await settle(await send({ request: REQUEST }), DELIVERY, REQUEST.hash);
      time += 10 * MINUTE;
      await send({ request: REQUEST });
      expect(await fields('r')).not.toContain('delivery');
    });
  });

  describe('the clock', () => {
    it('is that of Redis, in milliseconds since the epoch', async () => {
      const real = await openStore({ url: shared.url, keyPrefix: prefix });
      const redisTime = async () => {
        const [seconds, microseconds] = await client.time();
        return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
      };
      // Often enough to meet a rounding that is wrong by one.
      for (let i = 0; i < 50; i++) {
        const before = await redisTime();
        const { now } = await real.status({ slot, nonce: null, cooldownMs: MINUTE, windows: WINDOWS });
        const after = await redisTime();
        expect(now).toBeGreaterThanOrEqual(before);
        expect(now).toBeLessThanOrEqual(after);
        expect(Number.isInteger(now)).toBe(true);
      }
      await real.close();
    });
  });
}
