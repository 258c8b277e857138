/**
 * Tencent's delivery reports: as it calls back (document 382/59178), and as they are fetched from it (382/55968).
 * Callbacks are not signed, so they come to a path that only Tencent knows, and from addresses that the operator lists.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { rangeOf } from '../../config/address.ts';
import type { DeliveryReport, FailureCategory } from '../../domain/delivery.ts';
import type { ReportReading, ReportRequest, Reports } from '../provider.ts';
import { type Connection, isRecord } from './client.ts';

export interface ReportOptions {
  readonly sdkAppId: string;
  /** Reports may be fetched; Tencent has to enable this for the account. */
  readonly poll: boolean;
  /** Without it Tencent's callbacks are not read. */
  readonly callback?: CallbackOptions;
}

export interface CallbackOptions {
  /** Begins with `/`; not to be guessed. */
  readonly path: string;
  /** Addresses and CIDR ranges; any may call when empty. */
  readonly addresses: readonly string[];
}

/** The most in one callback, and in one answer to a poll. */
const MAX_REPORTS = 100;
/** Of one poll, so that it ends however fast new reports come in; the next one goes on. */
const MAX_ROUNDS = 10;
const ANSWER = { status: 200, body: '{"result":0,"errmsg":"OK"}' } as const;

/** Null when reports come in neither way. Throws when an address of `callback` is not one. */
export function createReports({ callback, poll, sdkAppId }: ReportOptions, connection: Connection): Reports | null {
  if (callback === undefined && !poll) return null;
  return {
    // Tencent returns the report token only for accounts for which it enabled that.
    byMessageId: true,
    ...(callback !== undefined && { read: createReader(callback) }),
    ...(poll && { poll: (signal: AbortSignal) => fetchReports(connection, sdkAppId, signal) }),
  };
}

function createReader({ path, addresses }: CallbackOptions): NonNullable<Reports['read']> {
  const secret = digest(path);
  const allows = allowList(addresses);
  return (request: ReportRequest): ReportReading => {
    // The comparison needs two texts of one length, such as digests.
    if (!timingSafeEqual(digest(request.path), secret) || !allows(request.address)) return { kind: 'forged' };
    const items = itemsIn(request.body);
    if (items === null) return { kind: 'malformed' };
    const reports = items.map((item) =>
      reportOf({ serial: item.sid, session: item.ext, status: item.report_status, word: item.errmsg }),
    );
    const read = reports.filter((report) => report !== null);
    // One report of a kind that is not known yet must not hold up the others of its batch.
    return read.length === 0 && items.length > 0
      ? { kind: 'malformed' }
      : { kind: 'reports', reports: read, answer: ANSWER };
  };
}

/** Throws when the first call fails. The error has nothing of the vendor's text. */
async function fetchReports(connection: Connection, sdkAppId: string, signal: AbortSignal): Promise<DeliveryReport[]> {
  const reports: DeliveryReport[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const outcome = await connection.call('PullSmsSendStatus', { Limit: MAX_REPORTS, SmsSdkAppId: sdkAppId }, signal);
    // Without reports the set is empty; like other lists of Tencent's APIs it can also be null.
    const items = outcome.kind === 'answered' ? (outcome.response.PullSmsSendStatusSet ?? []) : null;
    if (!Array.isArray(items)) {
      // Tencent hands out each report once: those of earlier rounds would be lost with an error.
      if (round > 0) break;
      const why =
        outcome.kind === 'refused'
          ? outcome.code
          : outcome.kind === 'failed'
            ? outcome.failure.vendorCode
            : 'malformed';
      const error = new Error(`Tencent's delivery reports could not be fetched: ${why}`);
      // The log shows codes of errors, never their texts.
      throw Object.assign(error, { code: why });
    }
    for (const item of items.filter(isRecord)) {
      const { SerialNo: serial, SessionContext: session, ReportStatus: status, Description: word } = item;
      const report = reportOf({ serial, session, status, word });
      if (report !== null) reports.push(report);
    }
    if (items.length < MAX_REPORTS) break;
  }
  return reports;
}

/** A SerialNo; null when the value is not one, or cannot be stored. */
export function serialIn(value: unknown): string | null {
  return typeof value === 'string' && /^[\x21-\x7e]{1,128}$/.test(value) ? value : null;
}

interface Reported {
  readonly serial: unknown;
  readonly session: unknown;
  readonly status: unknown;
  /** The carrier's word; new ones may come up at any time. */
  readonly word: unknown;
}

function reportOf({ serial, session, status, word }: Reported): DeliveryReport | null {
  const messageId = serialIn(serial);
  if (messageId === null) return null;
  // Comes only where Tencent enabled it for the account.
  const token = typeof session === 'string' && /^[\w-]{1,200}$/.test(session) ? session : '';
  if (status === 'SUCCESS') return { token, messageId, status: 'delivered', category: '', vendorCode: '' };
  if (status !== 'FAIL') return null;
  return { token, messageId, status: 'failed', ...failureOf(typeof word === 'string' ? word : '') };
}

/** From an older list of Tencent's; a star stands for any end. */
const WORDS: Readonly<Partial<Record<FailureCategory, readonly string[]>>> = {
  invalid_number: ['MK:0000', 'MK:0001', 'MK:0012', 'MK:0013', 'ERR_NUM', 'XL:169'],
  unreachable: ['UNDELIV', 'EXPIRED', 'MI:0013', 'MI:0024', 'MN:0059', 'MK:0010', 'MK:0017'],
  blocked: ['MB:1077', 'DB:0141', 'DB:0144', 'DB:0164', 'TD:0001', 'TD:19', 'TUIDING', 'HIGRISK', 'BWLIST*'],
  rate_limited: ['TE:0003'],
  transient: ['NOROUTE', 'I*', 'MA*', 'MC*'],
};
const CATEGORIES = new Map(
  Object.entries(WORDS).flatMap(([category, words]) =>
    words.map((word) => [word, category as FailureCategory] as const),
  ),
);
const FAMILIES = [...CATEGORIES.keys()].filter((word) => word.endsWith('*'));

function failureOf(word: string): { category: FailureCategory; vendorCode: string } {
  const listed = CATEGORIES.has(word) ? word : FAMILIES.find((family) => word.startsWith(family.slice(0, -1)));
  return { category: CATEGORIES.get(listed ?? '') ?? 'unknown', vendorCode: listed ?? 'other' };
}

function itemsIn(body: Buffer): readonly Readonly<Record<string, unknown>>[] | null {
  let items: unknown;
  try {
    items = JSON.parse(body.toString());
  } catch {
    return null;
  }
  return Array.isArray(items) && items.length <= MAX_REPORTS && items.every(isRecord) ? items : null;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** IPv4 within IPv6 counts as IPv4. */
function allowList(addresses: readonly string[]): (address: string) => boolean {
  if (addresses.length === 0) return () => true;
  const list = new BlockList();
  for (const entry of addresses) {
    const range = rangeOf(entry);
    if (range === null) throw new Error(`${entry} is neither an address nor a range in CIDR notation`);
    list.addSubnet(range.address, range.bits, range.family);
  }
  return (address) => isIP(address) !== 0 && list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}
