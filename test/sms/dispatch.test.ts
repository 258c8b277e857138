import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Sender } from '../../src/domain/routing.ts';
import type { Event } from '../../src/event.ts';
import { createConsoleProvider } from '../../src/sms/console.ts';
import { createDispatch, type DispatchOptions } from '../../src/sms/dispatch.ts';
import { type Guarded, guardProvider } from '../../src/sms/guard.ts';
import type { Failure, Message, SendResult } from '../../src/sms/provider.ts';
import { sleep } from '../../src/sms/sleep.ts';
import {
  accepted,
  MESSAGE,
  OUTGOING,
  rejected,
  type Script,
  scriptedProvider,
  unavailable,
  unknown,
} from './scripted.ts';

const DEADLINE_MS = 9_500;
const busy: Failure = { ...unavailable, vendorCode: '20429', retrySame: true, retryAfterMs: 2_000 };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const never = () => new AbortController().signal;

interface Stage extends Partial<DispatchOptions> {
  /** Providers' names in the order of the route; p1, p2, … by default. */
  readonly hops?: readonly (readonly [string, Sender])[];
  /** Of p1; the others have none. */
  readonly maxConcurrent?: number;
}

/** Providers p1, p2, … by their scripts, behind guards, tried in this order. */
function stage(
  scripts: readonly (Script | readonly Script[])[],
  { hops, maxConcurrent = 1_000, ...changes }: Stage = {},
) {
  const called: string[] = [];
  const sent: Message[] = [];
  const events: Event[] = [];
  const emit = (event: Event) => void events.push(event);
  const guards = scripts.map((script, i) => {
    const { provider } = scriptedProvider(`p${i + 1}`, Array.isArray(script) ? script : [script]);
    const send: typeof provider.send = (message, signal) => {
      called.push(provider.name);
      sent.push(message);
      return provider.send(message, signal);
    };
    const breaker = { failures: Number.POSITIVE_INFINITY, openMs: 10_000, maxOpenMs: 60_000 };
    const limit = i === 0 ? maxConcurrent : 1_000;
    return guardProvider(
      { ...provider, send },
      { timeoutMs: 4_000, maxConcurrent: limit, breaker, emit, clock: Date.now },
    );
  });
  const named = hops ?? guards.map(({ name }) => [name, {}] as const);
  const slept: number[] = [];
  const dispatch = createDispatch({
    providers: new Map(guards.map((each) => [each.name, each])),
    route: () => named.map(([provider, sender]) => ({ provider, sender })),
    emit,
    clock: Date.now,
    sleep: async (ms) => {
      slept.push(ms);
      vi.setSystemTime(Date.now() + ms);
    },
    random: () => 0,
    retryBudget: () => ({ called: () => undefined, spend: () => true }),
    ...changes,
  });
  const send = (bounds: Partial<Parameters<typeof dispatch>[1]> = {}) =>
    dispatch(OUTGOING, { deadlineMs: DEADLINE_MS, canceled: never(), ...bounds });
  const attempts = () => events.filter((event) => event.type === 'attempt');
  return { send, called, sent, attempts, slept };
}

