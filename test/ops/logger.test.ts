import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/event.ts';
import { logEvents } from '../../src/ops/event-log.ts';
import { createLogger } from '../../src/ops/logger.ts';

async function logged(
  events: readonly Event[],
  options: { level?: string; pretty?: boolean; clock?: () => number } = {},
): Promise<string> {
  const out: string[] = [];
  const destination = { write: (line: string) => void out.push(line) };
  const logger = await createLogger({ level: options.level ?? 'info', pretty: options.pretty ?? false, destination });
  events.forEach(logEvents(logger, options.clock ?? (() => 0)));
  return out.join('');
}

async function records(events: readonly Event[], level?: string): Promise<Record<string, unknown>[]> {
  const lines = (await logged(events, level === undefined ? {} : { level })).split('\n').slice(0, -1);
  return lines.map((line) => {
    const { time, ...record } = JSON.parse(line);
    expect(Number.isNaN(Date.parse(time))).toBe(false);
    return record;
  });
}

function rpc(over: Partial<Extract<Event, { type: 'rpc' }>> = {}): Event {
  return {
    type: 'rpc',
    edge: 'grpc',
    method: 'SendCode',
    status: 'OK',
    reason: null,
    seconds: 0.01234,
    facts: { caller: 'auth' },
    ...over,
  };
}

test('an RPC is one record with who, what, for whom and how long', async () => {
  const facts = {
    caller: 'auth',
    purpose: 'login',
    phone: '****0123',
    verificationId: 'x7f-_Q',
    outcome: 'sent',
    provider: 'console',
  };
  expect(await records([rpc({ facts })])).toEqual([
    {
      level: 'info',
      edge: 'grpc',
      method: 'SendCode',
      status: 'OK',
      outcome: 'sent',
      caller: 'auth',
      purpose: 'login',
      phone: '****0123',
      verification_id: 'x7f-_Q',
      provider: 'console',
      latency_ms: 12.34,
      msg: 'rpc',
    },
  ]);
});

test('what strangers ask for is logged once a second, and probes that are well not at all', async () => {
  const stranger = rpc({ status: 'UNAUTHENTICATED', facts: {} });
  const probe = rpc({ method: 'Health/Check', facts: {} });
  expect(await records([stranger, stranger, probe, { ...probe, status: 'NOT_FOUND' } as Event])).toMatchObject([
    { status: 'UNAUTHENTICATED', msg: 'rpc' },
    { method: 'Health/Check', status: 'NOT_FOUND' },
  ]);
});

test('connections that are cut are a warning, once a minute for each reason', async () => {
  const cut = { type: 'cut', listener: 'grpc', why: 'late' } as const;
  expect(await records([cut, cut, { ...cut, why: 'full' }])).toEqual([
    { level: 'warn', listener: 'grpc', why: 'late', msg: 'connections or streams are cut' },
    { level: 'warn', listener: 'grpc', why: 'full', msg: 'connections or streams are cut' },
  ]);
});

describe('for people, a call is one line', () => {
  test('that names its caller as a field, and not as a place in the code', async () => {
    const line = await logged([rpc({ facts: { caller: 'auth', purpose: 'login' } })], { pretty: true });
    expect(line.replace(/^\[[\d:.]+\] /, '')).toBe(
      'INFO: rpc caller=auth {"edge":"grpc","method":"SendCode","status":"OK","purpose":"login","latency_ms":12.34}\n',
    );
  });

  test('that says nothing about a caller where there is none', async () => {
    const line = await logged([{ type: 'breaker', provider: 'twilio', country: '', state: 'closed' }], {
      pretty: true,
    });
    expect(line).toMatch(/ INFO: provider is in use again \{"provider":"twilio"\}\n$/);
  });
});

test.each([
  ['OK', 'info'],
  ['INVALID_ARGUMENT', 'info'],
  ['RESOURCE_EXHAUSTED', 'info'],
  ['UNAUTHENTICATED', 'info'],
  ['UNAVAILABLE', 'warn'],
  ['DEADLINE_EXCEEDED', 'warn'],
  ['INTERNAL', 'error'],
])('an RPC that ends in %s is logged as %s', async (status, level) => {
  expect(await records([rpc({ status, reason: 'COOLDOWN' })])).toMatchObject([{ level, status, reason: 'COOLDOWN' }]);
});

type Attempt = Extract<Event, { type: 'attempt' }>;

function attempt(over: Partial<Attempt>): Attempt {
  const nothing = { category: '', vendorCode: '', actor: 'nobody', vendorRequestId: '', unlistedCode: '' } as const;
  const about = { provider: 'twilio', verificationId: 'v-1', country: 'US' };
  return { type: 'attempt', ...about, result: 'unavailable', ...nothing, seconds: 0.2, ...over };
}

/** What the lines of one send have in common. */
const SEND = { provider: 'twilio', verification_id: 'v-1', country: 'US' };

const REPORT = {
  type: 'report',
  provider: 'twilio',
  verificationId: 'v-1',
  country: 'US',
  status: 'delivered',
  category: '',
  vendorCode: '',
  outcome: 'applied',
  seconds: 4,
} as const;

