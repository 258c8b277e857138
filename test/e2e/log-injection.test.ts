/** Line breaks, terminal commands and forged records in every string field: one call, one record, nothing obeyed. */
import type { DescField, DescMessage, DescMethodUnary, MessageInitShape } from '@bufbuild/protobuf';
import { afterAll, describe, expect, it } from 'vitest';
import { type CheckCodeRequestSchema, VerificationService } from '../../src/gen/countersign/v1/verification_pb.ts';
import { rawGrpc, rawHttp, SERVICE } from '../rpc/edges.ts';
import type { RunningApp } from '../support/app.ts';
import { ok, PROTOCOLS } from '../support/clients.ts';
import { createStage, figure } from './stage.ts';
import { createUser } from './user.ts';

const HOSTILE =
  'x\r\n{"level":"fatal","msg":"forged"}\n[00:00:00.000] FATAL: forged\u001b[2J\u001b[31m\u0007\u0000\u0085\u2028\u2029\u202e';
/** What a terminal or a reader of lines would obey. */
const OBEYED = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

const stage = createStage();
let calls = 0;
afterAll(() => figure(`${calls} calls with hostile fields, ${calls} records`));

interface Attack {
  /** `SendCode client.ip`. */
  readonly name: string;
  readonly method: DescMethodUnary;
  readonly request: object;
}

/** Every string field of every RPC, alone in a request that is otherwise in order, whatever fields there will be. */
function attacks(valid: Readonly<Record<string, unknown>>): Attack[] {
  return VerificationService.methods.flatMap((method) =>
    hostileValues(method.input).map(([path, value]) => ({
      name: `${method.name} ${path}`,
      method: method as DescMethodUnary,
      request: { ...only(method.input, valid), ...value },
    })),
  );
}

function hostileValues(message: DescMessage): (readonly [path: string, value: object])[] {
  return message.fields.flatMap((field: DescField): (readonly [string, object])[] => {
    const name = field.localName;
    switch (field.fieldKind) {
      case 'scalar':
        return [[name, { [name]: HOSTILE }]];
      case 'map':
        return [
          [`${name} (key)`, { [name]: { [HOSTILE]: 'x' } }],
          [`${name} (value)`, { [name]: { name: HOSTILE } }],
        ];
      case 'message':
        return hostileValues(field.message).map(([path, value]) => [`${name}.${path}`, { [name]: value }]);
      default:
        throw new Error(`${name} is a ${field.fieldKind}, which this test does not know`);
    }
  });
}

function only(message: DescMessage, values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(
    message.fields.flatMap(({ localName: name }) => (name in values ? [[name, values[name]]] : [])),
  );
}

/** The records in a log since `from`. Throws when a line is none. */
function recordsOf(log: string, format: string): string[] {
  expect(log.replaceAll('\n', '')).not.toMatch(OBEYED);
  const lines = log.split('\n').filter((line) => line !== '');
  for (const line of lines) {
    if (format === 'json')
      expect(JSON.parse(line)).toMatchObject({ level: expect.stringMatching(/^(debug|info|warn|error)$/) });
    else expect(line).toMatch(/^\[\d\d:\d\d:\d\d\.\d{3}\] (DEBUG|INFO|WARN|ERROR): /);
  }
  return lines;
}

/** One record an event is what the log promises at this level. */
function expectOneRecordEach(app: RunningApp, format: string, since: { events: number; log: number }): void {
  const records = recordsOf(app.log().slice(since.log), format);
  expect(records).toHaveLength(app.events.length - since.events);
  expect(records.join()).not.toContain('forged');
}

const env = (format: string) => ({ LOG_FORMAT: format, LOG_LEVEL: 'trace' });

describe.each(['json', 'pretty'])('logged as %s', (format) => {
  it.each(PROTOCOLS)('every string field over %s', async (protocol) => {
    const app = await stage.start({ env: env(format) });
    const user = createUser(app, { protocol, phone: stage.phone() });
    ok(await user.send());
    const valid = { phone: user.phone, purpose: 'login', code: user.wrong() };
    const since = { events: app.events.length, log: app.log().length };
    const all = [...attacks(valid), ...attacks({ ...valid, phone: '', verificationId: user.id })];
    for (const { name, method, request } of all) {
      const before = app.events.filter(({ type }) => type === 'rpc').length;
      const answer = await app
        .client(protocol)
        .call(method, request as MessageInitShape<typeof CheckCodeRequestSchema>);
      expect(answer.status, name).not.toBe('INTERNAL');
      expect(app.events.filter(({ type }) => type === 'rpc').length, name).toBe(before + 1);
      calls += 1;
    }
    expectOneRecordEach(app, format, since);
  });

  it('paths and headers', async () => {
    const app = await stage.start({ env: env(format) });
    const since = { events: app.events.length, log: app.log().length };
    const path = `${SERVICE}/SendCode${encodeURIComponent(HOSTILE)}`;
    const headers = { 'content-type': 'application/json', 'user-agent': encodeURIComponent(HOSTILE), origin: '\u0085' };
    await rawHttp(`${app.http}${path}`, { headers, body: '{}' });
    await rawHttp(`${app.http}/${encodeURIComponent(HOSTILE)}?${encodeURIComponent(HOSTILE)}`, { headers, body: '{}' });
    await rawHttp(`${app.http}${SERVICE}/SendCode`, {
      headers: { ...headers, authorization: '\u0085' },
      body: HOSTILE,
    });
    await rawGrpc(app.grpc, { ':path': path, 'user-agent': '\u0085', authorization: '\u0085' }, Buffer.from(HOSTILE));
    await rawGrpc(app.grpc, { ':path': `${SERVICE}/SendCode`, authorization: '\u0085' }, Buffer.from(HOSTILE));
    expectOneRecordEach(app, format, since);
  });

  it('what a vendor says is escaped, not obeyed', async () => {
    const app = await stage.start({ env: env(format) });
    const since = { events: app.events.length, log: app.log().length };
    app.inbox.answer(async () => ({ kind: 'unknown', category: 'transient', vendorCode: HOSTILE }));
    ok(await createUser(app, { protocol: 'grpc', phone: stage.phone() }).send());
    const records = recordsOf(app.log().slice(since.log), format);
    expect(records).toHaveLength(app.events.length - since.events);
    expect(records.filter((record) => record.includes('forged'))).toHaveLength(1);
  });
});

describe('negative control: the reader of records finds', () => {
  const record = '{"level":"info","msg":"rpc"}\n';
  it.each([
    ['a second line', `${record}forged\n`],
    ['a carriage return', record.replace('rpc', 'rpc\r')],
    ['a terminal command', record.replace('rpc', 'rpc\u001b[2J')],
    ['a line separator', record.replace('rpc', 'rpc\u2028')],
    ['a reversed text', record.replace('rpc', 'rpc\u202e')],
  ])('%s', (_, log) => {
    expect(recordsOf(record, 'json')).toHaveLength(1);
    expect(() => recordsOf(log, 'json')).toThrow();
    expect(() => recordsOf(log.replace('{', '[12:00:00.000] INFO: {'), 'pretty')).toThrow();
  });
});