describe('dispatch', () => {
  const accepts = (provider: string) => ({ delivery: { provider, messageId: 'm-1', status: 'accepted' } });
  const maybe = (provider: string) => ({ kind: 'sent', delivery: { provider, messageId: '', status: 'unknown' } });
  const cases: [string, Script[], string[], object][] = [
    ['stops at the first that accepts', [accepted, accepted], ['p1'], accepts('p1')],
    ['goes on when one is unavailable', [unavailable, accepted], ['p1', 'p2'], accepts('p2')],
    ['stops at a refusal of the number', [rejected, accepted], ['p1'], { kind: 'not_sent' }],
    ['says not sent when all are unavailable', [unavailable, unavailable], ['p1', 'p2'], { kind: 'not_sent' }],
    [
      'goes on after an unknown outcome to one that accepts',
      [unknown, unavailable, accepted],
      ['p1', 'p2', 'p3'],
      accepts('p3'),
    ],
    [
      'is maybe sent when all others fail after an unknown',
      [unknown, unavailable, unavailable],
      ['p1', 'p2', 'p3'],
      maybe('p1'),
    ],
    ['takes the second when it accepts after an unknown', [unknown, accepted], ['p1', 'p2'], accepts('p2')],
    ['is maybe sent when a refusal follows an unknown', [unknown, rejected, accepted], ['p1', 'p2'], maybe('p1')],
    ['never sends a third after two unknowns', [unknown, unknown, accepted], ['p1', 'p2'], maybe('p1')],
    [
      'tries one more after outages and an unknown',
      [unavailable, unknown, accepted],
      ['p1', 'p2', 'p3'],
      accepts('p3'),
    ],
    ['takes a throw for maybe sent', ['throws'], ['p1'], maybe('p1')],
    ['takes silence for maybe sent', ['hangs'], ['p1'], maybe('p1')],
    ['has time for another after silence', ['hangs', accepted], ['p1', 'p2'], accepts('p2')],
    ['without providers sends nothing', [], [], { kind: 'not_sent' }],
  ];
  it.each(cases)('%s', async (_, scripts, called, expected) => {
    const { send, sent, attempts, ...staged } = stage(scripts);
    const running = send();
    await pass(DEADLINE_MS);
    expect(await running).toMatchObject(expected);
    expect(staged.called).toEqual(called);
    expect(new Set(sent.map(({ code, sendId }) => code + sendId)).size).toBeLessThanOrEqual(1);
    expect(attempts().map(({ provider }) => provider)).toEqual(called);
  });

  it('asks the route for the number and its country, and tells each provider as whom to send', async () => {
    const asked: object[] = [];
    const { send, sent } = stage([unavailable, accepted], {
      route: (phone) => {
        asked.push(phone);
        return [
          { provider: 'p2', sender: { from: 'Acme' } },
          { provider: 'p1', sender: {} },
        ];
      },
    });
    await send();
    expect(asked).toEqual([{ e164: '+14155550123', region: 'US' }]);
    // The id of the verification is the caller's: no provider gets it.
    expect(sent).toEqual([{ ...MESSAGE, sender: { from: 'Acme' } }]);
  });

  describe('with a provider twice on a route', () => {
    const hops = [
      ['p1', { from: 'a' }],
      ['p1', { from: 'b' }],
      ['p2', {}],
    ] as const;

    it('tries its second sender', async () => {
      const { send, sent } = stage([[unavailable, accepted], accepted], { hops });
      expect(await send()).toMatchObject(accepts('p1'));
      expect(sent.map(({ sender }) => sender)).toEqual([{ from: 'a' }, { from: 'b' }]);
    });

    it('does not send again where it has maybe sent', async () => {
      const { send, sent } = stage([[unknown, accepted], accepted], { hops });
      expect(await send()).toMatchObject(accepts('p2'));
      expect(sent.map(({ sender }) => sender)).toEqual([{ from: 'a' }, {}]);
    });
  });

  it('goes past a provider that is not there', async () => {
    const hops = [
      ['gone', {}],
      ['p1', {}],
    ] as const;
    const { send, attempts } = stage([accepted], { hops });
    expect(await send()).toMatchObject(accepts('p1'));
    expect(attempts()[0]).toMatchObject({
      ...{ provider: 'gone', result: 'unavailable', category: 'configuration', vendorCode: 'no_such_provider' },
      actor: 'operator',
    });
    expect(await stage([], { hops: [['gone', {}]] }).send()).toMatchObject({ kind: 'not_sent', status: 'INTERNAL' });
  });

  it('lists every attempt, without a vendor’s words', async () => {
    const outage: Failure = { ...unavailable, requestId: 'RQ1', unlistedCode: '98765' };
    const dispatched = await stage([outage, accepted]).send();
    expect(dispatched).toMatchObject({
      delivery: {
        attempts: [
          { provider: 'p1', result: 'unavailable', category: 'transient', latencyMs: 0 },
          { provider: 'p2', result: 'accepted', category: '', latencyMs: 0 },
        ],
      },
    });
    expect(JSON.stringify(dispatched)).not.toMatch(/20503|RQ1|98765/);
  });

  it('shows how long each attempt took, in tenths of a millisecond', async () => {
    let now = 0;
    const { send, attempts } = stage([accepted], { clock: () => (now += 12.34) });
    expect(await send()).toMatchObject({ delivery: { attempts: [{ latencyMs: 12.3 }] } });
    expect(attempts()).toMatchObject([{ seconds: 0.0123 }]);
  });

  it('tells of every attempt all there is to know', async () => {
    const outage: Failure = { ...unavailable, actor: 'operator', requestId: 'RQ1', unlistedCode: '98765' };
    const { send, attempts } = stage([outage, 'waits', accepted]);
    const running = send();
    await pass(4_000);
    await running;
    const about = { verificationId: 'verification-1', country: 'US' };
    const empty = { actor: 'nobody', vendorRequestId: '', unlistedCode: '', ...about };
    expect(attempts()).toEqual([
      {
        type: 'attempt',
        provider: 'p1',
        ...about,
        result: 'unavailable',
        category: 'transient',
        vendorCode: '20503',
        actor: 'operator',
        vendorRequestId: 'RQ1',
        unlistedCode: '98765',
        seconds: 0,
      },
      {
        ...{ type: 'attempt', provider: 'p2', result: 'unavailable', category: 'timeout', vendorCode: 'not_written' },
        ...empty,
        seconds: 4,
      },
      { type: 'attempt', provider: 'p3', result: 'accepted', category: '', vendorCode: '', ...empty, seconds: 0 },
    ]);
  });
});