test('steps of a call are for debugging only', async () => {
  const steps: Event[] = [
    { type: 'store', operation: 'send', error: null, seconds: 0.001 },
    attempt({ result: 'accepted' }),
    REPORT,
    { type: 'conversion', provider: 'twilio', ok: true, vendorCode: '' },
  ];
  expect(await records(steps)).toEqual([]);
  expect(await records(steps, 'debug')).toEqual([
    { level: 'debug', operation: 'send', ok: true, latency_ms: 1, msg: 'store' },
    { level: 'debug', ...SEND, result: 'accepted', latency_ms: 200, msg: 'attempt' },
    { level: 'debug', ...SEND, status: 'delivered', outcome: 'applied', msg: 'delivery report' },
  ]);
});

test('a send that failed can be followed: each failed try and report names the verification, why and the country', async () => {
  const failures: Event[] = [
    attempt({ result: 'rejected', category: 'blocked', vendorCode: '30004', actor: 'user' }),
    attempt({ result: 'unknown', category: 'timeout', vendorCode: 'timeout' }),
    attempt({ category: 'transient', vendorCode: 'breaker_open' }),
    { ...REPORT, status: 'failed', category: 'unreachable', vendorCode: '30003' },
  ];
  const tried = { level: 'info', ...SEND, latency_ms: 200, msg: 'attempt' };
  expect(await records(failures)).toEqual([
    { ...tried, result: 'rejected', category: 'blocked', vendor_code: '30004' },
    { ...tried, result: 'unknown', category: 'timeout', vendor_code: 'timeout' },
    { ...tried, result: 'unavailable', category: 'transient', vendor_code: 'breaker_open' },
    {
      ...{ level: 'info', ...SEND, status: 'failed', category: 'unreachable', vendor_code: '30003' },
      ...{ outcome: 'applied', msg: 'delivery report' },
    },
  ]);
});

test('a report of a send that is not known names none', async () => {
  const unknown: Event = { ...REPORT, verificationId: '', country: '', outcome: 'unmatched' };
  const [line] = await records([unknown], 'debug');
  expect(line).not.toHaveProperty('verification_id');
  expect(line).not.toHaveProperty('country');
});

test('a country that is not enabled is named, each one', async () => {
  const closed = (country: string) =>
    attempt({ category: 'permission', vendorCode: '21408', actor: 'operator', country });
  const found = await records([closed('VN'), closed('KH'), closed('VN')]);
  expect(found.map(({ msg, level, country }) => [msg, level, country])).toEqual([
    ['provider needs attention', 'warn', 'VN'],
    ['provider needs attention', 'warn', 'KH'],
    ['attempt', 'info', 'VN'],
  ]);
});

test('what an operator has to mend is told once a minute for each code, with the vendor’s id of the request', async () => {
  const credentials = attempt({
    category: 'credentials',
    vendorCode: '20003',
    actor: 'operator',
    vendorRequestId: 'RQ1',
  });
  const balance = attempt({ category: 'balance', vendorCode: '20005', actor: 'operator' });
  const found = await records([credentials, credentials, balance, credentials]);
  expect(
    found.map(({ msg, level, vendor_code, vendor_request_id }) => [msg, level, vendor_code, vendor_request_id]),
  ).toEqual([
    ['provider needs attention', 'warn', '20003', 'RQ1'],
    ['attempt', 'info', '20003', 'RQ1'],
    ['provider needs attention', 'warn', '20005', undefined],
    ['attempt', 'info', '20003', 'RQ1'],
  ]);
});

test('a code that no table lists is told once and for all', async () => {
  let time = 0;
  const clock = () => {
    time += 3_600_000;
    return time;
  };
  const odd = attempt({ category: 'unknown', vendorCode: 'unlisted', unlistedCode: '29999', vendorRequestId: 'RQ2' });
  const lines = (await logged([odd, odd, odd, { ...odd, unlistedCode: '29998' }], { clock })).split('\n').slice(0, -1);
  const told = lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
  expect(told).toMatchObject([
    { msg: 'provider answers a code that is not listed', unlisted_code: '29999', vendor_request_id: 'RQ2' },
    { msg: 'provider answers a code that is not listed', unlisted_code: '29998' },
  ]);
});

test('what happens around providers is news once a minute', async () => {
  const events: Event[] = [
    { type: 'breaker', provider: 'twilio', country: '', state: 'open' },
    { type: 'breaker', provider: 'twilio', country: '', state: 'half_open' },
    { type: 'breaker', provider: 'twilio', country: '', state: 'closed' },
    { type: 'callback_refused', provider: 'twilio', why: 'forged' },
    { type: 'callback_refused', provider: 'twilio', why: 'forged' },
    { type: 'reports_failed', provider: 'tencent', error: new Error('271828') },
    { type: 'reports_failed', provider: 'tencent', error: new Error('271828') },
    { type: 'conversion', provider: 'twilio', ok: false, vendorCode: '20404' },
    { type: 'conversion', provider: 'twilio', ok: false, vendorCode: '20404' },
  ];
  const found = await records(events);
  expect(found.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
    'warn provider is left alone',
    'info provider is tried again',
    'info provider is in use again',
    'warn callback refused',
    'warn delivery reports failed',
    'warn conversion feedback failed',
  ]);
  expect(JSON.stringify(found)).not.toContain('271828');
});

