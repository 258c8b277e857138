import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/event.ts';
import { createMetrics } from '../../src/ops/metrics.ts';

async function rendered(...events: Event[]): Promise<string[]> {
  const metrics = createMetrics(['SendCode', 'CheckCode']);
  events.forEach(metrics.observe);
  return (await metrics.render()).split('\n').filter((line) => line.startsWith('countersign_'));
}

function rpc(over: Partial<Extract<Event, { type: 'rpc' }>>): Event {
  return {
    type: 'rpc',
    edge: 'grpc',
    method: 'SendCode',
    status: 'OK',
    reason: null,
    seconds: 0.02,
    facts: {},
    ...over,
  };
}

const ATTEMPT = {
  type: 'attempt',
  verificationId: 'v-1',
  country: 'US',
  provider: 'twilio',
  actor: 'nobody',
  vendorRequestId: 'RQ1',
  unlistedCode: '',
  seconds: 3,
} as const;
const REPORT = { type: 'report', ...{ verificationId: '', country: '' }, provider: 'twilio' } as const;

const cases: [what: string, event: Event, lines: string[]][] = [
  [
    'a send',
    rpc({ facts: { outcome: 'sent', provider: 'console', caller: 'auth', phone: '****0123' } }),
    [
      'countersign_rpc_seconds_bucket{le="0.01",edge="grpc",method="SendCode",status="OK"} 0',
      'countersign_rpc_seconds_bucket{le="0.025",edge="grpc",method="SendCode",status="OK"} 1',
      'countersign_rpc_seconds_count{edge="grpc",method="SendCode",status="OK"} 1',
      'countersign_sends_total{outcome="sent",provider="console"} 1',
    ],
  ],
  [
    'a check',
    rpc({ edge: 'connect', method: 'CheckCode', facts: { outcome: 'wrong_code' } }),
    [
      'countersign_rpc_seconds_count{edge="connect",method="CheckCode",status="OK"} 1',
      'countersign_checks_total{result="wrong_code"} 1',
    ],
  ],
  [
    'a refusal',
    rpc({ status: 'RESOURCE_EXHAUSTED', reason: 'COOLDOWN' }),
    [
      'countersign_rpc_seconds_count{edge="grpc",method="SendCode",status="RESOURCE_EXHAUSTED"} 1',
      'countersign_refusals_total{reason="COOLDOWN"} 1',
    ],
  ],
  [
    'a store operation',
    { type: 'store', operation: 'check', error: new Error('away'), seconds: 0.4 },
    [
      'countersign_store_seconds_bucket{le="0.25",operation="check",ok="false"} 0',
      'countersign_store_seconds_bucket{le="0.5",operation="check",ok="false"} 1',
      'countersign_store_seconds_count{operation="check",ok="false"} 1',
    ],
  ],
  [
    'an attempt to send',
    { ...ATTEMPT, result: 'unknown', category: 'timeout', vendorCode: 'timeout' },
    [
      'countersign_provider_attempts_total{provider="twilio",result="unknown",category="timeout",code="timeout"} 1',
      'countersign_provider_failures_total{provider="twilio",category="timeout"} 1',
    ],
  ],
  [
    'a code that no table lists',
    { ...ATTEMPT, result: 'unavailable', category: 'unknown', vendorCode: 'unlisted', unlistedCode: '29999' },
    [
      'countersign_provider_attempts_total{provider="twilio",result="unavailable",category="unknown",code="unlisted"} 1',
      'countersign_provider_unlisted_codes_total{provider="twilio"} 1',
    ],
  ],
  [
    'a provider that is left alone',
    { type: 'breaker', provider: 'twilio', country: '', state: 'open' },
    ['countersign_provider_breaker_open{provider="twilio"} 1'],
  ],
  [
    'a provider that is tried again',
    { type: 'breaker', provider: 'twilio', country: '', state: 'half_open' },
    ['countersign_provider_breaker_open{provider="twilio"} 0.5'],
  ],
  [
    'a delivery',
    { ...REPORT, status: 'delivered', category: '', vendorCode: '', outcome: 'applied', seconds: 4 },
    [
      'countersign_delivery_reports_total{provider="twilio",status="delivered",category="",code="",outcome="applied"} 1',
      'countersign_delivery_seconds_bucket{le="3",provider="twilio"} 0',
      'countersign_delivery_seconds_bucket{le="5",provider="twilio"} 1',
    ],
  ],
  [
    'a message that did not arrive',
    { ...REPORT, status: 'failed', category: 'unreachable', vendorCode: '30003', outcome: 'applied', seconds: 4 },
    [
      'countersign_delivery_reports_total{provider="twilio",status="failed",category="unreachable",code="30003",outcome="applied"} 1',
    ],
  ],
  [
    'a forged report',
    { type: 'callback_refused', provider: 'twilio', why: 'forged' },
    ['countersign_callbacks_refused_total{provider="twilio",why="forged"} 1'],
  ],
  [
    'reports that could not be had',
    { type: 'reports_failed', provider: 'tencent', error: new Error() },
    ['countersign_report_failures_total{provider="tencent"} 1'],
  ],
  [
    'an approval that a vendor was told',
    { type: 'conversion', provider: 'twilio', ok: true, vendorCode: '' },
    ['countersign_conversions_total{provider="twilio",ok="true"} 1'],
  ],
  [
    'a send that was not settled',
    { type: 'settle_failed', refund: true, attempt: 0, error: new Error() },
    ['countersign_settle_failures_total{refund="true"} 1'],
  ],
  ['a fault', { type: 'fault', where: 'SendCode', error: new Error() }, ['countersign_faults_total 1']],
  ['a lost store', { type: 'store_connection', state: 'lost' }, ['countersign_store_lost 1']],
];

