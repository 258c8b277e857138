/** A verifier over the store in memory and one scripted provider, with a clock that the test moves. */
import type { Caller } from '../../src/domain/caller.ts';
import { createKeyring } from '../../src/domain/keyring.ts';
import { PLAIN_MESSAGE } from '../../src/domain/policy.ts';
import { Refused } from '../../src/domain/refusal.ts';
import type { CallFacts, Event } from '../../src/event.ts';
import { createDispatch } from '../../src/sms/dispatch.ts';
import type { Message, Provider, SendResult } from '../../src/sms/provider.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { Store } from '../../src/store/store.ts';
import type { Call, CheckCodeInput, SendCodeInput, SendCodeOutput } from '../../src/verification/types.ts';
import { createVerifier, type Verifier, type VerifierDependencies } from '../../src/verification/verifier.ts';

export const PHONE = '+14155550123';
export const MINUTE = 60_000;
export const accepted: SendResult = { kind: 'accepted', messageId: 'm-1', segments: 1 };
export const AWAY = { reason: 'STORE_UNAVAILABLE', retryAfterMs: 1_000 } as const;
export const keyring = createKeyring({ current: Buffer.alloc(32, 1), previous: null });

export interface Stage {
  /** What the clock says. */
  time: number;
  /** What the provider answers. */
  answer: SendResult;
  /** What the provider was given. */
  readonly messages: Message[];
  readonly events: Event[];
  readonly scheduled: { readonly task: () => Promise<void>; readonly delayMs: number }[];
  /** Work that a stop would wait for. */
  readonly tracked: Promise<unknown>[];
  /** Operations of the store, in order. */
  readonly operations: string[];
  /** Of the operations named here, `settle` does not reach the store; of the others, the reply is lost. */
  readonly failing: Set<string>;
  readonly linked: [messageId: string, token: string][];
  readonly approved: [messageId: string, approvedAt: number][];
  countedStore(): Store;
  start(changes?: Partial<VerifierDependencies>, provider?: string): Verifier;
  /** The code of the last message, and another one. */
  lastCode(): string;
  wrongCode(): string;
}

export function createStage(): Stage {
  const stage: Stage = {
    time: 1_800_000_000_000,
    answer: accepted,
    messages: [],
    events: [],
    scheduled: [],
    tracked: [],
    operations: [],
    failing: new Set(),
    linked: [],
    approved: [],
    countedStore: () => countedStore(stage),
    start: (changes = {}, provider = 'fake') => start(stage, changes, provider),
    lastCode: () => stage.messages.at(-1)?.code ?? '',
    wrongCode: () => String((Number(stage.lastCode()) + 1) % 1_000_000).padStart(6, '0'),
  };
  return stage;
}

/** The real store in memory, with its operations written down. */
function countedStore(stage: Stage): Store {
  const store = createMemoryStore({ now: () => stage.time });
  const counted =
    <A, R>(name: string, operation: (argument: A) => Promise<R>) =>
    async (argument: A): Promise<R> => {
      stage.operations.push(name);
      if (stage.failing.has(name) && name === 'settle') throw new Refused(AWAY);
      const reply = await operation(argument);
      if (stage.failing.has(name)) throw new Refused(AWAY);
      return reply;
    };
  return {
    ...store,
    send: counted('send', store.send),
    settle: counted('settle', store.settle),
    check: counted('check', store.check),
    cancel: counted('cancel', store.cancel),
    status: counted('status', store.status),
  };
}

function start(stage: Stage, changes: Partial<VerifierDependencies>, name: string): Verifier {
  const provider: Provider = {
    name,
    async send(message) {
      stage.messages.push(message);
      return stage.answer;
    },
  };
  const emit = (event: Event) => void stage.events.push(event);
  let bytes = 0;
  const rules = {
    digits: 6,
    lifeMs: 5 * MINUTE,
    guesses: 5,
    guessesByPhone: 3,
    resend: 'same',
    variablesRequired: false,
  } as const;
  const purpose = { ...rules, message: PLAIN_MESSAGE };
  const purposes = ['register', 'login', 'reset_password'].map((each) => [each, { name: each, ...purpose }] as const);
  return createVerifier({
    store: countedStore(stage),
    dispatch: createDispatch({
      providers: new Map([[name, provider]]),
      route: () => [{ provider: name, sender: {} }],
      emit,
      clock: () => 0,
    }),
    availability: () => null,
    keyring,
    purposes: new Map(purposes),
    limits: { cooldownMs: MINUTE, windows: [{ name: 'phone_hour', limit: 5, windowMs: 60 * MINUTE }] },
    phones: { defaultRegion: 'US', refusedTypes: new Set() },
    brand: 'Acme',
    random: (length) => Buffer.alloc(length, ++bytes),
    now: () => stage.time,
    emit,
    background: {
      schedule: (task, delayMs) => void stage.scheduled.push({ task, delayMs }),
      track: (work) => {
        stage.tracked.push(work);
        return work;
      },
    },
    testCode: () => null,
    link: async (delivery, token) => void stage.linked.push([delivery.messageId, token]),
    onApproved: (delivery, approvedAt) => void stage.approved.push([delivery.messageId, approvedAt]),
    disclosesCode: () => false,
    ...changes,
  });
}

export const auth: Caller = { name: 'auth', purposes: 'all' };

export function call(
  caller = auth,
  signal = new AbortController().signal,
  remaining = 10_000,
): Call & { facts: CallFacts } {
  return { caller, signal, remainingMs: () => remaining, facts: {} };
}

export function sendRequest(changes: Partial<SendCodeInput> = {}): SendCodeInput {
  const empty = { region: '', locale: '', requestId: '', captchaToken: '', variables: {} };
  return { phone: PHONE, purpose: 'login', ...empty, ...changes };
}

export function checkRequest(
  sent: SendCodeOutput,
  code: string,
  changes: Partial<CheckCodeInput> = {},
): CheckCodeInput {
  const empty = { phone: '', region: '', requestId: '', variables: {} };
  return { verificationId: sent.verificationId, purpose: 'login', code, ...empty, ...changes };
}

/** How many SMS the phone is charged for. */
export async function chargedSends(verifier: Verifier): Promise<number | undefined> {
  const { limits } = await verifier.rateStatus({ phone: PHONE, region: '', purpose: 'login' }, call());
  return limits[0]?.used;
}

/** Why it was refused; throws when it was not. */
export async function refusal(promise: Promise<unknown>) {
  const error = await promise.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Refused)) throw error;
  return error.refusal;
}
