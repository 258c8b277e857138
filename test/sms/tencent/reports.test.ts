import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DeliveryReport } from '../../../src/domain/delivery.ts';
import type { ReportReading } from '../../../src/sms/provider.ts';
import { patienceWith } from '../../support/patience.ts';
import { startTencentFake, type TencentFake, VENDOR_TEXT } from '../../support/tencent-fake.ts';
import { json } from '../../support/vendor-server.ts';
import { NEVER, SECRETS, tencentTo } from './fixture.ts';

const DENIED = { Code: 'UnauthorizedOperation.RequestPermissionDeny', Message: VENDOR_TEXT };
const PATH = '/K3x9_unguessable-0123456789';
const DELIVERED: DeliveryReport = { token: '', messageId: '5000:1', status: 'delivered', category: '', vendorCode: '' };
/** One item of a callback, as document 382/59178 has it. */
const ITEM = {
  user_receive_time: '2015-10-17 08:03:04',
  nationcode: '86',
  mobile: '18501234444',
  report_status: 'SUCCESS',
  errmsg: 'DELIVRD',
  description: '用户短信送达成功',
  sid: '5000:1',
};

interface Callback {
  readonly path?: string;
  readonly address?: string;
  readonly addresses?: readonly string[];
}

function read(body: unknown, { path = PATH, address = '203.0.113.7', addresses = [] }: Callback = {}): ReportReading {
  const provider = tencentTo('https://sms.tencentcloudapi.com', { callback: { path: PATH, addresses } });
  const reading = provider.reports?.read?.({
    url: `https://sms.example.com/tencent${path}`,
    path,
    headers: {},
    body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    address,
    now: 0,
  });
  if (reading === undefined) throw new Error('reads no callbacks');
  return reading;
}

describe('a callback', () => {
  test('is answered as Tencent wants it, and tells of every message', () => {
    expect(read([ITEM, { ...ITEM, sid: '5000:2' }])).toEqual({
      kind: 'reports',
      reports: [DELIVERED, { ...DELIVERED, messageId: '5000:2' }],
      answer: { status: 200, body: '{"result":0,"errmsg":"OK"}' },
    });
    expect(read([])).toMatchObject({ kind: 'reports', reports: [] });
    expect(read(Array(100).fill(ITEM))).toMatchObject({ kind: 'reports' });
  });

  test('leads by the token where Tencent echoes it', () => {
    expect(read([{ ...ITEM, ext: 'AbCd_-0123' }])).toMatchObject({ reports: [{ token: 'AbCd_-0123' }] });
  });

  test.each(['', 'not a token', 'x'.repeat(201), 7, null])('leads by the id alone when the echo is %j', (ext) => {
    expect(read([{ ...ITEM, ext }])).toMatchObject({ reports: [DELIVERED] });
  });

  test.each([
    ['invalid_number', 'MK:0000 MK:0001 MK:0012 MK:0013 ERR_NUM XL:169'],
    ['unreachable', 'UNDELIV EXPIRED MI:0013 MI:0024 MN:0059 MK:0010 MK:0017'],
    ['blocked', 'MB:1077 DB:0141 DB:0144 DB:0164 TD:0001 TD:19 TUIDING HIGRISK'],
    ['rate_limited', 'TE:0003'],
    ['transient', 'NOROUTE'],
  ])('says why a message failed: %s', (category, words) => {
    for (const errmsg of words.split(' ')) {
      const report = { ...DELIVERED, status: 'failed', category, vendorCode: errmsg };
      expect(read([{ ...ITEM, report_status: 'FAIL', errmsg }])).toMatchObject({ reports: [report] });
    }
  });

  test.each([
    ['BWLISTS', 'blocked', 'BWLIST*'],
    ['IA:0051', 'transient', 'I*'],
    ['IC:0001', 'transient', 'I*'],
    ['MA:0054', 'transient', 'MA*'],
    ['MC:0055', 'transient', 'MC*'],
    ['MK:9999', 'unknown', 'other'],
    ['13800138000', 'unknown', 'other'],
    ['', 'unknown', 'other'],
    [undefined, 'unknown', 'other'],
    ['__proto__', 'unknown', 'other'],
  ])('calls failures by a bounded set of words: %j', (errmsg, category, vendorCode) => {
    const report = { status: 'failed', category, vendorCode };
    expect(read([{ ...ITEM, report_status: 'FAIL', errmsg }])).toMatchObject({ reports: [report] });
  });

  test.each([
    ['another status', { report_status: 'PENDING' }],
    ['no status', { report_status: undefined }],
    ['no id', { sid: undefined }],
    ['an id that is none', { sid: 'two words' }],
    ['an endless id', { sid: 'x'.repeat(129) }],
  ])('is heard without the items that say nothing: %s', (_, item) => {
    expect(read([{ ...ITEM, ...item }, ITEM])).toMatchObject({ kind: 'reports', reports: [DELIVERED] });
    expect(read([{ ...ITEM, ...item }])).toEqual({ kind: 'malformed' });
  });

  test.each([
    ['no JSON', 'user_receive_time=1'],
    ['nothing', ''],
    ['no list', ITEM],
    ['a list of texts', ['SUCCESS']],
    ['a list of nulls', [null]],
    ['more than Tencent sends', Array(101).fill(ITEM)],
  ])('is not understood: %s', (_, body) => {
    expect(read(body)).toEqual({ kind: 'malformed' });
  });

  test.each(['', '/', '/K3', PATH.slice(0, -1), `${PATH}/`, `${PATH}x`, PATH.toLowerCase(), `/${PATH}`])(
    'to another path is forged: %j',
    (path) => {
      expect(read([ITEM], { path })).toEqual({ kind: 'forged' });
    },
  );

  test.each([
    ['203.0.113.7', true],
    ['::ffff:203.0.113.7', true],
    ['203.0.113.8', false],
    ['198.51.100.255', true],
    ['::ffff:c633:64ff', true],
    ['198.51.101.0', false],
    ['2001:db8::1', true],
    ['2001:db9::1', false],
    ['203.0.113.70', false],
    ['', false],
    ['no address', false],
  ])('comes from listed addresses only: %s %s', (address, allowed) => {
    const addresses = ['203.0.113.7', '198.51.100.0/24', '2001:db8::/32'];
    expect(read([ITEM], { address, addresses }).kind).toBe(allowed ? 'reports' : 'forged');
  });

  test.each([
    '203.0.113.256',
    'example.com',
    '203.0.113.0/33',
    '203.0.113.0/',
    '203.0.113.0/8/8',
    '2001:db8::/129',
    '',
  ])('cannot be allowed from what is no address: %j', (entry) => {
    expect(() => read([ITEM], { addresses: [entry] })).toThrow('neither an address nor a range');
  });
});

