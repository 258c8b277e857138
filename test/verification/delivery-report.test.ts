import { describe, expect, test } from 'vitest';
import type { Delivery, DeliveryReport } from '../../src/domain/delivery.ts';
import { createKeyring } from '../../src/domain/keyring.ts';
import type { Event } from '../../src/event.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { createReporting, type ReportingParts } from '../../src/verification/delivery-report.ts';
import { rulesOf } from '../store/commands.ts';
import { eventually } from '../support/wait.ts';

const keyring = createKeyring({ current: Buffer.alloc(32, 1), previous: null });
const slot = { phoneKey: keyring.phoneKey('+14155550123'), caller: 'auth', purpose: 'login' };
const sendId = Buffer.alloc(12, 7).toString('base64url');
const NONCE = Buffer.alloc(16, 5).toString('base64url');
const token = keyring.reportToken({ ...slot, sendId, country: 'US', nonce: NONCE });
const delivery: Delivery = { provider: 'webhook', messageId: 'gw-1', status: 'accepted', attempts: [] };

const saying = (status: DeliveryReport['status'], changed: Partial<DeliveryReport> = {}): DeliveryReport => ({
  token,
  messageId: 'gw-1',
  status,
  category: status === 'failed' ? 'unreachable' : '',
  vendorCode: status === 'failed' ? 'other' : '',
  ...changed,
});

/** A phone with one SMS under way, 1.5 s ago. */
async function stage(parts: Partial<ReportingParts> = {}) {
  let at = Date.parse('2026-11-21T04:05:06Z');
  const store = createMemoryStore({ now: () => at });
  const events: Event[] = [];
  const reporting = createReporting({ store, keyring, emit: (event) => events.push(event), ...parts });
  const candidate = { nonce: 'nonce', seed: 'seed', codeMac: 'mac' };
  const send = { slot, rules: rulesOf('same'), sendId, candidate, session: '', content: '', request: null };
  await store.send(send);
  at += 1_500;
  return {
    ...reporting,
    store,
    /** The send and its vendor's answer are known. */
    settle: () => store.settle({ slot, sendId, requestHash: null, delivery }),
    /** Another SMS to the same phone. */
    sendAgain: async () => {
      at += 60_000;
      await store.send({ ...send, sendId: 'later' });
    },
    status: async () => {
      const { record } = await store.status({ slot, nonce: null, cooldownMs: 0, windows: [] });
      return record?.delivery?.status;
    },
    outcomes: () => events.map((event) => (event.type === 'report' ? event.outcome : event.type)),
    events,
  };
}

describe('a report with a token', () => {
  test('is applied to its send, and says how long the SMS took', async () => {
    const { report, settle, status, events } = await stage();
    await settle();
    await report('webhook', saying('delivered'));
    expect(await status()).toBe('delivered');
    expect(events).toEqual([
      {
        ...{ type: 'report', provider: 'webhook', status: 'delivered', category: '', vendorCode: '' },
        ...{ verificationId: keyring.verificationId(slot.phoneKey, NONCE), country: 'US' },
        ...{ outcome: 'applied', seconds: 1.5 },
      },
    ]);
  });

  test('names verification and country by whichever way the vendor names its message', async () => {
    const { report, link, settle, events } = await stage();
    await settle();
    await link('webhook', 'gw-1', token);
    await report('webhook', saying('failed', { token: '' }));
    await report('webhook', saying('failed', { token: '', messageId: 'gw-2' }));
    const verificationId = keyring.verificationId(slot.phoneKey, NONCE);
    expect(events).toMatchObject([
      { outcome: 'applied', verificationId, country: 'US', category: 'unreachable' },
      { outcome: 'early', verificationId: '', country: '', category: 'unreachable' },
    ]);
  });

  test('that failed says why', async () => {
    const { report, settle, status, events } = await stage();
    await settle();
    await report('webhook', saying('failed'));
    expect(await status()).toBe('failed');
    expect(events).toMatchObject([
      { status: 'failed', category: 'unreachable', vendorCode: 'other', outcome: 'applied' },
    ]);
  });

  test('before the vendor’s own answer waits for it', async () => {
    const { report, settle, status, outcomes, events } = await stage();
    await report('webhook', saying('delivered'));
    expect(await status()).toBeUndefined();
    await settle();
    expect(await status()).toBe('delivered');
    expect(outcomes()).toEqual(['early']);
    expect(events).toMatchObject([{ seconds: null }]);
  });

  test('twice changes nothing the second time', async () => {
    const { report, settle, status, outcomes } = await stage();
    await settle();
    await report('webhook', saying('delivered'));
    await report('webhook', saying('delivered'));
    expect(await status()).toBe('delivered');
    expect(outcomes()).toEqual(['applied', 'repeated']);
  });

  test.each([['accepted'], ['failed']] as const)('of %s after it was delivered changes nothing', async (late) => {
    const { report, settle, status, outcomes } = await stage();
    await settle();
    await report('webhook', saying('delivered'));
    await report('webhook', saying(late));
    expect(await status()).toBe('delivered');
    expect(outcomes()).toEqual(['applied', 'repeated']);
  });

  test('of an SMS that a later one replaced is superseded', async () => {
    const { report, settle, sendAgain, outcomes } = await stage();
    await settle();
    await sendAgain();
    await report('webhook', saying('delivered'));
    expect(outcomes()).toEqual(['superseded']);
  });
});

