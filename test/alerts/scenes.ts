/**
 * What happens before each alert fires, and what happens without it firing. Time is in minutes: one scrape each, ten of
 * them in which nothing happens at first. So what a scene begins with is the first event that ever was.
 */
import type { FailureCategory } from '../../src/domain/delivery.ts';
import type { Event } from '../../src/event.ts';
import type { ExpectedProvider } from '../../src/ops/metric-zeros.ts';

/** In one minute: events, a new process in the place of the old one, or no process at all. */
export type Minute = readonly Event[] | 'restart' | 'gone';

export interface Scene {
  readonly alert: string;
  readonly name: string;
  readonly minutes: Readonly<Record<number, Minute>>;
  /** When the alerts are looked at. */
  readonly at: number;
  /** The labels with which it fires; null when it stays silent. */
  readonly fires: Readonly<Record<string, string>> | null;
}

/** The first minute in which something happens. */
export const FIRST = 10;

export const PROVIDERS: readonly ExpectedProvider[] = [
  { name: 'twilio', reports: true, conversions: true },
  { name: 'webhook', reports: false, conversions: false },
];

const TWILIO = { provider: 'twilio' };
const call = { type: 'rpc', edge: 'grpc', seconds: 0.1, reason: null } as const;
const sent = (outcome = 'sent'): Event => ({
  ...call,
  method: 'SendCode',
  status: 'OK',
  facts: { outcome, provider: 'twilio' },
});
const checked = (outcome: string): Event => ({ ...call, method: 'CheckCode', status: 'OK', facts: { outcome } });
const refused = (reason: 'STORE_UNAVAILABLE' | 'COOLDOWN'): Event => ({
  ...call,
  method: 'SendCode',
  status: 'UNAVAILABLE',
  facts: {},
  reason,
});
const ids = { verificationId: 'id', country: 'US' };
const attempt = {
  type: 'attempt',
  provider: 'twilio',
  ...ids,
  actor: 'nobody',
  vendorRequestId: '',
  seconds: 1,
} as const;
const accepted: Event = { ...attempt, result: 'accepted', category: '', vendorCode: '', unlistedCode: '' };
const failed = (category: FailureCategory, unlistedCode = ''): Event => ({
  ...attempt,
  result: 'unavailable',
  category,
  vendorCode: '20003',
  unlistedCode,
});
const report = { type: 'report', provider: 'twilio', ...ids, category: '', vendorCode: '' } as const;
const delivered = (seconds: number): Event => ({ ...report, status: 'delivered', outcome: 'applied', seconds });
const superseded: Event = { ...report, status: 'delivered', outcome: 'superseded', seconds: null };
const breaker = (state: 'open' | 'closed', country = ''): Event => ({
  type: 'breaker',
  provider: 'twilio',
  country,
  state,
});
const store = (state: 'lost' | 'ready'): Event => ({ type: 'store_connection', state });
const forged: Event = { type: 'callback_refused', provider: 'twilio', why: 'forged' };
const reportsFailed: Event = { type: 'reports_failed', provider: 'twilio', error: new Error() };
const settleFailed: Event = { type: 'settle_failed', refund: true, attempt: 0, error: new Error() };
const shed: Event = { type: 'shed', class: 'check', why: 'overloaded' };
const fault: Event = { type: 'fault', where: 'SendCode', error: new Error() };

const times = (count: number, ...events: readonly Event[]): Event[] =>
  Array.from({ length: count }, () => events).flat();
/** The same in each minute from `first` to `last`. */
const each = (first: number, last: number, events: Minute): Record<number, Minute> =>
  Object.fromEntries(Array.from({ length: last - first + 1 }, (_, index) => [first + index, events]));

type Row = readonly [alert: string, name: string, minutes: Scene['minutes'], at: number, fires: Scene['fires']];

