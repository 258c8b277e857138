/** What the parts of the contract share: one store, one phone per test, a clock that is turned by hand. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import type { Slot } from '../../src/domain/slot.ts';
import type { CheckCommand, CheckReply, SendCommand, SendReply, StatusReply, Store } from '../../src/store/store.ts';
import { rulesOf, WINDOWS } from './commands.ts';

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const RIGHT = 'the-right-mac';
export const DELIVERY: Delivery = { provider: 'fake', messageId: 'm-1', status: 'accepted', attempts: [] };

/** A guess by phone, without a session, variables or a request id. */
export const GUESS = {
  nonce: null,
  session: '',
  content: '',
  request: null,
  approvedTag: '',
  guessesByPhone: 5,
} as const satisfies Partial<CheckCommand>;

export type SendChanges = Partial<Omit<SendCommand, 'rules'>> & { rules?: Partial<SendCommand['rules']> };

export interface World {
  store(): Store;
  /** Of the phone of this test. */
  slot(): Slot;
  /** Goes on with a phone that nothing was sent to. */
  anotherPhone(): void;
  now(): number;
  setTime(to: number): void;
  pass(ms: number): void;
  /** How many send commands were made: the last one's nonce and seed end with it. */
  serial(): number;
  /** Unique, its code's MAC is RIGHT. */
  sendCommand(changes?: SendChanges): SendCommand;
  send(changes?: SendChanges): Promise<SendReply>;
  /** Throws unless it is a reservation. */
  reserved(reply: SendReply): SendReply & { kind: 'reserved' };
  check(codeMac: string, changes?: Partial<CheckCommand>): Promise<CheckReply>;
  wrongGuesses(count: number): Promise<void>;
  status(of?: Slot): Promise<StatusReply>;
  settle(sendId: string, delivery: Delivery | null, requestHash?: string | null, of?: Slot): Promise<void>;
}

/** Registers hooks: call it within `describe`. `create` makes a store whose clock is the given function. */
export function createWorld(create: (now: () => number) => Promise<Store>): World {
  let store: Store;
  let time = 1_800_000_000_000;
  let slot: Slot;
  let serial = 0;
  beforeAll(async () => {
    store = await create(() => time);
  });
  afterAll(() => store.close());
  const anotherPhone = () => {
    slot = { phoneKey: `00.${randomBytes(16).toString('base64url')}`, caller: 'auth', purpose: 'login' };
  };
  beforeEach(anotherPhone);

  const world: World = {
    store: () => store,
    slot: () => slot,
    anotherPhone,
    now: () => time,
    setTime: (to) => {
      time = to;
    },
    pass: (ms) => {
      time += ms;
    },
    serial: () => serial,
    sendCommand: ({ rules, ...changes } = {}) => {
      serial += 1;
      return {
        slot,
        rules: { ...rulesOf('same'), ...rules },
        sendId: `send-${serial}`,
        candidate: { nonce: `nonce-${serial}`, seed: `seed-${serial}`, codeMac: RIGHT },
        session: '',
        content: '',
        request: null,
        ...changes,
      };
    },
    send: (changes) => store.send(world.sendCommand(changes)),
    reserved: (reply) => {
      if (reply.kind !== 'reserved') throw new Error(`expected a reservation, got ${JSON.stringify(reply)}`);
      return reply;
    },
    check: (codeMac, changes) => store.check({ ...GUESS, slot, codeMac, ...changes }),
    wrongGuesses: async (count) => {
      for (let i = 0; i < count; i++) expect((await world.check('wrong')).kind).toBe('wrong');
    },
    status: (of = slot) => store.status({ slot: of, nonce: null, cooldownMs: MINUTE, windows: WINDOWS }),
    settle: (sendId, delivery, requestHash = null, of = slot) =>
      store.settle({ slot: of, sendId, requestHash, delivery }),
  };
  return world;
}