describe('a report by the vendor’s id', () => {
  const byId = (status: DeliveryReport['status']) => saying(status, { token: '' });

  test('after the link is applied', async () => {
    const { report, link, settle, status, outcomes } = await stage();
    await settle();
    await link('webhook', 'gw-1', token);
    await report('webhook', byId('delivered'));
    expect(await status()).toBe('delivered');
    expect(outcomes()).toEqual(['applied']);
  });

  test('before the link waits for it', async () => {
    const { report, link, settle, settled, status, outcomes } = await stage();
    await report('webhook', byId('accepted'));
    await report('webhook', byId('delivered'));
    await settle();
    expect(await status()).toBe('accepted');
    await link('webhook', 'gw-1', token);
    await settled();
    expect(await status()).toBe('delivered');
    expect(outcomes()).toEqual(['early', 'early', 'repeated', 'applied']);
  });

  test('before both the link and the vendor’s answer waits for both', async () => {
    const { report, link, settle, settled, status } = await stage();
    await report('webhook', byId('delivered'));
    await link('webhook', 'gw-1', token);
    await settled();
    await settle();
    expect(await status()).toBe('delivered');
  });

  test('of another provider is another message', async () => {
    const { report, link, settle, status, outcomes } = await stage();
    await settle();
    await link('webhook', 'gw-1', token);
    await report('tencent', byId('delivered'));
    expect(await status()).toBe('accepted');
    expect(outcomes()).toEqual(['early']);
  });

  test('counts when its token is none of ours', async () => {
    const { report, link, settle, status } = await stage();
    await settle();
    await link('webhook', 'gw-1', token);
    await report('webhook', saying('delivered', { token: 'AAAA' }));
    expect(await status()).toBe('delivered');
  });

  test('does not store a token that is none of ours', async () => {
    const kept: unknown[] = [];
    const { report } = await stage({
      store: {
        report: () => Promise.reject(new Error('not asked')),
        link: () => Promise.reject(new Error('not asked')),
        lookup: async (command) => {
          kept.push(command);
          return { token: null };
        },
      },
    });
    await report('webhook', saying('delivered', { token: 'forged' }));
    await report('webhook', saying('failed', { token: 'forged', vendorCode: 'x'.repeat(1_000) }));
    const [message] = keyring.messageKeys('webhook', 'gw-1');
    expect(kept).toEqual([
      { message, report: { status: 'delivered', category: '', vendorCode: '' } },
      { message, report: { status: 'failed', category: 'unreachable', vendorCode: 'x'.repeat(64) } },
    ]);
  });

  test('linked with a token that is none of ours is unmatched', async () => {
    const store = { ...createMemoryStore({ now: () => 0 }), lookup: async () => ({ token: 'sealed by another' }) };
    const { report, outcomes } = await stage({ store });
    await report('webhook', byId('delivered'));
    expect(outcomes()).toEqual(['unmatched']);
  });
});