/** `fires` comes first, and happens where nothing has ever happened before. */
const ROWS: readonly Row[] = [
  ['CountersignMissing', 'no instance is left', each(FIRST, 30, 'gone'), 25, {}],
  ['CountersignMissing', 'an instance starts anew', { [FIRST]: 'gone', 11: 'restart' }, 20, null],

  ['CountersignStoreLost', 'Redis is away', { [FIRST]: [store('lost')] }, 12, {}],
  ['CountersignStoreLost', 'a failover', { [FIRST]: [store('lost')], 11: [store('ready')] }, 13, null],

  ['CountersignCallersNotServed', 'the first call fails', { [FIRST]: [refused('STORE_UNAVAILABLE')] }, 11, {}],
  ['CountersignCallersNotServed', 'users press too early', { [FIRST]: times(9, refused('COOLDOWN')) }, 11, null],
  [
    'CountersignCallersNotServed',
    'one call in a hundred fails',
    { [FIRST]: [...times(99, sent()), refused('STORE_UNAVAILABLE')] },
    11,
    null,
  ],

  ['CountersignOverloaded', 'ten calls a second are refused', each(FIRST, 15, times(600, shed)), 15, {}],
  ['CountersignOverloaded', 'a burst', { [FIRST]: times(90, shed) }, 12, null],

  ['CountersignFaults', 'the first fault', { [FIRST]: [fault] }, 11, {}],
  ['CountersignFaults', 'a fault long ago, then a restart', { 1: [fault], 13: 'restart' }, 15, null],

  ['CountersignSettleFailures', 'the first failure', { [FIRST]: [settleFailed] }, 11, {}],
  ['CountersignSettleFailures', 'sends that are settled', { [FIRST]: times(50, sent()) }, 11, null],

  ['CountersignGuessing', 'wrong codes, and never a right one', { [FIRST]: times(25, checked('wrong_code')) }, 11, {}],
  ['CountersignGuessing', 'one user mistypes', { [FIRST]: times(5, checked('wrong_code')) }, 11, null],
  [
    'CountersignGuessing',
    'many users mistype',
    { [FIRST]: times(40, checked('wrong_code'), checked('approved')) },
    11,
    null,
  ],

  ['CountersignCodesUnused', 'codes, and never an approval', each(FIRST, 30, times(3, sent())), 30, {}],
  ['CountersignCodesUnused', 'codes that are used', each(FIRST, 30, times(3, sent(), checked('approved'))), 30, null],
  [
    'CountersignCodesUnused',
    'a rush whose users are still typing',
    { [FIRST]: times(60, sent()), 12: times(55, checked('approved')) },
    30,
    null,
  ],

  ['CountersignProviderLeftAlone', 'the breaker opens', { [FIRST]: [breaker('open')] }, 11, TWILIO],
  [
    'CountersignProviderLeftAlone',
    'it opens for a country',
    { [FIRST]: [breaker('open', 'CN')] },
    11,
    { ...TWILIO, country: 'CN' },
  ],
  [
    'CountersignProviderLeftAlone',
    'it closed again',
    { [FIRST]: [breaker('open')], 11: [breaker('closed')] },
    12,
    null,
  ],

  [
    'CountersignProviderAccount',
    'the first refusal',
    { [FIRST]: [failed('balance')] },
    11,
    { ...TWILIO, category: 'balance' },
  ],
  ['CountersignProviderAccount', 'numbers that do not exist', { [FIRST]: [failed('invalid_number')] }, 11, null],

  [
    'CountersignProviderSettings',
    'the first refusal',
    { [FIRST]: [failed('template')] },
    11,
    { ...TWILIO, category: 'template' },
  ],
  ['CountersignProviderSettings', 'a busy vendor', { [FIRST]: times(9, failed('transient')) }, 11, null],

  ['CountersignUnlistedCode', 'the first one', { [FIRST]: [failed('unknown', '99999')] }, 11, TWILIO],
  ['CountersignUnlistedCode', 'a listed one', { [FIRST]: [failed('unknown')] }, 11, null],

  ['CountersignAnswersLost', 'sends in doubt, and never a sure one', { [FIRST]: times(6, sent('maybe_sent')) }, 11, {}],
  [
    'CountersignAnswersLost',
    'one in a hundred',
    { [FIRST]: [...times(792, sent()), ...times(8, sent('maybe_sent'))] },
    11,
    null,
  ],

  ['CountersignNotDelivered', 'no report ever came', each(FIRST, 40, times(3, accepted)), 40, TWILIO],
  ['CountersignNotDelivered', 'all arrive', each(FIRST, 40, times(3, accepted, delivered(4))), 40, null],
  [
    'CountersignNotDelivered',
    'half of the users ask for a second one before the first is reported',
    each(FIRST, 40, times(2, accepted, accepted, delivered(4), superseded)),
    40,
    null,
  ],
  [
    'CountersignNotDelivered',
    'a rush whose reports are on their way',
    { [FIRST]: times(60, accepted), 13: times(60, delivered(150)) },
    40,
    null,
  ],
  [
    'CountersignNotDelivered',
    'a provider that reports nothing',
    each(FIRST, 40, times(3, { ...accepted, provider: 'webhook' } as Event)),
    40,
    null,
  ],

  ['CountersignDeliveredLate', 'the first ones are late', { [FIRST]: times(12, delivered(50)) }, 11, TWILIO],
  ['CountersignDeliveredLate', 'all arrive in time', { [FIRST]: times(12, delivered(5)) }, 11, null],
  ['CountersignDeliveredLate', 'one handset was off', { [FIRST]: [delivered(600)] }, 11, null],

  ['CountersignReportsRefused', 'the first ones', { [FIRST]: times(25, forged) }, 11, TWILIO],
  ['CountersignReportsRefused', 'a stray request', { [FIRST]: [forged] }, 11, null],

  ['CountersignReportsLost', 'the first failure', { [FIRST]: [reportsFailed] }, 11, TWILIO],
  ['CountersignReportsLost', 'reports that arrive', { [FIRST]: times(9, delivered(3)) }, 11, null],
];

export const SCENES: readonly Scene[] = ROWS.map(([alert, name, minutes, at, fires]) => ({
  alert,
  name,
  minutes,
  at,
  fires,
}));
