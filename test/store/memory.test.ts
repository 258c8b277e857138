import { describe, expect, it } from 'vitest';
import { createMemoryStore } from '../../src/store/memory.ts';
import { rulesOf } from './commands.ts';
import { storeContract } from './contract.ts';

describe('the store in memory', () => {
  storeContract(async (now) => createMemoryStore({ now }));
});

describe('the store in memory, when it is full', () => {
  const now = () => 1_800_000_000_000;

  it('forgets the phone that was used longest ago', async () => {
    const store = createMemoryStore({ now, capacity: 3 });
    const slotOf = (phone: number) => ({ phoneKey: `00.${phone}`, caller: 'auth', purpose: 'login' });
    const known = async (phone: number) => {
      const { record } = await store.status({ slot: slotOf(phone), nonce: null, cooldownMs: 0, windows: [] });
      return record !== null;
    };
    const send = (phone: number) =>
      store.send({
        slot: slotOf(phone),
        rules: rulesOf('same'),
        sendId: `send-${phone}`,
        candidate: { nonce: 'nonce', seed: 'seed', codeMac: 'mac' },
        session: '',
        content: '',
        request: null,
      });
    for (const phone of [1, 2, 3]) await send(phone);
    expect(await known(1)).toBe(true);
    await send(4);
    expect([await known(1), await known(3), await known(4)]).toEqual([true, true, true]);
    expect(await known(2)).toBe(false);
  });

  it('forgets the message that was used longest ago', async () => {
    const store = createMemoryStore({ now, capacity: 3 });
    const report = { status: 'delivered', category: '', vendorCode: '' } as const;
    const tokenOf = async (message: string) => (await store.lookup({ message, report })).token;
    for (const message of ['1', '2', '3']) await store.link({ message, token: message });
    expect(await tokenOf('1')).toBe('1');
    await store.link({ message: '4', token: '4' });
    expect([await tokenOf('1'), await tokenOf('3'), await tokenOf('4')]).toEqual(['1', '3', '4']);
    expect(await tokenOf('2')).toBeNull();
  });

  it('forgets no message for reports of messages that nobody sent', async () => {
    const store = createMemoryStore({ now, capacity: 3 });
    const report = { status: 'delivered', category: '', vendorCode: '' } as const;
    await store.link({ message: 'sent', token: 'token' });
    for (let n = 0; n < 100; n++) await store.lookup({ message: `00-${n}`, report });
    expect(await store.lookup({ message: 'sent', report })).toEqual({ token: 'token' });
  });
});
