import { describe, expect, it } from 'vitest';
import type { Event } from '../../src/event.ts';
import { createConsoleProvider } from '../../src/sms/console.ts';
import { createDispatch } from '../../src/sms/dispatch.ts';
import type { Message, Provider, SendResult } from '../../src/sms/provider.ts';

const MESSAGE: Message = {
  to: '+14155550123',
  text: 'Your code is 123456.',
  code: '123456',
  minutes: 5,
  purpose: 'login',
  locale: 'en',
  variables: {},
  sendId: 'send-1',
};

const accepted: SendResult = { kind: 'accepted', messageId: 'm-1', segments: 1 };
const rejected: SendResult = { kind: 'rejected', category: 'invalid_number', vendorCode: '21211' };
const unavailable: SendResult = { kind: 'unavailable', category: 'transient', vendorCode: '503', retryAfterMs: 7_000 };
const unknown: SendResult = { kind: 'unknown', category: 'timeout', vendorCode: '' };

type Script = SendResult | 'throws' | 'hangs';

function run(...scripts: Script[]) {
  const called: string[] = [];
  const codes: string[] = [];
  const events: Event[] = [];
  const providers = scripts.map((script, i): Provider => {
    const name = `p${i + 1}`;
    return {
      name,
      async send({ code }) {
        called.push(name);
        codes.push(code);
        if (script === 'throws') throw new Error('against the contract');
        if (script === 'hangs') return new Promise(() => undefined);
        return script;
      },
    };
  });
  const emit = (event: Event) => void events.push(event);
  const dispatch = createDispatch({ providers, emit, clock: () => 0 });
  return { called, codes, events, dispatched: dispatch(MESSAGE, 30) };
}

describe('dispatch', () => {
  const cases: [string, Script[], string[], object][] = [
    [
      'stops at the first that accepts',
      [accepted, accepted],
      ['p1'],
      { delivery: { provider: 'p1', messageId: 'm-1', status: 'accepted' } },
    ],
    [
      'goes on when one is unavailable',
      [unavailable, accepted],
      ['p1', 'p2'],
      { delivery: { provider: 'p2', status: 'accepted' } },
    ],
    ['stops at a refusal of the number', [rejected, accepted], ['p1'], { kind: 'not_sent', rejected: true }],
    [
      'says not sent when all are unavailable',
      [unavailable, unavailable],
      ['p1', 'p2'],
      { kind: 'not_sent', rejected: false, retryAfterMs: 7_000 },
    ],
    [
      'tries one more after an unknown outcome',
      [unknown, unavailable, accepted],
      ['p1', 'p2'],
      { delivery: { provider: 'p1', status: 'unknown' } },
    ],
    [
      'takes the second when it accepts after an unknown',
      [unknown, accepted],
      ['p1', 'p2'],
      { delivery: { provider: 'p2', status: 'accepted' } },
    ],
    [
      'is maybe sent when a refusal follows an unknown',
      [unknown, rejected, accepted],
      ['p1', 'p2'],
      { delivery: { provider: 'p1', status: 'unknown' } },
    ],
    [
      'never sends a third after two unknowns',
      [unknown, unknown, accepted],
      ['p1', 'p2'],
      { kind: 'sent', delivery: { status: 'unknown' } },
    ],
    ['takes a throw for maybe sent', ['throws'], ['p1'], { kind: 'sent', delivery: { status: 'unknown' } }],
    [
      'takes silence for maybe sent, and has no time for another',
      ['hangs', accepted],
      ['p1'],
      { delivery: { status: 'unknown' } },
    ],
    ['without providers sends nothing', [], [], { kind: 'not_sent', rejected: false }],
  ];
  it.each(cases)('%s', async (_, scripts, called, expected) => {
    const running = run(...scripts);
    expect(await running.dispatched).toMatchObject(expected);
    expect(running.called).toEqual(called);
    expect(new Set(running.codes).size).toBeLessThanOrEqual(1);
    expect(running.events.map((event) => event.type)).toEqual(called.map(() => 'attempt'));
  });

  it('lists every attempt, without a vendor’s words', async () => {
    const dispatched = await run(unavailable, accepted).dispatched;
    expect(dispatched).toMatchObject({
      delivery: {
        attempts: [
          { provider: 'p1', result: 'unavailable', category: 'transient', latencyMs: 0 },
          { provider: 'p2', result: 'accepted', category: '', latencyMs: 0 },
        ],
      },
    });
    expect(JSON.stringify(dispatched)).not.toContain('503');
  });
});

it('the console provider shows the message to the developer', async () => {
  const lines: string[] = [];
  const result = await createConsoleProvider((line) => lines.push(line)).send(MESSAGE, AbortSignal.timeout(1_000));
  expect(result).toEqual({ kind: 'accepted', messageId: 'send-1', segments: 1 });
  expect(lines).toEqual(['SMS to +14155550123: Your code is 123456.']);
});