describe('the link', () => {
  const early = saying('delivered', { token: '' });

  test('does not wait for the reports that came before it, which are applied one after the other', async () => {
    const storing: (() => void)[] = [];
    const { link, settled, outcomes } = await stage({
      store: {
        report: () => new Promise((resolve) => storing.push(() => resolve({ outcome: 'applied', age: 0 }))),
        link: async () => ({ reports: [early, early] }),
        lookup: () => Promise.reject(new Error('not asked')),
      },
    });
    await link('webhook', 'gw-1', token);
    expect([storing.length, outcomes()]).toEqual([1, []]);
    let over = false;
    const done = settled().then(() => {
      over = true;
    });
    storing[0]?.();
    await eventually('the second is stored', () => storing.length === 2);
    expect([outcomes(), over]).toEqual([['applied'], false]);
    storing[1]?.();
    await done;
    expect(outcomes()).toEqual(['applied', 'applied']);
  });

  test('does not fail when they cannot be stored: each of them is told', async () => {
    const error = new Error('away');
    const { link, settled, events } = await stage({
      store: {
        report: () => Promise.reject(error),
        link: async () => ({ reports: [early, early] }),
        lookup: () => Promise.reject(new Error('not asked')),
      },
    });
    await link('webhook', 'gw-1', token);
    await settled();
    const failed = { type: 'reports_failed', provider: 'webhook', error };
    expect(events).toEqual([failed, failed]);
  });
});

describe('around a rotation of the root secret', () => {
  const rotated = createKeyring({ current: Buffer.alloc(32, 2), previous: Buffer.alloc(32, 1) });
  const byId = saying('delivered', { token: '' });

  /** One store and one message, and two instances of which only one has the new secret. */
  async function instances() {
    const before = await stage();
    const { store, events, settle } = before;
    await settle();
    return { before, after: createReporting({ store, keyring: rotated, emit: (event) => events.push(event) }) };
  }

  test('a message that was linked before is found after', async () => {
    const { before, after } = await instances();
    await before.link('webhook', 'gw-1', token);
    await after.report('webhook', byId);
    expect(await before.status()).toBe('delivered');
    expect(before.outcomes()).toEqual(['applied']);
  });

  test('a report that comes to the new secret before the old one links is applied', async () => {
    const { before, after } = await instances();
    await after.report('webhook', byId);
    await before.link('webhook', 'gw-1', token);
    await before.settled();
    expect(await before.status()).toBe('delivered');
    expect(before.outcomes()).toEqual(['early', 'applied']);
  });

  test('a new message is linked under the new secret alone', async () => {
    const linked: string[] = [];
    const store = createMemoryStore({ now: () => 0 });
    const link: typeof store.link = (command) => {
      linked.push(command.message);
      return store.link(command);
    };
    const after = createReporting({ store: { ...store, link }, keyring: rotated, emit: () => undefined });
    await after.link('webhook', 'gw-1', rotated.reportToken({ ...slot, sendId, country: 'US', nonce: NONCE }));
    expect(linked).toEqual([rotated.messageKeys('webhook', 'gw-1')[0]]);
  });
});

test.each([
  ['neither token nor id', '', ''],
  ['a token of somebody else and no id', 'c29tZWJvZHkgZWxzZQ', ''],
])('a report with %s is unmatched, and asks the store nothing', async (_, given, messageId) => {
  const asked = () => Promise.reject(new Error('asked'));
  const { report, outcomes } = await stage({ store: { report: asked, link: asked, lookup: asked } });
  await report('webhook', saying('delivered', { token: given, messageId }));
  expect(outcomes()).toEqual(['unmatched']);
});

test.each([
  ['a message without an id', '', token],
  ['a token that is none of ours', 'gw-1', 'AAAA'],
])('%s is not linked', async (_, messageId, given) => {
  const asked = () => Promise.reject(new Error('asked'));
  const { link } = await stage({ store: { report: asked, link: asked, lookup: asked } });
  await expect(link('webhook', messageId, given)).resolves.toBeUndefined();
});

test('with the store away a report is refused, so that it comes again', async () => {
  const away = () => Promise.reject(new Error('away'));
  const { report, link, events } = await stage({ store: { report: away, link: away, lookup: away } });
  await expect(report('webhook', saying('delivered'))).rejects.toThrow('away');
  await expect(report('webhook', saying('delivered', { token: '' }))).rejects.toThrow('away');
  await expect(link('webhook', 'gw-1', token)).rejects.toThrow('away');
  expect(events).toEqual([]);
});
