import fc from 'fast-check';
import type { Delivery, ReportedStatus } from '../../src/domain/delivery.ts';
import type { Limit, ResendPolicy } from '../../src/domain/policy.ts';
import type { SendRules, Store } from '../../src/store/store.ts';
import type { TakeCommand } from '../../src/store/takes.ts';

/** Random commands for one phone: small alphabets, so that they meet each other. */
export type Command =
  | {
      readonly kind: 'send';
      readonly who: number;
      readonly session: string;
      readonly variables: string;
      readonly request: number | null;
      readonly resend: ResendPolicy;
      readonly content: string;
      readonly test: boolean;
    }
  | {
      readonly kind: 'settle';
      readonly which: number;
      readonly outcome: keyof typeof DELIVERIES | 'refund';
      readonly who: number;
      readonly request: number | null;
    }
  | {
      readonly kind: 'check';
      readonly who: number;
      readonly which: number | null;
      readonly right: boolean;
      readonly session: string;
      readonly variables: string;
      readonly request: number | null;
    }
  | { readonly kind: 'cancel'; readonly who: number; readonly which: number }
  | { readonly kind: 'status'; readonly who: number; readonly which: number | null }
  | {
      readonly kind: 'report';
      readonly who: number;
      readonly which: number;
      readonly provider: string;
      readonly status: ReportedStatus;
      readonly messageId: string;
    }
  | { readonly kind: 'link'; readonly message: number; readonly token: string }
  | { readonly kind: 'lookup'; readonly message: number; readonly status: ReportedStatus }
  | { readonly kind: 'take' }
  | { readonly kind: 'give' }
  | { readonly kind: 'pass'; readonly ms: number };

export const CALLERS = [
  { caller: 'auth', purpose: 'login' },
  { caller: 'auth', purpose: 'register' },
  { caller: 'shop', purpose: 'login' },
] as const;

export const WINDOWS: readonly Limit[] = [
  { name: 'phone_hour', limit: 5, windowMs: 3_600_000 },
  { name: 'phone_day', limit: 10, windowMs: 86_400_000 },
];

export function rulesOf(resend: ResendPolicy): SendRules {
  return { lifeMs: 300_000, digits: 6, guesses: 5, resend, cooldownMs: 60_000, windows: WINDOWS, test: false };
}

const attempt = (provider: string, result: 'accepted' | 'unknown') =>
  ({ provider, result, category: result === 'accepted' ? '' : 'timeout', latencyMs: 12.5 }) as const;

/** How sends end: with the first provider, in doubt, with the second after a doubt, in doubt with both, with no attempt. */
const DELIVERIES = {
  taken: { provider: 'a', messageId: 'm', status: 'accepted', attempts: [attempt('a', 'accepted')] },
  doubtful: { provider: 'a', messageId: '', status: 'unknown', attempts: [attempt('a', 'unknown')] },
  failedOver: {
    provider: 'b',
    messageId: 'n',
    status: 'accepted',
    attempts: [attempt('a', 'unknown'), attempt('b', 'accepted')],
  },
  twiceDoubtful: {
    provider: 'a',
    messageId: '',
    status: 'unknown',
    attempts: [attempt('a', 'unknown'), attempt('b', 'unknown')],
  },
  untried: { provider: 'a', messageId: 'm', status: 'accepted', attempts: [] },
} satisfies Record<string, Delivery>;

// The first of each is frequent, so that sequences get deep into one verification.
const who = fc.constantFrom(0, 0, 0, 0, 1, 2);
const session = fc.constantFrom('', '', '', '', 'a', 'b');
/** Keyed hashes. */
const variables = fc.constantFrom('', '', '', '', '', '', '', '', '', '', 'v', 'w');
const request = fc.constantFrom(null, null, null, 0, 1);
/** Counted from the newest. */
const which = fc.constantFrom(0, 0, 0, 0, 1, 2);
const status = fc.constantFrom<ReportedStatus[]>('accepted', 'delivered', 'failed');
const message = fc.nat({ max: 1 });

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('send'),
      who,
      session,
      variables,
      request,
      resend: fc.constantFrom('same', 'new'),
      content: fc.constantFrom('x', 'x', 'x', 'y'),
      test: fc.constantFrom(false, false, false, false, true),
    }) as fc.Arbitrary<Command>,
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('settle'),
      which,
      outcome: fc.constantFrom(
        'refund',
        'refund',
        'refund',
        ...(Object.keys(DELIVERIES) as (keyof typeof DELIVERIES)[]),
      ),
      who,
      request,
    }) as fc.Arbitrary<Command>,
  },
  {
    weight: 14,
    arbitrary: fc.record({
      kind: fc.constant('check'),
      who,
      which: fc.option(which, { freq: 2 }),
      right: fc.constantFrom(false, false, false, true),
      session,
      variables,
      request,
    }) as fc.Arbitrary<Command>,
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel'), who, which }) as fc.Arbitrary<Command> },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('status'),
      who,
      which: fc.option(which, { freq: 2 }),
    }) as fc.Arbitrary<Command>,
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('report'),
      who,
      which,
      provider: fc.constantFrom('a', 'b'),
      status,
      messageId: fc.constantFrom('', 'told'),
    }) as fc.Arbitrary<Command>,
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('link'),
      message,
      token: fc.constantFrom('t', 'u'),
    }) as fc.Arbitrary<Command>,
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('lookup'), message, status }) as fc.Arbitrary<Command> },
  {
    weight: 1,
    arbitrary: fc.record({
      // The clock is set back.
      kind: fc.constant('pass'),
      ms: fc.constantFrom(-1, -60_000, -300_000, -3_600_000, -86_400_000),
    }) as fc.Arbitrary<Command>,
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('pass'),
      ms: fc.constantFrom(
        1,
        999,
        15_000,
        15_000,
        59_999,
        60_000,
        60_000,
        60_000,
        60_000,
        120_000,
        300_000,
        600_000,
        3_600_000,
        86_400_000,
        2_592_000_000,
      ),
    }) as fc.Arbitrary<Command>,
  },
);