describe('when surely nothing was sent, SendCode answers', () => {
  const down = (changes: Partial<Failure> = {}): Failure => ({ ...unavailable, ...changes });
  const no = (changes: Partial<Failure> = {}): Failure => ({ ...rejected, ...changes });
  const cases: [string, SendResult[], string, number][] = [
    ['that the number is refused', [no()], 'FAILED_PRECONDITION', 5_000],
    ['as the provider that refused says', [no({ status: 'INVALID_ARGUMENT' })], 'INVALID_ARGUMENT', 5_000],
    [
      'with the wait of the provider that refused',
      [down({ retryAfterMs: 1 }), no({ status: 'RESOURCE_EXHAUSTED', retryAfterMs: 30_000 })],
      'RESOURCE_EXHAUSTED',
      30_000,
    ],
    ['to try again in a moment', [down()], 'UNAVAILABLE', 5_000],
    ['with the shortest wait', [down({ retryAfterMs: 9_000 }), down({ retryAfterMs: 7_000 })], 'UNAVAILABLE', 7_000],
    ['with the usual wait where it is shorter', [down({ retryAfterMs: 90_000 }), down()], 'UNAVAILABLE', 5_000],
    [
      'to try again when one provider may help, with the wait of that one',
      [
        down({ status: 'INTERNAL', retryAfterMs: 1 }),
        down({ retryAfterMs: 8_000 }),
        down({ status: 'FAILED_PRECONDITION', retryAfterMs: 1 }),
      ],
      'UNAVAILABLE',
      8_000,
    ],
    [
      'what is about the destination before what is about us',
      [down({ status: 'INTERNAL' }), down({ status: 'FAILED_PRECONDITION' })],
      'FAILED_PRECONDITION',
      5_000,
    ],
    ['a fault where only the operator can help', [down({ status: 'INTERNAL' })], 'INTERNAL', 5_000],
    ['that no route leads there', [], 'FAILED_PRECONDITION', 5_000],
  ];
  it.each(cases)('%s', async (_, scripts, status, retryAfterMs) => {
    expect(await stage(scripts).send()).toEqual({ kind: 'not_sent', status, retryAfterMs, canceled: false });
  });
});

describe('a caller who gives up', () => {
  it('before a provider is called sends nothing', async () => {
    const { send, called } = stage([accepted]);
    expect(await send({ canceled: AbortSignal.abort() })).toEqual({
      kind: 'not_sent',
      status: 'UNAVAILABLE',
      retryAfterMs: 5_000,
      canceled: true,
    });
    expect(called).toEqual([]);
  });

  const during: [string, SendResult, object][] = [
    ['does', accepted, { kind: 'sent', delivery: { status: 'accepted' } }],
    ['maybe does', unknown, { kind: 'sent', delivery: { status: 'unknown', provider: 'p1' } }],
    ['cannot do', busy, { kind: 'not_sent', canceled: true }],
  ];
  it.each(during)(
    'while a provider is called gets no further one; what it %s is waited for',
    async (_, result, expected) => {
      const called = Promise.withResolvers<AbortSignal>();
      const canceled = new AbortController();
      const answer = Promise.withResolvers<SendResult>();
      const first: Pick<Guarded, 'name' | 'send'> = {
        name: 'p1',
        send(_message, signal) {
          called.resolve(signal);
          return answer.promise;
        },
      };
      const second = scriptedProvider('p2', [accepted]);
      const dispatch = createDispatch({
        providers: new Map([first, second.provider].map((each) => [each.name, each])),
        route: () => ['p1', 'p2'].map((provider) => ({ provider, sender: {} })),
        emit: () => undefined,
        clock: Date.now,
      });
      const running = dispatch(OUTGOING, { deadlineMs: DEADLINE_MS, canceled: canceled.signal });
      const signal = await called.promise;
      canceled.abort();
      expect(signal.aborted).toBe(false);
      answer.resolve(result);
      expect(await running).toMatchObject(expected);
      expect(second.messages).toEqual([]);
    },
  );

  it('while the only provider is called gets no retry, and does not wait for one', async () => {
    const canceled = new AbortController();
    let spent = 0;
    const { send, called, slept } = stage([busy], {
      // The attempt has just ended.
      emit: () => canceled.abort(),
      retryBudget: () => ({ called: () => undefined, spend: () => ++spent > 0 }),
    });
    expect(await send({ canceled: canceled.signal })).toMatchObject({ kind: 'not_sent', canceled: true });
    expect([called, slept, spent]).toEqual([['p1'], [], 0]);
  });

  it('while a retry waits gets none', async () => {
    const canceled = new AbortController();
    const { send, called } = stage([busy], { sleep: async () => canceled.abort() });
    expect(await send({ canceled: canceled.signal })).toMatchObject({ kind: 'not_sent', canceled: true });
    expect(called).toEqual(['p1']);
  });
});