test.each(cases)('%s is counted', async (_, event, lines) => {
  expect(await rendered(event)).toEqual(expect.arrayContaining(lines));
});

test('only deliveries have seconds to delivery, and codes that nobody lists are no label', async () => {
  const failed = { ...REPORT, status: 'failed', category: 'unknown', vendorCode: 'other', seconds: 4 } as const;
  const lines = await rendered(
    { ...failed, outcome: 'applied' },
    { ...ATTEMPT, result: 'unavailable', category: 'unknown', vendorCode: 'unlisted', unlistedCode: '29999' },
  );
  expect(lines.join()).not.toMatch(/countersign_delivery_seconds_count|29999|RQ1/);
});

test('a store that came back is not lost', async () => {
  const lines = await rendered(
    { type: 'store_connection', state: 'lost' },
    { type: 'store_connection', state: 'ready' },
  );
  expect(lines).toContain('countersign_store_lost 0');
});

describe('labels are bounded', () => {
  test('methods that do not exist share one label', async () => {
    const lines = await rendered(...['Nope', 'SendCode ', '../etc', 'Check'].map((method) => rpc({ method })));
    expect(lines).toContain('countersign_rpc_seconds_count{edge="grpc",method="unknown",status="OK"} 4');
    expect(lines.join()).not.toMatch(/Nope|etc/);
  });

  test('a check without a verdict counts as none', async () => {
    const lines = await rendered(rpc({ method: 'CheckCode', facts: { outcome: 'surprise' } }));
    expect(lines.join()).not.toContain('surprise');
  });
});

test('no label holds a caller, a phone or a verification', async () => {
  const facts = { caller: 'auth', phone: '****0123', verificationId: 'x7f', purpose: 'login', outcome: 'sent' };
  expect((await rendered(rpc({ facts }))).join()).not.toMatch(/auth|0123|x7f|login/);
});

test('the process is measured too', async () => {
  const metrics = createMetrics([]);
  expect(await metrics.render()).toMatch(/^process_resident_memory_bytes \d/m);
  expect(metrics.contentType).toContain('text/plain');
});