export const commands = fc.array(command, { minLength: 1, maxLength: 80, size: 'max' });

export interface Step {
  readonly phoneKey: string;
  readonly index: number;
}

/** Nonces and send ids that stores have handed out, oldest first. Later commands name them. */
export interface Issued {
  readonly nonces: readonly string[];
  readonly sends: readonly string[];
}

/** What is issued after a reply to a command. */
export function withReply(issued: Issued, reply: Awaited<ReturnType<typeof run>>, step: Step): Issued {
  if (!reply || !('kind' in reply) || reply.kind !== 'reserved') return issued;
  const { nonce } = reply.reservation;
  return {
    nonces: issued.nonces.includes(nonce) ? issued.nonces : [...issued.nonces, nonce],
    sends: [...issued.sends, `send-${step.index}`],
  };
}

/** Calls the store once, and before the first `await`: calls that are not waited for keep their order. */
export async function run(store: Store, command: Command, step: Step, issued: Issued) {
  if (command.kind === 'pass') return null;
  if (command.kind === 'take') return await store.take(ONE_TAKE);
  if (command.kind === 'give') return await store.give({ take: ONE_TAKE, taken: { at: 0, rows: [] } });
  if (command.kind === 'link' || command.kind === 'lookup') return await runLink(store, command, step);
  const slot = { phoneKey: step.phoneKey, ...(CALLERS[command.who] as (typeof CALLERS)[number]) };
  const nth = (list: readonly string[], n: number) => list.at(-1 - n) ?? 'none';
  switch (command.kind) {
    case 'send': {
      return await store.send({
        slot,
        rules: { ...rulesOf(command.resend), test: command.test },
        sendId: `send-${step.index}`,
        candidate: { nonce: `nonce-${step.index}`, seed: `seed-${step.index}`, codeMac: `mac-nonce-${step.index}` },
        session: command.session,
        content: command.variables,
        request: command.request === null ? null : { hash: `r${command.request}`, content: command.content },
      });
    }
    case 'settle': {
      const requestHash = command.request === null ? null : `r${command.request}`;
      const delivery = command.outcome === 'refund' ? null : DELIVERIES[command.outcome];
      return await store.settle({ slot, sendId: nth(issued.sends, command.which), requestHash, delivery });
    }
    case 'check': {
      const nonce = command.which === null ? null : nth(issued.nonces, command.which);
      const target = nonce ?? nth(issued.nonces, 0);
      const codeMac = command.right ? `mac-${target}` : 'mac-wrong';
      const content = `${codeMac}/${nonce}/${command.session}/${command.variables}/${slot.purpose}`;
      const request = command.request === null ? null : { hash: `r${command.request}`, content };
      return await store.check({
        slot,
        nonce,
        session: command.session,
        content: command.variables,
        codeMac,
        request,
        approvedTag: 'tag',
        guessesByPhone: 3,
      });
    }
    case 'report': {
      const { provider, status, messageId } = command;
      const category = status === 'failed' ? 'unreachable' : '';
      const sendId = nth(issued.sends, command.which);
      return await store.report({ slot, sendId, provider, status, messageId, category });
    }
    case 'cancel':
      return await store.cancel({ slot, nonce: nth(issued.nonces, command.which) });
    case 'status': {
      const nonce = command.which === null ? null : nth(issued.nonces, command.which);
      const { blocked, ...status } = await store.status({ slot, nonce, cooldownMs: 60_000, windows: WINDOWS });
      return { ...status, blocked };
    }
  }
}

async function runLink(store: Store, command: Command & { kind: 'link' | 'lookup' }, { phoneKey, index }: Step) {
  const message = `${command.message}-${phoneKey}`;
  if (command.kind === 'link') return await store.link({ message, token: command.token });
  const report = { status: command.status, category: '', vendorCode: `w-${index}` } as const;
  return await store.lookup({ message, report });
}

const ONE_TAKE: TakeCommand = {
  subject: 'ip.one',
  rows: [{ name: 'row', form: 'ring', limit: 1_000, windowMs: 60_000, enforced: true, amount: 1 }],
};

/** Each call of a store, once. Those of rows have commands of their own: takes-model.test.ts. */
export const ONE_OF_EACH: readonly Command[] = [
  { kind: 'send', who: 0, session: '', variables: '', request: null, resend: 'same', content: 'x', test: false },
  { kind: 'settle', which: 0, outcome: 'taken', who: 0, request: null },
  { kind: 'check', who: 0, which: null, right: false, session: '', variables: '', request: null },
  { kind: 'cancel', who: 0, which: 0 },
  { kind: 'status', who: 0, which: null },
  { kind: 'report', who: 0, which: 0, provider: 'a', status: 'accepted', messageId: '' },
  { kind: 'link', message: 0, token: 't' },
  { kind: 'lookup', message: 0, status: 'accepted' },
  { kind: 'take' },
  { kind: 'give' },
];