describe('the deadline', () => {
  const cases: [string, number, Script[], string[], string, number][] = [
    ['that is over calls nobody', 0, [accepted], [], 'UNAVAILABLE', 0],
    ['ends a provider that hangs', 1_000, ['hangs', accepted], ['p1'], 'unknown', 1_100],
    ['ends one that knows that nothing was sent', 1_000, ['waits', accepted], ['p1'], 'UNAVAILABLE', 1_000],
    ['leaves a second provider what is left', 5_000, ['hangs', 'hangs'], ['p1', 'p2'], 'unknown', 5_100],
    ['longer than all is not waited for', 60_000, ['waits', 'waits'], ['p1', 'p2'], 'UNAVAILABLE', 8_000],
  ];
  it.each(cases)('%s', async (_, deadlineMs, scripts, called, expected, within) => {
    const start = Date.now();
    const staged = stage(scripts);
    const running = staged.send({ deadlineMs }).then((dispatched) => ({ dispatched, elapsed: Date.now() - start }));
    await pass(20_000);
    const { dispatched, elapsed } = await running;
    expect(dispatched.kind === 'sent' ? dispatched.delivery.status : dispatched.status).toBe(expected);
    expect(staged.called).toEqual(called);
    expect(elapsed).toBeLessThanOrEqual(within);
    expect(vi.getTimerCount()).toBe(0);
  });
});

it('a provider that could only be cut short is not called: a sure failure stays one', async () => {
  for (const [left, called] of [
    [199, []],
    [200, ['p1']],
  ] as const) {
    const staged = stage([accepted]);
    await staged.send({ deadlineMs: left });
    expect(staged.called).toEqual(called);
  }
});

it('a deadline that the clock has not seen yet calls nobody either: timers may be early', async () => {
  const { send, called } = stage(['waits', accepted], { clock: () => 0 });
  const running = send({ deadlineMs: 1_000 });
  await pass(2_000);
  expect(await running).toMatchObject({ kind: 'not_sent' });
  expect(called).toEqual(['p1']);
});