describe('a poll', () => {
  let fake: TencentFake;

  beforeEach(async () => {
    fake = await startTencentFake(SECRETS);
  });
  afterEach(() => fake.server.stop());

  const status = (number: number, more: object = {}) => ({
    UserReceiveTime: 1_620_734_188,
    CountryCode: '86',
    SubscriberNumber: '18501234444',
    PhoneNumber: '+8618501234444',
    SerialNo: `5000:${number}`,
    ReportStatus: 'SUCCESS',
    Description: 'DELIVRD',
    SessionContext: '',
    ...more,
  });
  const poll = async (signal = NEVER) => tencentTo(fake.url).reports?.poll?.(signal);

  test('tells of messages as callbacks do', async () => {
    fake.statuses.push(
      status(1, { SessionContext: 'AbCd_-0123' }),
      status(2, { ReportStatus: 'FAIL', Description: 'MK:0001' }),
      status(3, { ReportStatus: 'FAIL', Description: '关机' }),
      status(4, { ReportStatus: 'PENDING' }),
    );
    expect(await poll()).toEqual([
      { ...DELIVERED, token: 'AbCd_-0123' },
      { token: '', messageId: '5000:2', status: 'failed', category: 'invalid_number', vendorCode: 'MK:0001' },
      { token: '', messageId: '5000:3', status: 'failed', category: 'unknown', vendorCode: 'other' },
    ]);
    expect(await poll()).toEqual([]);
  });

  test('goes on while there may be more, but not for ever', async () => {
    fake.statuses.push(...Array.from({ length: 250 }, (_, number) => status(number)));
    expect(await poll()).toHaveLength(250);
    expect(fake.pulls).toEqual([100, 100, 100]);
    fake.statuses.push(...Array.from({ length: 1_500 }, (_, number) => status(number)));
    expect(await poll()).toHaveLength(1_000);
    expect(fake.pulls).toHaveLength(13);
  });

  test('keeps what it has when a later round fails, for each status is handed out once', async () => {
    const PullSmsSendStatusSet = Array.from({ length: 100 }, (_, number) => status(number));
    fake.server.behave(() =>
      fake.server.requests.length === 1 ? json(200, { Response: { PullSmsSendStatusSet } }) : { do: 'reset_after' },
    );
    expect(await poll()).toHaveLength(100);
    expect(fake.server.requests).toHaveLength(2);
  });

  test.each([
    ['refused', json(200, { Response: { Error: DENIED } })],
    ['silent', { do: 'hang' }],
    ['no answer', { do: 'answer', body: '{"Response":{"PullSmsSendStatusSet":"none"}}' }],
  ] as const)('that fails says so, without a word of the vendor: %s', async (_, behaviour) => {
    fake.misbehave(behaviour);
    const failure = await poll(patienceWith(behaviour, fake.server))?.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).toMatch(
      /^Error: Tencent's delivery reports could not be fetched: (timeout|malformed|UnauthorizedOperation\.\w+)$/,
    );
    expect(failure, 'the log shows the code only').toHaveProperty('code', String(failure).replace(/^.*: /, ''));
  });
});

test('there are reports only where they are switched on, and they may lead by id', () => {
  expect(tencentTo('https://sms.tencentcloudapi.com', { poll: false }).reports).toBeUndefined();
  const { reports: polled } = tencentTo('https://sms.tencentcloudapi.com');
  expect(polled).toMatchObject({ byMessageId: true, poll: expect.any(Function) });
  expect(polled?.read).toBeUndefined();
});
