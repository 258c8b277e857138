/** What every store promises of delivery reports: whenever they come, the record ends where it should. */
import { expect, it } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import type { Slot } from '../../src/domain/slot.ts';
import type { ReportCommand } from '../../src/store/report-commands.ts';
import { DAY, MINUTE, RIGHT, SECOND, type SendChanges, type World } from './contract-world.ts';

type Told = Partial<Pick<ReportCommand, 'provider' | 'messageId' | 'category' | 'slot'>>;

const attempt = (provider: string, result: 'accepted' | 'unknown') =>
  ({ provider, result, category: result === 'unknown' ? 'timeout' : '', latencyMs: 12.25 }) as const;
const ACCEPTED: Delivery = {
  provider: 'a',
  messageId: 'm-a',
  status: 'accepted',
  attempts: [attempt('a', 'accepted')],
};
const UNKNOWN: Delivery = { ...ACCEPTED, messageId: '', status: 'unknown', attempts: [attempt('a', 'unknown')] };
const FAILED_OVER: Delivery = {
  provider: 'b',
  messageId: 'm-b',
  status: 'accepted',
  attempts: [attempt('a', 'unknown'), attempt('b', 'accepted')],
};
const TWICE_UNKNOWN: Delivery = { ...UNKNOWN, attempts: [attempt('a', 'unknown'), attempt('b', 'unknown')] };