describe('a retry at the same provider', () => {
  const cases: [string, (Script | readonly Script[])[], string[], number[]][] = [
    ['is made where the vendor invites it', [[busy, accepted]], ['p1', 'p1'], [2_000]],
    ['is not made where it does not', [[unavailable, accepted]], ['p1'], []],
    ['is not made while another provider is left', [[busy, accepted], accepted], ['p1', 'p2'], []],
    ['is made when no other provider is left', [[busy, accepted], unavailable], ['p1', 'p2', 'p1'], [2_000]],
    ['is made once', [[busy, busy, accepted]], ['p1', 'p1'], [2_000]],
    ['waits a second by default', [[{ ...unavailable, retrySame: true }, accepted]], ['p1', 'p1'], [1_000]],
    [
      'is made where the wait is shortest',
      [busy, [{ ...busy, retryAfterMs: 500 }, accepted]],
      ['p1', 'p2', 'p2'],
      [500],
    ],
    [
      'is made where the wait is shortest, the first of the route or not',
      [[{ ...busy, retryAfterMs: 500 }, accepted], busy],
      ['p1', 'p2', 'p1'],
      [500],
    ],
    ['is made at the first of two that wait equally long', [[busy, accepted], busy], ['p1', 'p2', 'p1'], [2_000]],
    ['is not made after a refusal of the number', [busy, rejected], ['p1', 'p2'], []],
    ['is not made once something was maybe sent', [busy, unknown], ['p1', 'p2'], []],
    ['does not fit when it could only be cut short', [{ ...busy, retryAfterMs: DEADLINE_MS - 199 }], ['p1'], []],
    ['just fits', [[{ ...busy, retryAfterMs: DEADLINE_MS - 200 }, accepted]], ['p1', 'p1'], [DEADLINE_MS - 200]],
  ];
  it.each(cases)('%s', async (_, scripts, called, slept) => {
    const staged = stage(scripts);
    await staged.send();
    expect(staged.called).toEqual(called);
    expect(staged.slept).toEqual(slept);
  });

  it('that maybe sends is the last', async () => {
    const { send, called } = stage([[busy, unknown]]);
    expect(await send()).toMatchObject({ kind: 'sent', delivery: { provider: 'p1', status: 'unknown' } });
    expect(called).toEqual(['p1', 'p1']);
  });

  it('that does not fit is not paid for', async () => {
    let spent = 0;
    const { send } = stage([{ ...busy, retryAfterMs: DEADLINE_MS }], {
      retryBudget: () => ({ called: () => undefined, spend: () => ++spent > 0 }),
    });
    await send();
    expect(spent).toBe(0);
  });

  it('is not made when it is not paid for', async () => {
    const { send, called, slept } = stage([busy], {
      retryBudget: () => ({ called: () => undefined, spend: () => false }),
    });
    await send();
    expect([called, slept]).toEqual([['p1'], []]);
  });

  it('is spread by chance', async () => {
    const { send, slept } = stage([busy], { random: () => 0.5 });
    await send();
    expect(slept).toEqual([2_500]);
  });

  const storms: [string, Pick<Partial<DispatchOptions>, 'retryBudget'>, number, number][] = [
    ['makes no storm: at most a tenth more requests', {}, 90, 100],
    [
      'would make one without its budget',
      { retryBudget: () => ({ called: () => undefined, spend: () => true }) },
      1_000,
      1_000,
    ],
  ];
  it.each(storms)('%s', async (_, { retryBudget }, least, most) => {
    const { provider, messages } = scriptedProvider('p1', [busy]);
    const send = createDispatch({
      providers: new Map([['p1', provider]]),
      route: () => [{ provider: 'p1', sender: {} }],
      emit: () => undefined,
      clock: () => 0,
      sleep: async () => undefined,
      random: () => 0,
      ...(retryBudget && { retryBudget }),
    });
    for (let i = 0; i < 1_000; i++) await send(OUTGOING, { deadlineMs: DEADLINE_MS, canceled: never() });
    expect(messages.length - 1_000).toBeGreaterThanOrEqual(least);
    expect(messages.length - 1_000).toBeLessThanOrEqual(most);
  });

  it('waits for real: to the end, or until the caller gives up', async () => {
    await sleep(1, never());
    const canceled = new AbortController();
    const waiting = sleep(60_000, canceled.signal);
    canceled.abort();
    await waiting;
    await sleep(60_000, canceled.signal);
  });

  it('is saved up for, to a limit: a quiet day does not pay for a storm', async () => {
    const { provider, messages } = scriptedProvider('p1', [...Array.from({ length: 10_000 }, () => accepted), busy]);
    const dispatch = createDispatch({
      providers: new Map([['p1', provider]]),
      route: () => [{ provider: 'p1', sender: {} }],
      emit: () => undefined,
      clock: () => 0,
      sleep: async () => undefined,
    });
    const bounds = { deadlineMs: DEADLINE_MS, canceled: never() };
    for (let i = 0; i < 10_000; i++) await dispatch(OUTGOING, bounds);
    for (let i = 0; i < 100; i++) await dispatch(OUTGOING, bounds);
    expect(messages.length - 10_100).toBe(19);
  });
});

it('a provider that hangs does not hold those it has no room for', async () => {
  const { send, called, attempts } = stage(['hangs', accepted], { maxConcurrent: 200 });
  const running = Array.from({ length: 500 }, () => send());
  await pass(0);
  expect(called.filter((name) => name === 'p1')).toHaveLength(200);
  expect(attempts().filter(({ vendorCode }) => vendorCode === 'busy')).toHaveLength(300);
  expect(attempts().filter(({ provider, result }) => provider === 'p2' && result === 'accepted')).toHaveLength(300);
  await pass(DEADLINE_MS);
  for (const dispatched of await Promise.all(running)) {
    expect(dispatched).toMatchObject({ kind: 'sent', delivery: { provider: 'p2', status: 'accepted' } });
  }
});

it('the console provider shows the message to the developer', async () => {
  const lines: string[] = [];
  const result = await createConsoleProvider((line) => lines.push(line)).send(MESSAGE, never());
  expect(result).toEqual({ kind: 'accepted', messageId: 'send-1', segments: 1 });
  expect(lines).toEqual(['SMS to +14155550123: Your code is 123456.']);
});
