/** docs/operations.md tells operators what is so: its lists are the code's, its ACL is enough and no more than that. */
import type { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Delivery } from '../../src/domain/delivery.ts';
import { loggedRequestId } from '../../src/domain/request-id.ts';
import type { Event } from '../../src/event.ts';
import { CheckResult, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { logEvents } from '../../src/ops/event-log.ts';
import { createLogger } from '../../src/ops/logger.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { keysOf, messageKeysOf } from '../../src/store/keys.ts';
import { createRedisStore } from '../../src/store/redis.ts';
import type { Store } from '../../src/store/store.ts';
import { RULES } from '../alerts/scrapes.ts';
import { rulesOf } from '../store/commands.ts';
import { startApp } from '../support/app.ts';
import { ok } from '../support/clients.ts';
import {
  anchorsOf,
  codeWords,
  fencesOf,
  markedPart,
  read,
  sectionOf,
  shellBlock,
  tableOf,
} from '../support/markdown.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { sharedRedis } from '../support/shared-redis.ts';
import { missing, runBlocks } from '../support/shell.ts';
import { UNHURRIED_MS } from '../support/virtual-redis.ts';
import { eventually } from '../support/wait.ts';

const page = read('docs/operations.md');
const lacks = await missing('sha256sum');
const { sendCode, checkCode } = VerificationService.method;

const CALL: Event = {
  type: 'rpc',
  edge: 'grpc',
  method: 'SendCode',
  status: 'OK',
  reason: 'COOLDOWN',
  seconds: 0.001,
  facts: {
    caller: 'auth',
    purpose: 'login',
    phone: '****0123',
    verificationId: 'id',
    requestId: 'id',
    traceId: 'id',
    outcome: 'sent',
    provider: 'console',
  },
};

describe('the lists', () => {
  test('of metrics: every one with its type and labels', async () => {
    const { observe, sample, render } = createMetrics(['SendCode', 'CheckCode']);
    observe(CALL);
    observe({ ...CALL, method: 'CheckCode', facts: { outcome: 'approved' } });
    observe({ type: 'store', operation: 'send', error: null, seconds: 0 });
    const about = { provider: 'a', verificationId: '', country: 'US' } as const;
    const failed = { ...about, category: 'blocked', vendorCode: '', seconds: 0 } as const;
    const told = { actor: 'user', vendorRequestId: '', unlistedCode: '1' } as const;
    observe({ type: 'attempt', result: 'rejected', ...failed, ...told });
    observe({ type: 'breaker', provider: 'a', country: 'US', state: 'open' });
    observe({ type: 'report', ...failed, status: 'delivered', outcome: 'applied' });
    observe({ type: 'cut', listener: 'grpc', why: 'late' });
    observe({ type: 'shed', class: 'check', why: 'overloaded' });
    sample(() => new Map([['check', { underWay: 0, limit: 100, oldestMs: 0 }]]));
    observe({ type: 'callback_refused', provider: 'a', why: 'forged' });
    observe({ type: 'reports_failed', provider: 'a', error: new Error() });
    observe({ type: 'conversion', provider: 'a', ok: true, vendorCode: '' });
    observe({ type: 'settle_failed', refund: true, attempt: 0, error: new Error() });
    const text = await render();
    const real = [...text.matchAll(/^# TYPE (countersign_\w+) (\w+)$/gm)].map(([, name = '', type = '']) => {
      const sample = new RegExp(`^${name}(?:_sum)?(?:{(.*)})? `, 'm').exec(text)?.[1] ?? '';
      return [name, type, ...[...sample.matchAll(/(\w+)="/g)].map(([, label = '']) => label)];
    });
    const listed = tableOf(markedPart(page, 'metrics')).map(([name, type, labels]) => [
      ...codeWords(name),
      type,
      ...codeWords(labels),
    ]);
    expect(listed.sort()).toEqual(real.sort());
  });

  test('of alerts: every rule, with its severity, what it says, and a heading that says what to do', () => {
    const spell = (text: string) => text.replace(/{{ \$labels\.(\w+) }}/g, '`<$1>`');
    const rules = RULES.map(({ alert, labels, annotations }) => [
      alert,
      labels.severity,
      spell(annotations.summary),
      annotations.runbook,
    ]);
    const listed = tableOf(markedPart(page, 'alerts')).map(([name, severity, says, link = '']) => [
      ...codeWords(name),
      severity,
      says,
      /\(#(.*)\)/.exec(link)?.[1],
    ]);
    expect(listed).toEqual(rules);
    const anchors = anchorsOf(page);
    expect(RULES.map(({ annotations }) => annotations.runbook).filter((anchor) => !anchors.has(anchor))).toEqual([]);
  });

  test('of log fields: every one of a call', async () => {
    const lines: string[] = [];
    const destination = { write: (text: string) => void lines.push(text) };
    logEvents(await createLogger({ level: 'info', pretty: false, destination }), () => 0)(CALL);
    const listed = tableOf(markedPart(page, 'log')).flatMap(([names]) => codeWords(names));
    expect(listed.sort()).toEqual(Object.keys(JSON.parse(lines.join(''))).sort());
  });

  test.skipIf(lacks.has('sha256sum'))(
    'of log fields: the hash of a request_id, as it is shown to be made',
    async () => {
      const [hash = ''] = await runBlocks([shellBlock('docs/operations.md', '## Log', 'sha256sum')]);
      expect(`sha256:${hash.trim()}`).toBe(loggedRequestId('send-1'));
    },
  );

  test('of other log lines: each that an event makes, with its level', async () => {
    const lines: string[] = [];
    const destination = { write: (text: string) => void lines.push(text) };
    const log = logEvents(await createLogger({ level: 'debug', pretty: false, destination }), () => 0);
    const about = { provider: 'a', verificationId: '', country: 'US' } as const;
    const failed = { ...about, result: 'unavailable', category: 'balance', vendorCode: 'b', seconds: 0 } as const;
    const told = { actor: 'operator', vendorRequestId: 'c', unlistedCode: '' } as const;
    const error = new Error();
    const events: Event[] = [
      { type: 'store', operation: 'send', error, seconds: 0 },
      { type: 'store_connection', state: 'lost', error },
      { type: 'store_connection', state: 'ready' },
      { type: 'attempt', ...failed, ...told },
      { type: 'attempt', ...failed, ...told, vendorCode: 'unlisted', unlistedCode: '1' },
      { type: 'attempt', ...failed, ...told, actor: 'nobody' },
      ...(['open', 'half_open', 'closed'] as const).map(
        (state) => ({ type: 'breaker', provider: 'a', country: '', state }) as const,
      ),
      { type: 'report', ...failed, status: 'failed', outcome: 'applied' },
      { type: 'callback_refused', provider: 'a', why: 'forged' },
      { type: 'reports_failed', provider: 'a', error },
      { type: 'conversion', provider: 'a', ok: false, vendorCode: 'c' },
      { type: 'settle_failed', refund: true, attempt: 0, error },
      { type: 'fault', where: 'a', error },
    ];
    for (const event of events) log(event);
    const real = lines.map((line) => JSON.parse(line)).map(({ msg, level }) => `${level}: ${msg}`);
    const rows = tableOf(markedPart(page, 'lines')).flatMap(([names, levels]) => {
      const level = codeWords(levels);
      return codeWords(names).map((name, index) => `${level[index] ?? level[0]}: ${name}`);
    });
    const ofTheApp = ['info: serving', 'info: stopped', 'warn: STATE IS KEPT IN MEMORY: ...'];
    expect(rows.filter((row) => !ofTheApp.includes(row)).sort()).toEqual(real.sort());
  });

  test('of keys: every one under its name', () => {
    const keys = keysOf('cs', { phoneKey: '<phone>', caller: '<caller>', purpose: '<purpose>' });
    const named = Object.values(keys).map((key) => (typeof key === 'string' ? key : key('<request>')));
    const listed = tableOf(markedPart(page, 'keys')).flatMap(([key]) => codeWords(key));
    const ofMessages = Object.values(messageKeysOf('cs', '<xyz><message>'));
    const messages = ofMessages.map((key) => key.replace('<xyz>', '<bucket>'));
    expect(listed.sort()).toEqual([...named, ...messages].sort());
  });
});

describe('the ACL user', () => {
  const [line = ''] = fencesOf(sectionOf(page, '### An ACL user')).map(({ body }) => body.replace(/\s+/g, ' ').trim());
  const rules = line.replace('PASSWORD', 'secret').split(' ').slice(2);
  const rights = rules.filter((rule) => rule.startsWith('+'));
  let server: RedisServer;
  let admin: Redis;
  beforeAll(async () => {
    server = await startRedis();
    admin = server.connect();
  });
  afterAll(() => server?.stop());

  /** What goes wrong, and what Redis denied, when the user has these rules. */
  async function denials(given: readonly string[]): Promise<string[]> {
    await admin.flushall();
    await admin.script('FLUSH');
    await admin.call('ACL', 'LOG', 'RESET');
    await admin.call('ACL', 'SETUSER', 'countersign', 'reset', ...given);
    const url = server.url.replace('redis://', 'redis://countersign:secret@');
    const options = { urls: [url], cluster: false, keyPrefix: 'cs', commandTimeoutMs: UNHURRIED_MS };
    const store = createRedisStore({ ...options, emit: () => undefined, clock: () => performance.now() });
    await connection(store);
    const wrong = [...(await everything(store)), ...((await admin.call('ACL', 'LOG')) as unknown[][]).map(String)];
    await store.close();
    return wrong;
  }

  test('may do everything that the service does, and Redis refuses nothing', async () => {
    expect(await denials(rules)).toEqual([]);
  });

  test('has no right that is not needed', async () => {
    expect(rights.length).toBeGreaterThan(10);
    const idle: string[] = [];
    for (const right of rights) {
      if ((await denials(rules.filter((rule) => rule !== right))).length === 0) idle.push(right);
    }
    expect(idle).toEqual([]);
  });
});

/** The connection is up, fit or not: without an offline queue, what comes before that says nothing about rights. */
async function connection(store: Store): Promise<void> {
  for (;;) {
    const error = await store.ready().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    if (!/no connection to Redis|broke before/.test(String(error instanceof Error ? error.cause : ''))) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Every operation, through every branch that uses a command of its own. Answers what failed. */
async function everything(store: Store): Promise<string[]> {
  const slot = { phoneKey: '00.phone', caller: 'auth', purpose: 'login' };
  const rules = { ...rulesOf('same'), cooldownMs: 0 };
  const request = { hash: 'hash', content: 'content' };
  const candidate = { nonce: 'nonce', seed: 'seed', codeMac: 'right' };
  const attempt = { provider: 'a', category: '', latencyMs: 1 } as const;
  // Two messages: the second is charged as well.
  const attempts: Delivery['attempts'] = [
    { ...attempt, result: 'unknown' },
    { ...attempt, result: 'accepted' },
  ];
  const delivery: Delivery = { provider: 'a', messageId: 'm', status: 'accepted', attempts };
  const report = { token: '', messageId: 'm', status: 'delivered', category: '', vendorCode: '' } as const;
  const send = (sendId: string) => store.send({ slot, rules, sendId, candidate, session: '', content: '', request });
  const settle = (sendId: string, given: Delivery | null) =>
    store.settle({ slot, sendId, requestHash: 'hash', delivery: given });
  const check = (codeMac: string, nonce: string | null) =>
    store.check({
      slot,
      nonce,
      session: '',
      content: '',
      codeMac,
      request: { hash: codeMac, content: codeMac },
      approvedTag: '',
      guessesByPhone: 3,
    });
  const steps: (() => Promise<unknown>)[] = [
    () => store.ready(),
    () => send('1'),
    () => settle('1', null),
    () => send('2'),
    () => settle('2', delivery),
    () => check('wrong', null),
    () => check('right', 'nonce'),
    () => store.status({ slot, nonce: null, cooldownMs: 0, windows: rules.windows }),
    () => store.cancel({ slot, nonce: 'nonce' }),
    () => store.report({ slot, sendId: '2', provider: 'a', messageId: 'm', status: 'delivered', category: '' }),
    () => store.lookup({ message: 'm', report }),
    () => store.link({ message: 'm', token: 'token' }),
  ];
  const wrong: string[] = [];
  for (const [index, step] of steps.entries()) await step().catch((error) => wrong.push(`step ${index}: ${error}`));
  return wrong;
}

describe('rotating the secret', () => {
  const redis = sharedRedis();
  afterAll(() => redis.close());
  const [old, fresh] = ['an old secret that is 32 bytes long', 'a new secret that is 32 bytes long, too'];
  const phone = '+14155550105';
  const purpose = 'login';

  async function instance(current: string, previous: string) {
    const app = await startApp({
      env: {
        REDIS_URL: redis.url,
        REDIS_KEY_PREFIX: redis.prefix,
        COUNTERSIGN_SECRET: current,
        COUNTERSIGN_SECRET_PREVIOUS: previous,
      },
    });
    await eventually('Redis answers', async () => (await fetch(`${app.ops}/readyz`)).ok);
    return app;
  }
  test('in the order given: ids check under either secret, by phone and for limits only the current one counts', async () => {
    const before = await instance(old, fresh);
    const after = await instance(fresh, old);
    const checked = async (app: typeof before, target: object, code: string) =>
      ok(await app.client('json').call(checkCode, { ...target, purpose, code })).result;

    const { verificationId } = ok(await before.client('json').call(sendCode, { phone, purpose }));
    const code = before.inbox.codeTo(phone);
    expect(await checked(after, { phone }, code)).toBe(CheckResult.NOT_FOUND);
    const again = ok(await after.client('json').call(sendCode, { phone, purpose }));
    expect(again.sendsRemaining).toBe(4);
    expect(await checked(after, { verificationId }, code)).toBe(CheckResult.APPROVED);
    // The other way round: instances that are not swapped yet read what swapped ones issue.
    const later = { verificationId: again.verificationId };
    expect(await checked(before, later, after.inbox.codeTo(phone))).toBe(CheckResult.APPROVED);
    await before.stop();
    await after.stop();
  });
});

test('the body of /readyz is as shown', async () => {
  const app = await startApp();
  const [shown] = fencesOf(sectionOf(page, '## Probes'));
  expect(await (await fetch(`${app.ops}/readyz`)).json()).toEqual(JSON.parse(shown?.body ?? ''));
  await app.stop();
});