export function reportContract(world: World): void {
  const { check, pass, sendCommand, settle, status } = world;

  async function sent(changes: SendChanges = {}): Promise<string> {
    const command = sendCommand(changes);
    expect((await world.store().send(command)).kind).toBe('reserved');
    return command.sendId;
  }
  const report = (sendId: string, word: ReportCommand['status'], told: Told = {}) => {
    const { slot = world.slot(), provider = 'a' } = told;
    const { messageId = `m-${provider}`, category = word === 'failed' ? 'unreachable' : '' } = told;
    return world.store().report({ slot, sendId, provider, messageId, status: word, category });
  };
  const delivery = async (of?: Slot) => (await status(of)).record?.delivery;
  const used = async () => (await status()).windows.map((window) => window.used);

  it('shows what a vendor reports, when it came and how long after the send', async () => {
    const sendId = await sent();
    await settle(sendId, ACCEPTED);
    pass(3 * SECOND);
    expect(await report(sendId, 'delivered')).toEqual({ outcome: 'applied', age: 3 * SECOND });
    expect(await delivery()).toEqual({ ...ACCEPTED, status: 'delivered', reportedAt: world.now() });
  });

  it('says why a message failed', async () => {
    const sendId = await sent();
    await settle(sendId, ACCEPTED);
    await report(sendId, 'failed', { category: 'invalid_number' });
    const failed = { ...ACCEPTED, status: 'failed', failure: 'invalid_number', reportedAt: world.now() };
    expect(await delivery()).toEqual(failed);
  });

  it('says that it does not know why, when the vendor does not say', async () => {
    for (const early of [true, false]) {
      const slot = { ...world.slot(), purpose: early ? 'early' : 'late' };
      const command = sendCommand({ slot, rules: { cooldownMs: 0 } });
      await world.store().send(command);
      if (early) await report(command.sendId, 'failed', { slot, category: '' });
      await settle(command.sendId, ACCEPTED, null, slot);
      if (!early) await report(command.sendId, 'failed', { slot, category: '' });
      expect(await delivery(slot)).toMatchObject({ status: 'failed', failure: 'unknown' });
    }
  });

  it('forgets the failure of a message that arrives after all', async () => {
    const sendId = await sent();
    await settle(sendId, ACCEPTED);
    await report(sendId, 'failed');
    pass(SECOND);
    expect(await report(sendId, 'delivered')).toMatchObject({ outcome: 'applied' });
    expect(await delivery()).toEqual({ ...ACCEPTED, status: 'delivered', reportedAt: world.now() });
  });

  const EVENTS = ['settle accepted', 'report accepted', 'report failed', 'report delivered'] as const;
  it.each(permutations(EVENTS))('ends delivered: %s, %s, %s, %s', async (...order) => {
    const sendId = await sent();
    for (const event of order) {
      const [what, word] = event.split(' ') as ['settle' | 'report', ReportCommand['status']];
      if (what === 'settle') await settle(sendId, ACCEPTED);
      else await report(sendId, word);
      pass(SECOND);
    }
    expect(await delivery()).toMatchObject({ ...ACCEPTED, status: 'delivered' });
    expect(await delivery()).not.toHaveProperty('failure');
  });

  const repeated: [string, Delivery, (readonly [ReportCommand['status'], Told?])[]][] = [
    ['the same report twice', ACCEPTED, [['delivered'], ['delivered']]],
    ['a failure after the delivery', ACCEPTED, [['delivered'], ['failed']]],
    ['another failure', ACCEPTED, [['failed'], ['failed', { category: 'blocked' }]]],
    ['that a message which was accepted is on its way', ACCEPTED, [['accepted']]],
    ['that a message which failed is on its way', ACCEPTED, [['failed'], ['accepted']]],
    ['that it was delivered by another one, too', FAILED_OVER, [['delivered', { provider: 'b' }], ['delivered']]],
    ['the failure of an attempt before', FAILED_OVER, [['failed']]],
    ['a provider that was not tried', ACCEPTED, [['delivered', { provider: 'c' }]]],
  ];
  it.each(repeated)('changes nothing by %s', async (_, settled, reports) => {
    const sendId = await sent();
    await settle(sendId, settled);
    const last = reports.at(-1) ?? ['accepted'];
    for (const [word, told] of reports.slice(0, -1)) await report(sendId, word, told);
    const before = await delivery();
    pass(SECOND);
    expect(await report(sendId, ...last)).toEqual({ outcome: 'repeated', age: SECOND });
    expect(await delivery()).toEqual(before);
  });

  const settledBy: [string, Delivery, (readonly [ReportCommand['status'], Told?])[], Partial<Delivery>][] = [
    ['accepted ends a doubt', UNKNOWN, [['accepted']], { provider: 'a', messageId: 'm-a', status: 'accepted' }],
    ['failed ends a doubt', UNKNOWN, [['failed']], { provider: 'a', messageId: 'm-a', status: 'failed' }],
    [
      'a provider that says no id keeps the one it gave',
      ACCEPTED,
      [['delivered', { messageId: '' }]],
      { messageId: 'm-a', status: 'delivered' },
    ],
    ['the second attempt fails', FAILED_OVER, [['failed', { provider: 'b' }]], { provider: 'b', status: 'failed' }],
    [
      'the first attempt arrives after all',
      FAILED_OVER,
      [['failed', { provider: 'b' }], ['delivered']],
      { provider: 'a', messageId: 'm-a', status: 'delivered' },
    ],
    [
      'the first attempt arrives and names no id',
      FAILED_OVER,
      [['delivered', { messageId: '' }]],
      { provider: 'a', messageId: '', status: 'delivered' },
    ],
    [
      'of two doubts the one that is accepted has the message',
      TWICE_UNKNOWN,
      [['accepted', { provider: 'b' }], ['failed']],
      { provider: 'b', messageId: 'm-b', status: 'accepted' },
    ],
  ];
  it.each(settledBy)(
    '%s, whether the reports come before or after the send is settled',
    async (_, given, reports, end) => {
      const ends: (Delivery | null | undefined)[] = [];
      for (const early of [false, true]) {
        const slot = { ...world.slot(), purpose: early ? 'early' : 'late' };
        const command = sendCommand({ slot, rules: { cooldownMs: 0 } });
        await world.store().send(command);
        if (!early) await settle(command.sendId, given, null, slot);
        for (const [word, told] of reports) {
          const { outcome } = await report(command.sendId, word, { ...told, slot });
          expect(outcome === 'early').toBe(early);
        }
        if (early) await settle(command.sendId, given, null, slot);
        ends.push(await delivery(slot));
      }
      expect(ends[0]).toMatchObject({ ...end, attempts: given.attempts, reportedAt: world.now() });
      expect(ends[1]).toEqual(ends[0]);
    },
  );

  it('keeps the time of a report that came early', async () => {
    const sendId = await sent();
    pass(SECOND);
    const reportedAt = world.now();
    expect(await report(sendId, 'delivered')).toEqual({ outcome: 'early', age: SECOND });
    pass(SECOND);
    expect(await report(sendId, 'delivered')).toEqual({ outcome: 'early', age: 2 * SECOND });
    expect(await delivery()).toBeNull();
    await settle(sendId, ACCEPTED);
    expect(await delivery()).toEqual({ ...ACCEPTED, status: 'delivered', reportedAt });
  });

  it('outlasts a settle that comes again', async () => {
    const sendId = await sent();
    await settle(sendId, ACCEPTED);
    await report(sendId, 'delivered');
    await settle(sendId, ACCEPTED);
    expect(await delivery()).toMatchObject({ status: 'delivered' });
  });

  it.each(['accepted', 'failed'] as const)('is dropped with the send that is refunded: %s', async (word) => {
    const sendId = await sent();
    await report(sendId, word);
    await settle(sendId, null);
    expect(await status()).toMatchObject({ record: null, blocked: null });
    expect(await used()).toEqual([0, 0]);
    expect(await report(sendId, 'delivered')).toEqual({ outcome: 'superseded', age: 0 });
  });

  it('keeps the charge of a send that arrived although its provider said that it was not sent', async () => {
    const request = { hash: 'request', content: 'content' };
    const sendId = await sent({ request });
    await report(sendId, 'failed', { provider: 'b' });
    await report(sendId, 'delivered');
    const arrived = {
      provider: 'a',
      messageId: 'm-a',
      status: 'delivered',
      attempts: [],
      reportedAt: world.now(),
    };
    for (let i = 0; i < 2; i++) {
      await settle(sendId, null, request.hash);
      expect(await delivery()).toEqual(arrived);
      expect(await used()).toEqual([1, 1]);
    }
    expect(await world.store().send(sendCommand({ request }))).toMatchObject({ kind: 'replayed', delivery: arrived });
    expect(await check(RIGHT)).toMatchObject({ kind: 'approved', delivery: arrived });
  });

  it('is shown by a repeated SendCode as by the record, until another send takes over', async () => {
    const request = { hash: 'request', content: 'content' };
    const again = () => world.store().send(sendCommand({ request }));
    const sendId = await sent({ request });
    await settle(sendId, ACCEPTED, request.hash);
    await report(sendId, 'delivered');
    expect(await again()).toMatchObject({ kind: 'replayed', delivery: { status: 'delivered' } });
    pass(MINUTE);
    await sent();
    expect(await again()).toMatchObject({ kind: 'replayed', delivery: ACCEPTED });
  });

  it.each(['same', 'new'] as const)(
    'does not reach the next send, and comes back with its refund: %s',
    async (resend) => {
      const rules = { resend, cooldownMs: 0 };
      const settled = await sent({ rules });
      await settle(settled, ACCEPTED);
      await report(settled, 'delivered');
      const early = await sent({ rules });
      await report(early, 'failed');
      expect(await delivery()).toBeNull();
      const last = await sent({ rules });
      expect(await report(settled, 'failed')).toEqual({ outcome: 'superseded', age: 0 });
      expect(await report(early, 'delivered')).toEqual({ outcome: 'superseded', age: 0 });

      await settle(last, null);
      await settle(early, ACCEPTED);
      expect(await delivery()).toMatchObject({ status: 'failed', failure: 'unreachable' });
      const replaced = await sent({ rules });
      await settle(replaced, UNKNOWN);
      expect(await delivery()).toEqual(UNKNOWN);
    },
  );

  it.each(['same', 'new'] as const)('that came early for one send says nothing of the next: %s', async (resend) => {
    const rules = { resend, cooldownMs: 0 };
    await report(await sent({ rules }), 'failed');
    const next = await sent({ rules });
    await settle(next, ACCEPTED);
    expect(await delivery()).toEqual(ACCEPTED);
  });

  it('that came early counts for each provider', async () => {
    const sendId = await sent();
    await report(sendId, 'failed', { provider: 'a' });
    await report(sendId, 'failed', { provider: 'b' });
    await settle(sendId, FAILED_OVER);
    expect(await delivery()).toMatchObject({ provider: 'b', status: 'failed' });
  });

  it('that came early for a resend that is refunded says nothing of the send before it', async () => {
    const first = await sent();
    pass(MINUTE);
    const second = await sent();
    await report(second, 'failed');
    await settle(second, null);
    await settle(first, ACCEPTED);
    expect(await delivery()).toEqual(ACCEPTED);
  });

  it('restores what was reported of the send before when the next one is refunded', async () => {
    const first = await sent();
    await settle(first, ACCEPTED);
    await report(first, 'delivered');
    pass(MINUTE);
    await settle(await sent(), null);
    expect(await delivery()).toMatchObject({ status: 'delivered' });
    expect(await report(first, 'delivered')).toEqual({ outcome: 'repeated', age: MINUTE });
  });

  const ended: [string, () => Promise<unknown>][] = [
    ['was approved', () => check(RIGHT)],
    ['has expired', async () => pass(5 * MINUTE)],
    [
      'was canceled',
      async () => {
        const { record } = await status();
        await world.store().cancel({ slot: world.slot(), nonce: record?.nonce ?? '' });
      },
    ],
  ];
  it.each(ended)('counts for a verification that %s', async (_, end) => {
    const sendId = await sent();
    await settle(sendId, ACCEPTED);
    await end();
    expect(await report(sendId, 'delivered')).toMatchObject({ outcome: 'applied' });
    expect(await delivery()).toMatchObject({ status: 'delivered' });
  });

  it('counts as long as the record can be read, and not a millisecond longer', async () => {
    const sendId = await sent();
    await settle(sendId, ACCEPTED);
    pass(5 * MINUTE + DAY - 1);
    expect(await report(sendId, 'failed')).toMatchObject({ outcome: 'applied' });
    pass(1);
    expect(await report(sendId, 'delivered')).toEqual({ outcome: 'superseded', age: 0 });
  });

  it('of an unknown send, another caller or another purpose changes nothing', async () => {
    const superseded = { outcome: 'superseded', age: 0 };
    expect(await report('unknown', 'delivered')).toEqual(superseded);
    const sendId = await sent();
    await settle(sendId, ACCEPTED);
    expect(await report('unknown', 'delivered')).toEqual(superseded);
    for (const other of [{ caller: 'shop' }, { purpose: 'register' }]) {
      expect(await report(sendId, 'delivered', { slot: { ...world.slot(), ...other } })).toEqual(superseded);
    }
    expect(await delivery()).toEqual(ACCEPTED);
  });
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]];
  return items.flatMap((first, i) =>
    permutations([...items.slice(0, i), ...items.slice(i + 1)]).map((rest) => [first, ...rest]),
  );
}