test('losing the store is news once, until it is back', async () => {
  const lost: Event = { type: 'store_connection', state: 'lost', error: new Error('READONLY no') };
  const ready: Event = { type: 'store_connection', state: 'ready' };
  const found = await records([ready, lost, lost, lost, ready, lost]);
  expect(found.map(({ level, msg }) => `${level} ${msg}`)).toEqual([
    'info store ready',
    'warn store lost',
    'info store ready',
    'warn store lost',
  ]);
});

test('losing the store is explained by what the store said: it never saw a phone or a code', async () => {
  const error = new Error('STORE_UNAVAILABLE', { cause: new Error('this Redis is a replica') });
  expect(await records([{ type: 'store_connection', state: 'lost', error }])).toMatchObject([
    { msg: 'store lost', why: 'this Redis is a replica' },
  ]);
});

test('why calls of the store fail is told once a minute for each reason', async () => {
  const failed = (why: string): Event => {
    const error = new Error('STORE_UNAVAILABLE', { cause: new Error(why) });
    return { type: 'store', operation: 'check', error, seconds: 0.4 };
  };
  let time = 0;
  const clock = () => {
    time += 10_000;
    return time;
  };
  const events = Array.from({ length: 10 }, () => failed('NOPERM no such right'));
  const lines = (await logged([...events, failed('OOM full')], { clock })).split('\n').slice(0, -1);
  const told = lines.map((line) => JSON.parse(line));
  expect(told.every(({ msg, level }) => msg === 'store call failed' && level === 'warn')).toBe(true);
  expect(told.map(({ why }) => why)).toEqual(['NOPERM no such right', 'NOPERM no such right', 'OOM full']);
});

describe('a fault', () => {
  const outside = Object.assign(new Error('SMS to +14155550123 failed: 271828\n    at 271828'), {
    code: 'ECONNRESET',
    cause: new Error('WRONGPASS 271828'),
  });
  const events: Event[] = [
    { type: 'fault', where: 'SendCode', error: outside },
    { type: 'fault', where: 'CheckCode', error: 'a thrown 271828' },
    { type: 'settle_failed', refund: true, attempt: 2, error: outside },
  ];

  test('is logged with its name, its code and its frames', async () => {
    const [fault] = await records(events);
    expect(fault).toMatchObject({
      level: 'error',
      where: 'SendCode',
      msg: 'fault',
      err: {
        name: 'Error',
        error_code: 'ECONNRESET',
        stack: expect.arrayContaining([expect.stringMatching(/^at .*logger\.test\.ts:\d+:\d+/)]),
        cause: { name: 'Error', error_code: 'WRONGPASS' },
      },
    });
  });

  test.each([
    ['FailedOperation.TemplateUnapprovedOrNotExist', true],
    ['http_502', true],
    ['+14155550123', false],
    ['code_271828', false],
    ['two words', false],
  ])('has a code only where that is a word: %s', async (code, shown) => {
    const [fault] = await records([{ type: 'fault', where: 'poll', error: Object.assign(new Error(), { code }) }]);
    expect(fault?.err).toMatchObject(shown ? { error_code: code } : { name: 'Error' });
    expect(JSON.stringify(fault).includes(code)).toBe(shown);
  });

  test.each([false, true])('never shows its message, which may hold a phone or a code (pretty: %s)', async (pretty) => {
    const out = await logged(events, { pretty });
    expect(out).not.toMatch(/271828|4155550123|failed/);
  });
});

describe('what an attacker put into a field', () => {
  const hostile = 'a\r\nb\u001b[31mc\u0085d\u009b31me\u2028f\u202eg\u0000h';
  const event = rpc({ facts: { caller: hostile, outcome: hostile, verificationId: hostile } });

  test('stays in one JSON record', async () => {
    const out = await logged([event]);
    expect(out.split('\n')).toHaveLength(2);
    expect(JSON.parse(out).caller).toBe('a\\u000d\\u000ab\\u001b[31mc\\u0085d\\u009b31me\\u2028f\\u202eg\\u0000h');
  });

  test('stays in one line for people, without terminal codes', async () => {
    const out = await logged([event], { pretty: true });
    expect(out.split('\n')).toHaveLength(2);
    expect(out.trimEnd()).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
  });
});

describe('should a change ever log a secret', () => {
  test('a full phone number is cut out of any text', async () => {
    expect(await records([rpc({ facts: { caller: 'auth', phone: '+14155550123' } })])).toMatchObject([
      { phone: '[redacted]' },
    ]);
  });

  test('the value under a telling name is replaced', async () => {
    const out: string[] = [];
    const destination = { write: (line: string) => void out.push(line) };
    const logger = await createLogger({ level: 'info', pretty: false, destination });
    logger.info({ code: '271828', authorization: 'Bearer 271828', message: { text: '271828', to: '271828' } }, 'oh no');
    expect(out.join()).toContain('[redacted]');
    expect(out.join()).not.toContain('271828');
  });
});
